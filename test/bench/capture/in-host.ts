import { startBadServer } from "../../extension/in-host/bad-servers.ts";
import { diagnostics, keptExtension, openFile, suggest, until } from "../../extension/in-host/editor.ts";
import { resultsFile, runMocha } from "../../extension/in-host/mocha-run.ts";
import { BIG_FILE } from "./big-file.ts";
import type { CaptureReport, ServerState } from "./capture-report.ts";
import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext, Script } from "node:vm";
import { watchCollections } from "./collections.ts";
import { profileWhile } from "./profile.ts";
import * as vscode from "vscode";

const wanted = (name: string) => Number(process.env[`KEPT_BENCH_${name}`]);
/** Suggestions of one state in one round. */
const A_ROUND = 12;
const SLOW_MS = 5_000;
const MB = 1024 * 1024;
/** Longest handler that the bar allows. */
const SLOW_EDIT_MS = 1;
const STATES: readonly ServerState[] = ["absent", "up", "hung", "slow"];

export async function run(): Promise<void> {
  const report: { -readonly [K in keyof CaptureReport]?: CaptureReport[K] } = {};
  await runMocha(() => describeCapture(report), 80 * 60_000);
}

function describeCapture(report: { -readonly [K in keyof CaptureReport]?: CaptureReport[K] }): void {
  describe("capture", () => {
    before(async () => {
      await keptExtension().activate();
      await until("the engine", () => diagnostics().engine === "ready");
      await vscode.workspace
        .getConfiguration("kept")
        .update("suggest.debounceMs", 0, vscode.ConfigurationTarget.Global);
    });

    // What was measured stays, whatever a later phase does.
    afterEach(() => writeFileSync(`${resultsFile()}.report`, JSON.stringify(report)));

    it("activation and loading", () => {
      report.activationMs = diagnostics().activationMs;
      report.activationCpuMs = diagnostics().activationCpuMs;
      const heapBefore = heapMb();
      const took: number[] = [];
      const bundle = path.join(keptExtension().extensionPath, "dist/extension.cjs");
      const text = readFileSync(bundle, "utf8");
      const require = createRequire(bundle);
      const loaded: unknown[] = [];
      for (let n = 0; n < 5; n += 1) {
        const began = performance.now();
        const script = new Script(`(function (exports, require, module, __filename, __dirname) {${text}\n})`, {
          filename: `${bundle}?${n}`,
        });
        const module = { exports: {} };
        const wrapper = script.runInThisContext() as (...parts: unknown[]) => void;
        // The editor's module is given to its extensions alone; the bundle only names it while it loads.
        wrapper(
          module.exports,
          (id: string) => (id === "vscode" ? vscode : require(id)),
          module,
          bundle,
          path.dirname(bundle),
        );
        took.push(performance.now() - began);
        if (n === 0) {
          loaded.push(module);
          report.loadHeapMb = heapMb() - heapBefore;
        }
      }
      report.loadMs = took.sort((a, b) => a - b)[2]!;
    });

    phase("servers", "suggestions beside servers that misbehave", async () => {
      const latencies: Record<ServerState, number[]> = { up: [], absent: [], hung: [], slow: [] };
      const overheads: Record<ServerState, number[]> = { up: [], absent: [], hung: [], slow: [] };
      let n = 0;
      for (let round = 0; round < wanted("ROUNDS"); round += 1) {
        for (const state of STATES) {
          await using server = await inState(state);
          for (let i = 0; i < A_ROUND; i += 1) {
            // The same code in a file of its own: nothing is remembered from the one before.
            const code =
              "export function addPoint(a: Point, b: Point): Point {\n  return { x: a.x + b.x, y: a.y + b.y };\n}\n\n";
            await openFile(
              `src/at-${n++}.ts`,
              `${code}export function subtractPoint(a: Point, b: Point): Point {\n  |\n}\n`,
            );
            await suggest();
            const { lastLatencyMs, lastEngineMs } = diagnostics();
            if (lastLatencyMs !== null && lastEngineMs !== null && i > 0) {
              latencies[state].push(lastLatencyMs);
              overheads[state].push(lastLatencyMs - lastEngineMs);
            }
            await vscode.commands.executeCommand("workbench.action.closeActiveEditor");
          }
          await server.end();
        }
      }
      report.servers = { latencies, overheads };
    });

    phase("edits", "edits in a long file, with many suggestions followed", async () => {
      const uri = vscode.Uri.joinPath(vscode.workspace.workspaceFolders![0]!.uri, BIG_FILE);
      const editor = await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
      const lines = editor.document.lineCount;
      const before = diagnostics().nAccepted;
      for (let n = 0; diagnostics().nAccepted - before < wanted("TRACKED"); n += 1) {
        const at = new vscode.Position(8 + n * 80, 0);
        await editor.edit((edit) => edit.insert(at, `export function turn${n}(a: Point, b: Point): Point {\n  \n}\n`));
        editor.selection = new vscode.Selection(at.line + 1, 2, at.line + 1, 2);
        await suggest();
        await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
        await vscode.commands.executeCommand("hideSuggestWidget");
      }
      const tracked = diagnostics().nAccepted - before;
      const text = "const total = first + second;\n";
      const keys = wanted("KEYS");
      using collections = watchCollections();
      const spans: { from: number; to: number }[] = [];
      // Told after Kept's own handler: what that took has just ended.
      using listener = asDisposable(
        vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
          if (document !== editor.document || contentChanges.length === 0) return;
          const to = performance.now();
          spans.push({ from: to - (diagnostics().editCostsMs.at(-1) ?? 0), to });
        }),
      );
      await profileWhile(process.env["KEPT_BENCH_PROFILE"] ?? "", async () => {
        for (let n = 0; n < keys; n += 1) {
          if (n % 150 === 0) {
            const line = Math.floor((n / keys) * (editor.document.lineCount - 100)) + 50;
            editor.selection = new vscode.Selection(line, 0, line, 0);
          }
          await vscode.commands.executeCommand("type", { text: text[n % text.length]! });
        }
      });
      listener[Symbol.dispose]();
      const edits = diagnostics().editCostsMs.slice(-keys);
      const slow = spans.filter(({ from, to }) => to - from > SLOW_EDIT_MS);
      report.typing = {
        edits,
        editsCpu: diagnostics().editCpuMs.slice(-keys),
        tracked,
        lines,
        nSlow: slow.length,
        nSlowCollected: slow.filter((span) => collections.during(span)).length,
      };
    });

    phase("memory", "memory after many suggestions", async () => {
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
      const heapBefore = heapMb();
      const editor = await openFile("src/many.ts", "");
      const before = diagnostics().recorded;
      let shown = 0;
      let passedOver = 0;
      let heapHalfway = heapBefore;
      for (let n = 0; shown < wanted("SUGGESTIONS"); n += 1) {
        const lastLine = editor.document.lineCount - 1;
        const text = `export function step${n}(a: Point, b: Point): Point {\n  \n}\n`;
        await editor.edit((edit) => {
          // As long as a usual file: what is recorded is as long as it is for a person.
          if (lastLine > 300) edit.delete(new vscode.Range(0, 0, 4, 0));
          edit.insert(new vscode.Position(lastLine, 0), text);
        });
        const line = editor.document.lineCount - 3;
        editor.selection = new vscode.Selection(line, 2, line, 2);
        if (!(await shownWithin(SHORT_WAIT_MS))) {
          passedOver += 1;
          if (passedOver > MAX_PASSED_OVER) throw new Error(`${shown} suggestions, then none at many places.`);
          continue;
        }
        passedOver = 0;
        shown += 1;
        if (shown === Math.floor(wanted("SUGGESTIONS") / 2)) heapHalfway = heapMb();
        await vscode.commands.executeCommand(
          shown % 3 === 0 ? "editor.action.inlineSuggest.commit" : "kept.rejectSuggestion",
        );
      }
      await until("the records", () => diagnostics().recorded > before);
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
      const heapAfter = heapMb();
      report.memory = {
        suggestions: shown,
        heapGrowthMb: heapAfter - heapBefore,
        secondHalfMb: heapAfter - heapHalfway,
      };
    });
  });
}

