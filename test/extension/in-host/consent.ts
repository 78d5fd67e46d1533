import { diagnostics, numbersCode, openFile, storedEvents, suggest, until } from "./editor.ts";
import assert from "node:assert/strict";
import * as vscode from "vscode";

/** Runs before everything that records: it agrees at its end. */
export function describeConsent(): void {
  describe("consent", () => {
    before(() => until("the engine", () => diagnostics().engine === "ready"));

    it("nothing is recorded before the user agrees, though suggestions work", async () => {
      const editor = await openFile("src/before-consent.ts", numbersCode("subtractNumbers"));
      await suggest();
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      await until("the accept", () => diagnostics().lastAccepted !== null);
      assert.notEqual(editor.document.lineAt(5).text.trim(), "");
      assert.equal(diagnostics().recorded, 0);
      assert.deepEqual(storedEvents(), []);
      await until("the status item", () => diagnostics().statusText.includes("circle-outline"));
    });

    it("the user agrees once for the folder", async () => {
      await vscode.commands.executeCommand("kept.allowCapture");
      await until("the status item", () => !diagnostics().statusText.includes("circle-outline"));
    });
  });
}
