import { SETTINGS } from "../../../extension/contributions.ts";
import { diagnostics, keptExtension, numbersCode, openFile, storedEvents, suggest, until } from "./editor.ts";
import { runMocha } from "./mocha-run.ts";
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import * as vscode from "vscode";

export const run = (): Promise<void> => runMocha(describeUntrusted);

function describeUntrusted(): void {
  describe("untrusted", () => {
    before(() => keptExtension().activate());

    it("the folder is not trusted", () => assert.equal(vscode.workspace.isTrusted, false));

    it("G46: the capture is off, though suggestions work", async () => {
      await until("the engine", () => diagnostics().engine === "ready");
      const editor = await openFile("src/half.ts", numbersCode("subtractNumbers"));
      await suggest();
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      await until("the accept", () => diagnostics().lastAccepted !== null);
      assert.notEqual(editor.document.lineAt(5).text.trim(), "");
      assert.equal(diagnostics().recorded, 0);
      assert.deepEqual(storedEvents(), []);
      await until("the status item", () => diagnostics().statusText.includes("circle-outline"));
    });

    it("G46: no path, address or level of the folder's settings has an effect", () => {
      for (const id of SETTINGS.filter((name) => /server|model|capture|threads/.test(name))) {
        const found = vscode.workspace.getConfiguration().inspect(id);
        assert.equal(found?.workspaceValue, undefined, id);
        assert.equal(found?.workspaceFolderValue, undefined, id);
      }
      const from = vscode.workspace.getConfiguration("kept");
      assert.equal(from.get("server.dataDirectory"), "");
      assert.equal(from.get("model.directory"), "");
      assert.equal(from.get("suggest.threads"), 0);
    });

    it("G47: no program of the folder was run", () => {
      const folder = vscode.workspace.workspaceFolders![0]!.uri.fsPath;
      const beside = path.dirname(folder);
      assert.deepEqual(readdirSync(path.join(beside, "marks")), []);
      assert.equal(existsSync(path.join(beside, "followed")), false);
    });
  });
}
