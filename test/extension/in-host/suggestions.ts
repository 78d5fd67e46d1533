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
import { keptEvent } from "../../../protocol/events.ts";
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import * as vscode from "vscode";
export function describeSuggestions(): void {
  describe("suggestions", () => {
    before(() => until("the engine", () => diagnostics().engine === "ready"));
    afterEach(async () => {
      await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    });

    it("come from the engine, and are recorded with what the model saw", async () => {
      await openFile("src/first.ts", POINT_CODE);
      const id = await suggest();
      const shown = await storedEvent("shown", id);
      assert.equal(shown.context.path, "src/first.ts");
      assert.equal(shown.context.language, "typescript");
      assert.ok(shown.context.prefix.endsWith("): Point {\n  "));
      assert.ok(shown.context.suffix.startsWith("\n}"));
      assert.ok(shown.completion.length > 0);
      assert.match(shown.model.base, /^[0-9a-f]{64}$/);
      assert.equal(shown.source, "editor");
    });

    it("are accepted: the text is in the document, the event is told once", async () => {
      const editor = await openFile("src/accepted.ts", POINT_CODE);
      const id = await suggest();
      const { completion } = await storedEvent("shown", id);
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      await storedEvent("accepted", id);
      assert.ok(editor.document.getText().includes(completion));
      assert.equal(diagnostics().lastAccepted, id);
      assert.equal(storedEvents().filter((event) => event.suggestionId === id && event.kind === "accepted").length, 1);
    });

    it("are looked at again in the buffer after the accept", async () => {
      await openFile("src/retained.ts", POINT_CODE);
      const id = await suggest();
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      // A busy machine may be late for the first look, which is then censored.
      const retained = await storedEventWhere("retained", id, ({ tokens }) => tokens !== null);
      assert.equal(retained.tokens, 1);
      assert.ok(retained.afterMs >= 300);
    });

    it("that are undone are told as undone, and are no longer retained", async () => {
      const editor = await openFile("src/undone.ts", POINT_CODE);
      const before = editor.document.getText();
      const id = await suggest();
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      await storedEvent("accepted", id);
      await vscode.commands.executeCommand("undo");
      await storedEvent("undone", id);
      assert.equal(editor.document.getText(), before);
    });

    it("are rejected by Escape's command", async () => {
      await openFile("src/rejected.ts", POINT_CODE);
      const id = await suggest();
      await vscode.commands.executeCommand("kept.rejectSuggestion");
      await storedEvent("rejected", id);
      assert.equal(diagnostics().visible, null);
    });

    it("that were rejected are followed by what the developer wrote instead", async () => {
      const editor = await openFile("src/instead.ts", POINT_CODE);
      const id = await suggest();
      await vscode.commands.executeCommand("kept.rejectSuggestion");
      await storedEvent("rejected", id);
      await editor.edit((edit) => edit.insert(editor.selection.active, "throw new Error('not yet');"));
      // The line is left: what was written there is finished.
      editor.selection = new vscode.Selection(0, 0, 0, 0);
      assert.equal((await storedEvent("typed-instead", id)).text, "throw new Error('not yet');");
    });

    it("are accepted by the word", async () => {
      const editor = await openFile("src/word.ts", POINT_CODE);
      const before = editor.document.getText();
      const id = await suggest();
      await vscode.commands.executeCommand("kept.acceptNextWord");
      const part = await storedEvent("partially-accepted", id);
      assert.equal(editor.document.getText().length, before.length + part.characters);
      assert.ok(part.fraction > 0 && part.fraction < 1);
    });

    it("are rated, and the rating carries its suggestion", async () => {
      await openFile("src/rated.ts", POINT_CODE);
      const id = await suggest();
      await vscode.commands.executeCommand("kept.rateUp", id);
      assert.equal((await storedEvent("rated", id)).verdict, "up");
    });

    it("show thumbs over the code that was accepted", async () => {
      const editor = await openFile("src/lens.ts", POINT_CODE);
      const id = await suggest();
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      const lenses = await until("the lens", async () => {
        const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
          "vscode.executeCodeLensProvider",
          editor.document.uri,
        );
        const ours = found.filter(({ command }) => command?.command.startsWith("kept."));
        return ours.length > 0 ? ours : null;
      });
      assert.deepEqual(
        lenses.map(({ command }) => command?.command),
        ["kept.rateUp", "kept.rateDown", "kept.explainSuggestion"],
      );
      for (const { command, range } of lenses) {
        assert.deepEqual(command?.arguments, [id]);
        assert.equal(range.start.line, 10);
      }
    });

    it("say why they were made", async () => {
      await openFile("src/why.ts", POINT_CODE);
      const id = await suggest();
      await vscode.commands.executeCommand("kept.explainSuggestion", id);
      const page = await until("the page", () =>
        vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === "kept-why"),
      );
      assert.match(page.getText(), /# Why this suggestion\?/);
      assert.ok(page.getText().includes(id));
      assert.match(page.getText(), /Adapter: none, the base model alone/);
    });

    it("read other open files, and say so", async () => {
      await openFile("src/vector.ts", "scaleVector(factor, origin);\n");
      await vscode.commands.executeCommand("workbench.action.keepEditor");
      const code = POINT_CODE.replace("  return", "  scaleVector(factor);\n  return");
      let attempt = 0;
      const found = await until("a suggestion that has read another file", async () => {
        attempt += 1;
        await openFile(`src/reader-${attempt}.ts`, code);
        const { context } = await storedEvent("shown", await suggest());
        return context.examples.find(({ path: file }) => file === "src/vector.ts");
      });
      assert.match(found.id, /^open-file-\d$/);
      assert.match(found.text, /scaleVector\(factor, origin\)/);
    });

    it("leave no secret in the outbox", async () => {
      const token = `ghp_${"a1B2c3D4e5F6".repeat(3)}`;
      await openFile("src/secret.ts", `const token = "${token}";\n${POINT_CODE}`);
      const id = await suggest();
      const shown = await storedEvent("shown", id);
      assert.ok(shown.context.prefix.includes("<github-token>"));
      const dir = path.join(diagnostics().storage, "outbox");
      for (const name of readdirSync(dir)) assert.ok(!readFileSync(path.join(dir, name), "utf8").includes(token), name);
    });

    it("are not recorded while learning is paused", async () => {
      await vscode.commands.executeCommand("kept.pauseCapture");
      try {
        const before = diagnostics().recorded;
        await openFile("src/paused.ts", POINT_CODE);
        await suggest();
        await vscode.commands.executeCommand("kept.rejectSuggestion");
        assert.equal(diagnostics().recorded, before);
        await until("the status item", () => diagnostics().statusText.includes("debug-pause"));
      } finally {
        await vscode.commands.executeCommand("kept.resumeCapture");
      }
    });

    it("leave files alone that git ignores", async () => {
      await openFile("build/ignored.ts", POINT_CODE);
      const before = diagnostics().leftAlone;
      await until("a refusal", async () => {
        await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
        return diagnostics().leftAlone > before;
      });
      assert.equal(diagnostics().visible, null);
      assert.ok(storedEvents().every((event) => event.kind !== "shown" || !event.context.path.startsWith("build/")));
    });

    it("come again after the engine process was killed", async () => {
      const child = engineProcess();
      assert.ok(child, "no engine process was found");
      process.kill(child, "SIGKILL");
      await until("a new engine", () => diagnostics().engineStarts === 2 && diagnostics().engine === "ready");
      await openFile("src/again.ts", POINT_CODE);
      await suggest();
    });

    it("write only events that the protocol allows, each with its own id and place in the session", async () => {
      const events = storedEvents();
      assert.ok(events.length > 10);
      for (const event of events) keptEvent.parse(event);
      assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
      const { sessionId } = diagnostics();
      const sequences = events.filter((event) => event.sessionId === sessionId).map(({ sequence }) => sequence);
      assert.deepEqual(
        sequences,
        [...sequences].sort((a, b) => a - b),
      );
    });

    it("measures what capture costs the typing", () => {
      assert.ok(diagnostics().editCostsMs.length > 0);
      assert.ok(diagnostics().editCostsMs.every((ms) => ms >= 0));
    });
  });
}

/** The child of this extension host that runs the engine. */
function engineProcess(): number | null {
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "utf8"))?.[1]);
      if (parent === process.pid && readFileSync(`/proc/${name}/cmdline`, "utf8").includes("engine.cjs"))
        return Number(name);
    } catch {
      // The process ended while it was looked at.
    }
  }
  return null;
}
