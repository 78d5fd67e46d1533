import { startBadServer, type Misbehaviour } from "./bad-servers.ts";
import { recordCalls } from "./call-record.ts";
import { diagnostics, keptExtension, openFile, storedEvents, suggest, until } from "./editor.ts";
import { runMocha } from "./mocha-run.ts";
import assert from "node:assert/strict";
import { runInThisContext } from "node:vm";
import * as vscode from "vscode";

export const run = (): Promise<void> => runMocha(describeFaults);

const CODE = "export function addPoint(a: Point, b: Point): Point {\n  return { x: a.x + b.x, y: a.y + b.y };\n}\n\n";
const TYPED = "const total = first + second;\n";

function describeFaults(): void {
  const unhandled: string[] = [];
  const onUnhandled = (reason: unknown) => {
    const stack = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
    // The editor's own extensions have theirs.
    if (/dist[/\\]extension\.cjs/.test(stack)) unhandled.push(stack);
  };
  before(async () => {
    process.on("unhandledRejection", onUnhandled);
    await keptExtension().activate();
    await until("the engine", () => diagnostics().engine === "ready");
  });
  after(() => void process.off("unhandledRejection", onUnhandled));
  afterEach(async () => {
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    assert.deepEqual(unhandled, []);
  });

  const typeAll = async (text: string) => {
    for (const key of text) await vscode.commands.executeCommand("type", { text: key });
  };

  describe("F15", () => {
    const dataDir = () => process.env["KEPT_DATA_DIR"]!;
    const problems: Record<Misbehaviour, string | null> = {
      closed: "unreachable",
      hung: null,
      "hangs-up": "unreachable",
      "500": "unproved",
      html: "unproved",
      older: "other-protocol",
      newer: "other-protocol",
      cut: null,
      slow: null,
    };

    it("no server: edits and suggestions go on, events wait, and the status says it once", async () => {
      await until("the state", () => diagnostics().server === "offline");
      await goesOn("none");
    });

    for (const how of Object.keys(problems) as Misbehaviour[]) {
      it(`a server that is ${how}: edits and suggestions go on, and events are kept`, async () => {
        await using server = await startBadServer(dataDir(), how);
        if (how !== "closed" && how !== "older" && how !== "newer")
          await until("a connection", () => server.connections() > 0);
        const problem = problems[how];
        if (problem !== null) await until(`the problem ${problem}`, () => diagnostics().serverProblem === problem);
        await goesOn(how);
      });
    }

    /** A person types, asks, accepts: all of it is in the document, and none of it is lost. */
    async function goesOn(name: string): Promise<void> {
      const before = diagnostics();
      const editor = await openFile(`src/fault-${name}.ts`, CODE);
      await typeAll(TYPED);
      assert.equal(editor.document.getText(), CODE + TYPED);
      await typeAll("export function subtractPoint(a: Point, b: Point): Point {\n");
      const id = await suggest();
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      await until("the accept", () => diagnostics().lastAccepted === id);
      await until("its events", () => diagnostics().recorded > before.recorded);
      const { recorded, waiting, sent, dropped } = diagnostics();
      assert.equal(dropped, 0);
      assert.ok(waiting + sent >= recorded, `${waiting} wait, ${sent} sent, ${recorded} recorded`);
    }
  });

  describe("typing", () => {
    it("makes no synchronous file or process call, and reaches for nothing while an edit is handled", async () => {
      const editor = await openFile("src/typing.ts", CODE);
      // A suggestion that was accepted and is followed, and one on the screen.
      await suggest();
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      const calls = recordCalls();
      try {
        await typeAll(TYPED.repeat(3));
        await typeAll("export function scalePoint(a: Point, by: number): Point {\n");
        await suggest();
        await typeAll("return");
        await vscode.commands.executeCommand("kept.rejectSuggestion");
        await suggest();
        await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
        await vscode.commands.executeCommand("undo");
        await typeAll(TYPED);
        for (let n = 0; n < 20; n += 1) await vscode.commands.executeCommand("cursorUp");
        await vscode.commands.executeCommand("deleteLeft");
        const { recorded } = diagnostics();
        await until("the flush", () => diagnostics().recorded >= recorded && storedEvents().length > 0);
      } finally {
        calls[Symbol.dispose]();
      }
      assert.ok(editor.document.getText().length > CODE.length);
      assert.deepEqual(calls.fromKept, []);
      assert.deepEqual(calls.inHandler, []);
    });

    it("is watched closely: a synchronous call with Kept's code on the stack is found", () => {
      const calls = recordCalls();
      try {
        const look = runInThisContext("(fs) => fs.existsSync('/')", { filename: "/somewhere/dist/extension.cjs" }) as (
          fs: unknown,
        ) => void;
        look(process.getBuiltinModule("node:fs"));
      } finally {
        calls[Symbol.dispose]();
      }
      assert.deepEqual(
        calls.fromKept.map(({ name }) => name),
        ["fs.existsSync"],
      );
    });
  });
}