const asDisposable = (one: vscode.Disposable): Disposable => ({ [Symbol.dispose]: () => one.dispose() });

/** A phase that was asked for. */
function phase(name: string, title: string, measure: () => Promise<void>): void {
  if ((process.env["KEPT_BENCH_PHASES"] ?? "").split(",").includes(name)) it(title, measure);
}

/** The model has nothing to say at some places: they are passed over. */
const SHORT_WAIT_MS = 1_000;
/** More of them in a row, and something else is wrong. */
const MAX_PASSED_OVER = 30;

async function shownWithin(ms: number): Promise<boolean> {
  const before = diagnostics().lastShown;
  const deadline = performance.now() + ms;
  while (performance.now() < deadline) {
    await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
    const { visible, lastShown } = diagnostics();
    if (visible !== null && lastShown === visible && visible !== before) return true;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return false;
}

interface RunningState extends AsyncDisposable {
  end(): Promise<void>;
}

/** Brings the server into a state and waits until the extension has noticed. */
async function inState(state: ServerState): Promise<RunningState> {
  const dataDir = process.env["KEPT_DATA_DIR"]!;
  const once = (stop: () => Promise<void>): RunningState => {
    let ended: Promise<void> | null = null;
    const end = () => (ended ??= stop());
    return { end, [Symbol.asyncDispose]: end };
  };
  if (state === "absent") {
    rmSync(path.join(dataDir, "server.json"), { force: true });
    await until("no server", () => diagnostics().server === "offline");
    return once(async () => {});
  }
  if (state === "up") {
    const entry = path.join(keptExtension().extensionPath, "dist/server.cjs");
    const child = spawn(process.execPath, [entry], {
      env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" },
      stdio: "ignore",
    });
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    await until("the server", () => diagnostics().server === "connected");
    return once(async () => {
      child.kill("SIGTERM");
      await gone;
    });
  }
  const server = await startBadServer(dataDir, state, SLOW_MS);
  await until(`a server that is ${state}`, () => server.connections() > 0);
  return once(async () => server[Symbol.asyncDispose]());
}

let collect: (() => void) | null = null;

/** Heap and buffers in use after a collection, 2^20 bytes. */
function heapMb(): number {
  if (collect === null) {
    setFlagsFromString("--expose_gc");
    collect = runInNewContext("gc") as () => void;
  }
  for (let n = 0; n < 3; n += 1) collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MB;
}
