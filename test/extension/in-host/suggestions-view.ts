import { acceptIn } from "./buttons.ts";
import { POINT_CODE, diagnostics, keptExtension, openFile, storedEvent, suggest, until } from "./editor.ts";
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import * as vscode from "vscode";

const run = (command: string, ...args: unknown[]) => vscode.commands.executeCommand(command, ...args);
const rows = () => keptExtension().exports.suggestionRows();
const rowWith = (...parts: string[]) =>
  until(`a row with ${parts.join(", ")}`, async () =>
    (await rows()).find((row) => parts.every((part) => row.includes(part))),
  );

export function describeSuggestionsView(): void {
  describe("suggestions view", () => {
    afterEach(() => run("workbench.action.closeAllEditors"));

    it("has a row for each suggestion, with outcome, retention and model", async () => {
      await acceptIn("src/view-accepted.ts");
      const row = await rowWith("view-accepted.ts:11", "after");
      assert.match(row, /accepted · 100 % after \d+ s · base model$/);
    });

    it("says what was rejected and what was undone", async () => {
      await openFile("src/view-rejected.ts", POINT_CODE);
      await suggest();
      await run("kept.rejectSuggestion");
      await rowWith("view-rejected.ts:11", "rejected");
      const { id } = await acceptIn("src/view-undone.ts");
      await run("undo");
      await storedEvent("undone", id);
      await rowWith("view-undone.ts", "accepted, then undone");
    });

    it("groups by day, or by file", async () => {
      assert.match((await rows())[0]!, /^Today \d+$/);
      await run("kept.groupByFile");
      assert.ok((await rows()).some((row) => /^view-accepted\.ts src · 1$/.test(row)));
      await run("kept.groupByDay");
      assert.match((await rows())[0]!, /^Today /);
    });

    it("comes into focus by its command, and its rows can be filtered", async () => {
      await run("kept.showSuggestions");
      const before = (await rows()).length;
      await run("kept.filterSuggestions", "refused");
      const refused = await rows();
      assert.ok(refused.length < before);
      assert.ok(refused.filter((row) => row.startsWith("  ")).every((row) => /rejected|typed over|undone/.test(row)));
      await run("kept.clearFilter");
      assert.equal((await rows()).length, before);
    });

    it("shows the code where it stands now, after edits above it", async () => {
      const { id, editor } = await acceptIn("src/view-moved.ts");
      await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "// one\n// two\n// three\n"));
      await run("workbench.action.closeEditorsInOtherGroups");
      editor.selection = new vscode.Selection(0, 0, 0, 0);
      await run("kept.revealSuggestion", id);
      await until("the code's line", () => vscode.window.activeTextEditor?.selection.active.line === 13);
    });

    it("follows the code through a change of its file on disk", async () => {
      const { id, editor } = await acceptIn("src/view-on-disk.ts");
      const { document } = editor;
      await document.save();
      const written = Buffer.from(`// one\n// two\n${document.getText()}`);
      await vscode.workspace.fs.writeFile(document.uri, written);
      await until("the new text", () => document.lineAt(0).text === "// one");
      await run("kept.revealSuggestion", id);
      await until("the code's line", () => vscode.window.activeTextEditor?.selection.active.line === 12);
    });

    it("says so when the file is gone", async () => {
      const { id, editor } = await acceptIn("src/view-gone.ts");
      const { uri } = editor.document;
      await run("workbench.action.revertAndCloseActiveEditor");
      await vscode.workspace.fs.delete(uri);
      await run("kept.revealSuggestion", id);
      assert.notEqual(vscode.window.activeTextEditor?.document.uri.toString(), uri.toString());
    });

    it("is remembered in the editor's storage", async () => {
      const { id } = await acceptIn("src/view-stored.ts");
      const file = path.join(diagnostics().storage, "journal/journal.jsonl");
      await until("the line", () => existsSync(file) && readFileSync(file, "utf8").includes(id));
      await run("kept.refreshSuggestions");
      await rowWith("view-stored.ts:11", "accepted");
    });

    it("remembers no code, path or line where only outcomes are recorded, and still takes a rating", async () => {
      const root = vscode.workspace.workspaceFolders![0]!.uri.fsPath;
      await run("kept.chooseCaptureLevel", "outcomes", root, "keep");
      try {
        const { id } = await acceptIn("src/view-outcomes.ts");
        // The window that showed it knows where, until it closes.
        await rowWith("view-outcomes.ts:11", "accepted");
        await run("kept.rateUp", id);
        await storedEvent("rated", id);
        await rowWith("view-outcomes.ts:11", "rated up");
        const file = path.join(diagnostics().storage, "journal/journal.jsonl");
        const stored = await until("the rating on disk", () =>
          readFileSync(file, "utf8")
            .split("\n")
            .find((line) => line.includes(id) && line.includes('"up"')),
        );
        assert.ok(!stored.includes("view-outcomes") && !stored.includes(root), stored);
        const entry = JSON.parse(stored) as { preview: unknown; line: number; isHidden: boolean };
        assert.deepEqual([entry.preview, entry.line, entry.isHidden], [null, 0, true]);
      } finally {
        await run("kept.chooseCaptureLevel", "code", root);
      }
    });

    it("copies the id of a row", async () => {
      const { id } = await acceptIn("src/view-copied.ts");
      await run("kept.copySuggestionId", { kind: "suggestion", id });
      assert.equal(await vscode.env.clipboard.readText(), id);
    });
  });
}
