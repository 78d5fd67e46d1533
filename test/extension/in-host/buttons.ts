import {
  POINT_CODE,
  diagnostics,
  keptExtension,
  openFile,
  showAgain,
  storedEvent,
  storedEvents,
  suggest,
  until,
} from "./editor.ts";
import assert from "node:assert/strict";
import * as vscode from "vscode";
const run = (command: string, ...args: unknown[]) => vscode.commands.executeCommand(command, ...args);
const ratingsOf = (id: string) =>
  storedEvents()
    .filter((event) => event.kind === "rated")
    .filter(({ suggestionId }) => suggestionId === id);

/** The last stored rating of a suggestion, once it is what is wanted. */
const rated = (id: string, verdict: string, reason?: string) =>
  until(`${id} rated ${verdict} ${reason ?? ""}`, () => {
    const last = ratingsOf(id).at(-1);
    return last?.verdict === verdict && (reason === undefined || last.reason === reason) ? last : null;
  });

/** A suggestion that was taken with Tab's command; the cursor stands behind it. */
export async function acceptIn(file: string): Promise<{ id: string; editor: vscode.TextEditor }> {
  const editor = await openFile(file, POINT_CODE);
  const id = await suggest();
  await run("editor.action.inlineSuggest.commit");
  await storedEvent("accepted", id);
  return { id, editor };
}

const actionsAt = async (editor: vscode.TextEditor): Promise<vscode.CodeAction[]> => {
  const { document, selection } = editor;
  const found = await run("vscode.executeCodeActionProvider", document.uri, selection);
  return (found as vscode.CodeAction[]).filter(({ command }) => command?.command.startsWith("kept."));
};
const lensesOf = async (editor: vscode.TextEditor): Promise<vscode.CodeLens[]> => {
  const found = await run("vscode.executeCodeLensProvider", editor.document.uri);
  return (found as vscode.CodeLens[]).filter(({ command }) => command?.command.startsWith("kept."));
};
const setLens = (mode: unknown) =>
  vscode.workspace.getConfiguration("kept").update("feedback.codeLens", mode, vscode.ConfigurationTarget.Global);

