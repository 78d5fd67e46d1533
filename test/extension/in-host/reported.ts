import { openFile, storedEvent } from "./editor.ts";
import assert from "node:assert/strict";
import * as vscode from "vscode";

const CODE = `export function area(width: number, height: number): number {
  return width * height;
}

export function perimeter(width: number, height: number): number {
  return 2 * (width + height);
}
`;

export function describeReported(): void {
  describe("code of other extensions", () => {
    afterEach(() => vscode.commands.executeCommand("workbench.action.closeAllEditors"));

    it("is recorded as shown and accepted, with who wrote it", async () => {
      const { document } = await openFile("src/reported.ts", CODE);
      const answer = await vscode.commands.executeCommand<{ ok: boolean; suggestionIds: string[] }>(
        "kept.reportGeneration",
        { uri: document.uri, tool: "other-tool", model: "m1", lines: [5, 7] },
      );
      assert.equal(answer.ok, true, JSON.stringify(answer));
      const [id = ""] = answer.suggestionIds;
      const shown = await storedEvent("shown", id);
      assert.equal(shown.source, "tool");
      assert.deepEqual(shown.generator, { tool: "other-tool", model: "m1" });
      assert.equal(shown.completion, `${CODE.split("\n").slice(4, 7).join("\n")}\n`);
      assert.equal(shown.context.line, 4);
      await storedEvent("accepted", id);
    });

    it("is refused where nothing is to be recorded", async () => {
      const { document } = await openFile("src/refused.ts", CODE);
      const report = async (fields: Record<string, unknown>) =>
        vscode.commands.executeCommand("kept.reportGeneration", { uri: document.uri, tool: "x", ...fields });
      assert.deepEqual(await report({ text: "not in the file" }), { ok: false, reason: "not-there" });
      assert.deepEqual(await report({ lines: [0, 1] }), { ok: false, reason: "invalid" });
      assert.deepEqual(await report({ uri: "file:///somewhere/else.ts", lines: [1, 1] }), {
        ok: false,
        reason: "outside-workspace",
      });
    });
  });
}
