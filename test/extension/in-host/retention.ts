import {
  POINT_CODE,
  diagnostics,
  openFile,
  storedEvent,
  storedEvents,
  storedEventWhere,
  suggest,
  until,
} from "./editor.ts";
import assert from "node:assert/strict";
import path from "node:path";
import * as vscode from "vscode";
/** What became of accepted code in the buffer: survival.md, section 4, in a real editor. */
export function describeRetention(): void {
  describe("accepted code in the buffer", () => {
    before(() => until("the engine", () => diagnostics().engine === "ready"));
    afterEach(async () => {
      await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    });

    it("D4: is lost by undo and gained back by redo", async () => {
      await openFile("src/d4.ts", POINT_CODE);
      const { id } = await accept();
      await vscode.commands.executeCommand("undo");
      const loss = await storedEvent("loss", id);
      assert.deepEqual([loss.cause, loss.retained], ["undo", 0]);
      await vscode.commands.executeCommand("redo");
      assert.equal((await storedEvent("gain", id)).retained, 1);
    });

    it("D5: is whole after a format on save that replaces the document, and nothing is lost", async () => {
      const formatter = vscode.workspace.onWillSaveTextDocument(({ document, waitUntil }) => {
        if (!document.uri.path.endsWith("/d5.ts")) return;
        const all = new vscode.Range(0, 0, document.lineCount, 0);
        waitUntil(Promise.resolve([vscode.TextEdit.replace(all, otherStyle(document.getText()))]));
      });
      try {
        const editor = await openFile("src/d5.ts", POINT_CODE);
        const { id } = await accept();
        const before = editor.document.getText();
        await editor.document.save();
        const after = editor.document.getText();
        assert.notEqual(after, before);
        assert.equal(after, otherStyle(before));
        const { afterMs } = await lookFrom(id);
        const looks = storedEvents().filter((event) => event.kind === "retained" && event.suggestionId === id);
        for (const look of looks)
          if (look.kind === "retained" && look.tokens !== null) assert.equal(look.tokens, 1, `after ${afterMs} ms`);
        assert.deepEqual(factsOf(id), []);
      } finally {
        formatter.dispose();
      }
    });

    it("D6: is whole where it was cut and pasted", async () => {
      const editor = await openFile("src/d6.ts", POINT_CODE);
      const { id, completion } = await accept();
      const start = editor.document.positionAt(editor.document.getText().lastIndexOf(completion));
      const end = editor.document.positionAt(editor.document.offsetAt(start) + completion.length);
      await editor.edit((edit) => edit.delete(new vscode.Range(start, end)));
      await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), `${completion}\n`));
      assert.equal((await lookFrom(id)).tokens, 1);
    });

    it("D7: is followed when its file is renamed, and edited there", async () => {
      const editor = await openFile("src/d7.ts", POINT_CODE);
      const { id } = await accept();
      await editor.document.save();
      const to = vscode.Uri.joinPath(editor.document.uri, "../d7-renamed.ts");
      const rename = new vscode.WorkspaceEdit();
      rename.renameFile(editor.document.uri, to);
      assert.ok(await vscode.workspace.applyEdit(rename));
      const moved = await vscode.workspace.openTextDocument(to);
      const edit = new vscode.WorkspaceEdit();
      edit.insert(to, new vscode.Position(0, 0), "// edited at its new place\n");
      assert.ok(await vscode.workspace.applyEdit(edit));
      assert.ok(moved.getText().startsWith("// edited"));
      assert.equal((await lookFrom(id)).tokens, 1);
      assert.deepEqual(factsOf(id), []);
    });

    it("D8: is lost when its file is deleted", async () => {
      const editor = await openFile("src/d8.ts", POINT_CODE);
      const { id } = await accept();
      await editor.document.save();
      const remove = new vscode.WorkspaceEdit();
      remove.deleteFile(editor.document.uri);
      assert.ok(await vscode.workspace.applyEdit(remove));
      const loss = await storedEvent("loss", id);
      assert.deepEqual([loss.cause, loss.evidence, loss.retained], ["refactor", "file-deleted", 0]);
    });

    it("is looked at on disk when its document is closed", async () => {
      const editor = await openFile("src/closed.ts", POINT_CODE);
      const { id } = await accept();
      await editor.document.save();
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
      assert.equal((await lookFrom(id)).tokens, 1);
    });

    it("waits for its checks in a file that outlives the window", async () => {
      await openFile("src/pending.ts", POINT_CODE);
      const { id, completion } = await accept();
      const dir = vscode.Uri.file(path.join(diagnostics().storage, "retention"));
      const found = await until("the file of pending checks", async () => {
        const names = await vscode.workspace.fs.readDirectory(dir).then(
          (entries) => entries.map(([name]) => name).filter((name) => name.endsWith(".json")),
          () => [],
        );
        for (const name of names) {
          const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(vscode.Uri.joinPath(dir, name)));
          if (text.includes(id)) return text;
        }
        return null;
      });
      const { checks } = JSON.parse(found) as { checks: { suggestionId: string; text: string }[] };
      assert.ok(checks.find(({ suggestionId }) => suggestionId === id)?.text.includes(completion.trim()));
    });

    it("tells which errors came with it and stayed, and none that were there before", async () => {
      const reports = vscode.languages.createDiagnosticCollection("kept-test");
      const report = (range: vscode.Range, code: string) => {
        const error = new vscode.Diagnostic(range, `error ${code}`, vscode.DiagnosticSeverity.Error);
        error.source = "kept-test";
        error.code = code;
        return error;
      };
      try {
        const editor = await openFile("src/errors.ts", POINT_CODE);
        const { uri } = editor.document;
        const old = report(new vscode.Range(10, 0, 10, 2), "old");
        reports.set(uri, [old]);
        const { id, completion } = await accept();
        const start = editor.document.positionAt(editor.document.getText().lastIndexOf(completion));
        const inside = new vscode.Range(start, start.translate(0, 3));
        const outside = new vscode.Range(0, 0, 0, 6);
        reports.set(uri, [
          report(inside, "old"),
          report(inside, "stays"),
          report(inside, "goes"),
          report(outside, "else"),
        ]);
        reports.set(uri, [report(inside, "old"), report(inside, "stays"), report(outside, "else")]);
        const told = await storedEvent("diagnostics", id);
        assert.equal(told.left, 1);
        // The editor may bring both reports as one.
        assert.ok(told.introduced === told.left + told.fixed && told.fixed <= 1);
        assert.ok(told.checks.some(({ source, code }) => source === "kept-test" && code === "stays"));
        assert.ok(told.checks.every(({ code }) => code !== "old" && code !== "else"));
      } finally {
        reports.dispose();
      }
    });

    it("that was rejected and then typed all the same is typed through, not typed instead", async () => {
      const editor = await openFile("src/same.ts", POINT_CODE);
      const id = await suggest();
      const { completion } = await storedEvent("shown", id);
      await vscode.commands.executeCommand("kept.rejectSuggestion");
      await storedEvent("rejected", id);
      await editor.edit((edit) => edit.insert(editor.selection.active, completion));
      editor.selection = new vscode.Selection(0, 0, 0, 0);
      assert.equal((await storedEvent("typed-through", id)).fraction, 1);
      assert.ok(!storedEvents().some((event) => event.kind === "typed-instead" && event.suggestionId === id));
    });
  });
}

/** Asks for a suggestion, accepts it, and waits until the window knows. */
async function accept(): Promise<{ id: string; completion: string }> {
  const id = await suggest();
  const { completion } = await storedEvent("shown", id);
  await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
  await until("the accept", () => diagnostics().lastAccepted === id);
  return { id, completion };
}

/** The first look at accepted code that began from now on. */
function lookFrom(id: string) {
  const now = Date.now();
  return storedEventWhere("retained", id, ({ wallMs, tokens }) => wallMs >= now && tokens !== null);
}

function factsOf(id: string): readonly string[] {
  return storedEvents()
    .filter((event) => event.suggestionId === id && (event.kind === "loss" || event.kind === "gain"))
    .map(({ kind }) => kind);
}

/** Another style of the same code: tabs, no semicolons, wider braces. */
function otherStyle(text: string): string {
  return text
    .replaceAll(/^ {2}/gm, "\t\t")
    .replaceAll(/;$/gm, "")
    .replaceAll("{ ", "{\n\t\t\t")
    .replaceAll(" }", "\n\t\t}");
}