export function describeButtons(): void {
  describe("buttons", () => {
    afterEach(async () => {
      await run("workbench.action.closeQuickOpen");
      await run("workbench.action.closeAllEditors");
    });

    it("the light bulb has the thumbs while a suggestion is up", async () => {
      const editor = await openFile("src/bulb.ts", POINT_CODE);
      const id = await suggest();
      const actions = await actionsAt(editor);
      assert.deepEqual(
        actions.map(({ command }) => command?.command),
        ["kept.rateUp", "kept.rateDown", "kept.explainSuggestion"],
      );
      const up = actions[0]!.command!;
      await run(up.command, ...(up.arguments ?? []));
      await rated(id, "up");
      assert.equal(diagnostics().visible, id, "the rating took the suggestion away");
    });

    it("the light bulb has the thumbs over accepted code, and not elsewhere", async () => {
      const { id, editor } = await acceptIn("src/bulb-accepted.ts");
      const actions = await until("the actions", async () => {
        const found = await actionsAt(editor);
        return found.length > 0 ? found : null;
      });
      assert.ok(actions.every(({ command }) => command?.arguments?.[0] === id));
      editor.selection = new vscode.Selection(0, 0, 0, 0);
      await run("editor.action.inlineSuggest.hide");
      // Another suggestion may just have come up at the old place: it ends with the cursor's move.
      await until("no action", async () => (await actionsAt(editor)).length === 0);
    });

    it("a rating is withdrawn, and the light bulb offers that only while there is one", async () => {
      const { id, editor } = await acceptIn("src/withdraw.ts");
      const offersToWithdraw = async () =>
        (await actionsAt(editor)).some(({ command }) => command?.command === "kept.withdrawRating");
      await run("kept.rateUp", id);
      // Said for a few seconds from the command on: looked at before anything is waited for.
      assert.match(diagnostics().statusText, /thumbsup.*Rated up · Undo/);
      await rated(id, "up");
      await until("the offer to withdraw", offersToWithdraw);
      await run("kept.withdrawRating", id);
      await rated(id, "withdrawn");
      await until("no such offer", async () => !(await offersToWithdraw()));
    });

    it("the title's thumb means the suggestion of that editor", async () => {
      const { id, editor } = await acceptIn("src/title.ts");
      const at = editor.selection;
      await acceptIn("src/title-other.ts");
      await showAgain(editor.document, at);
      await run("kept.rateUp", editor.document.uri);
      await rated(id, "up");
    });

    it("the gutter's menu means the code of that line", async () => {
      const { id, editor } = await acceptIn("src/gutter.ts");
      editor.selection = new vscode.Selection(0, 0, 0, 0);
      await run("kept.rateUp", { uri: editor.document.uri, lineNumber: 11 });
      await rated(id, "up");
    });

    it("without a name it is the code at the cursor, not what was shown last", async () => {
      const { id, editor } = await acceptIn("src/cursor.ts");
      const at = editor.selection;
      await openFile("src/cursor-other.ts", POINT_CODE);
      await suggest();
      await showAgain(editor.document, at);
      await run("kept.rateUp");
      await rated(id, "up");
    });

    it("a thumb down asks for the reason, and stands without one", async () => {
      const { id } = await acceptIn("src/reason.ts");
      let isAnswered = false;
      const asked = run("kept.rateDown", id).then(() => (isAnswered = true));
      await rated(id, "down");
      // The question may come after the first try to close it.
      await until("the question's end", async () => {
        await run("workbench.action.closeQuickOpen");
        return isAnswered;
      });
      await asked;
      assert.equal(ratingsOf(id).at(-1)?.reason, undefined);
    });

    it("the reason picker records what was chosen", async () => {
      const { id } = await acceptIn("src/reason-chosen.ts");
      const asked = run("kept.rateDown", id);
      await rated(id, "down");
      await until("the picker's answer", async () => {
        await run("workbench.action.quickOpenSelectNext");
        await run("workbench.action.acceptSelectedQuickOpenItem");
        return ratingsOf(id).at(-1)?.reason;
      });
      await asked;
      assert.match(ratingsOf(id).at(-1)?.reason ?? "", /^(wrong|insecure|style|outdated-api|too-long|other)$/);
    });

    it("a rating survives what the view and the lens are drawn with", async () => {
      const { id } = await acceptIn("src/row.ts");
      await run("kept.rateUp", { kind: "suggestion", id });
      await rated(id, "up");
      const rows = await until("the row", async () => {
        const found = await keptExtension().exports.suggestionRows();
        return found.some((row) => row.includes("row.ts:11") && row.includes("rated up")) ? found : null;
      });
      assert.ok(
        rows.some((row) => /row\.ts:11 accepted.* · rated up · base model$/.test(row)),
        rows.join("\n"),
      );
    });

    it("the lens obeys its setting: off, until rated, always", async () => {
      const { id, editor } = await acceptIn("src/lens-modes.ts");
      try {
        await until("thumbs", async () => (await lensesOf(editor)).length === 3);
        await setLens("off");
        await until("no thumbs", async () => (await lensesOf(editor)).length === 0);
        await setLens("untilRated");
        await until("thumbs", async () => (await lensesOf(editor)).length === 3);
        await run("kept.rateUp", id);
        await until("no thumbs", async () => (await lensesOf(editor)).length === 0);
        await setLens("always");
        const lenses = await until("thumbs that stay", async () => {
          const found = await lensesOf(editor);
          return found.length === 3 ? found : null;
        });
        assert.equal(lenses[0]?.command?.command, "kept.withdrawRating");
        assert.match(lenses[0]?.command?.title ?? "", /thumbsup-filled.*Rated up/);
      } finally {
        await setLens(undefined);
      }
    });

    it("says why there are no suggestions in a file", async () => {
      const says = async (name: string, text: string, pattern: RegExp) => {
        const { document } = await openFile(name, text);
        // The ignore files around it are read in the background.
        await until(`${name}: ${String(pattern)}`, () => {
          const state = keptExtension().exports.fileState(document);
          return pattern.test(`${state.text}: ${state.detail}`);
        });
      };
      await says("src/state.ts", POINT_CODE, /^Suggestions are on: Kept learns/);
      await says("notes.md", "# Notes\n", /^No suggestions here: .*language is excluded.*markdown/);
      await says("build/out.ts", POINT_CODE, /ignore file/);
      await says(".env.local", "A=1\n", /holds secrets/);
      const output = await vscode.workspace.openTextDocument(vscode.Uri.parse("kept-why:/page.md?none"));
      assert.match(keptExtension().exports.fileState(output).detail, /files on a disk/);
    });

    it("copies diagnostics without code, names or paths", async () => {
      await acceptIn("src/diagnosed.ts");
      await run("kept.copyDiagnostics");
      const report = await vscode.env.clipboard.readText();
      assert.match(report, /^### Kept diagnostics/);
      assert.match(report, /\| Engine \| ready/);
      assert.match(report, /\| Journal \| \d+ suggestions: .*accepted/);
      const root = vscode.workspace.workspaceFolders![0]!.uri.fsPath;
      for (const secret of [root, root.split("/").at(-1)!, "diagnosed.ts", "Point", diagnostics().storage])
        assert.ok(!report.includes(secret), secret);
    });
  });
}
