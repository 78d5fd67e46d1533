import { heapMb } from "../harness/heap.ts";
import { startBadServer } from "../../extension/in-host/bad-servers.ts";
import { diagnostics, keptExtension, openFile, suggest, until } from "../../extension/in-host/editor.ts";
import { resultsFile, runMocha } from "../../extension/in-host/mocha-run.ts";
import { BIG_FILE } from "./big-file.ts";
import type { CaptureReport, Sample, ServerState } from "./capture-report.ts";
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { Script } from "node:vm";
import { watchCollections } from "./collections.ts";
import { profileWhile } from "./profile.ts";
import * as vscode from "vscode";

const wanted = (name: string) => Number(process.env[`KEPT_BENCH_${name}`]);
/** Suggestions of one state in one round; a 95th percentile is the third of them from the top. */
const A_ROUND = 50;
/** Not counted: a server that has just come, gone or hung is not yet what is measured. */
const SETTLED_AFTER = 5;
const WARM_UP = 30;
const SLOW_MS = 5_000;
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
      const rounds: Record<ServerState, Sample[]>[] = [];
      const at = await openPlace("src/asked.ts");
      for (let n = 0; n < WARM_UP; n += 1) await at.ask();
      for (let round = 0; round < wanted("ROUNDS"); round += 1) {
        const samples: Record<ServerState, Sample[]> = { up: [], absent: [], hung: [], slow: [] };
        // Each round begins with another state: what drifts meanwhile is no state's own.
        const order = STATES.map((_, i) => STATES[(i + round) % STATES.length]!);
        for (const state of order) {
          await using server = await inState(state);
          for (let n = 0; n < SETTLED_AFTER; n += 1) await at.ask();
          for (let n = 0; n < A_ROUND; n += 1) samples[state].push(await at.ask());
          await server.end();
        }
        rounds.push(samples);
      }
      report.servers = { rounds };
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
      const folder = vscode.workspace.workspaceFolders![0]!.uri.fsPath;
      // What is accepted is followed in git too.
      for (const args of [
        ["init", "-q"],
        ["-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-qm", "Start", "--allow-empty"],
      ])
        execFileSync("git", args, { cwd: folder });
      const at = await openPlace("src/many.ts");
      await at.ask();
      await vscode.commands.executeCommand("kept.rejectSuggestion");
      const heapBefore = heapMb();
      const before = diagnostics();
      const nSuggestions = wanted("SUGGESTIONS");
      let heapHalfway = heapBefore;
      for (let n = 1; n <= nSuggestions; n += 1) {
        await at.ask();
        await vscode.commands.executeCommand(
          n % 3 === 0 ? "editor.action.inlineSuggest.commit" : "kept.rejectSuggestion",
        );
        if (n % 3 === 0) await at.next();
        if (n === Math.floor(nSuggestions / 2)) heapHalfway = heapMb();
      }
      await until("the records", () => diagnostics().recorded > before.recorded);
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
      const heapAfter = heapMb();
      report.memory = {
        suggestions: nSuggestions,
        accepted: diagnostics().nAccepted - before.nAccepted,
        heapGrowthMb: heapAfter - heapBefore,
        secondHalfMb: heapAfter - heapHalfway,
      };
    });
  });
}

/** A place of a file that a suggestion always comes to, again and again with other code. */
interface AskedPlace {
  /** Asks with code that nothing is remembered of, and waits until the suggestion was shown. */
  ask(): Promise<Sample>;
  /** What stands there now stays; the next is asked for below it. */
  next(): Promise<void>;
}

/** Functions of the file that stay: as long as a usual file, so that what is recorded is as long too. */
const MAX_FUNCTIONS = 60;
const HEAD = "export function addPoint(a: Point, b: Point): Point {\n  return { x: a.x + b.x, y: a.y + b.y };\n}\n\n";
const HEAD_LINES = HEAD.split("\n").length - 1;

async function openPlace(name: string): Promise<AskedPlace> {
  const editor = await openFile(name, HEAD);
  // No language service beside it: its work on a changed file is as long as the model's, and comes when it likes.
  await vscode.languages.setTextDocumentLanguage(editor.document, "go");
  const now = () =>
    vscode.window.visibleTextEditors.find(({ document }) => document.fileName === editor.document.fileName)!;
  let n = 0;
  let line = HEAD_LINES;
  let nKept = 0;
  return {
    async ask() {
      const { document } = now();
      n += 1;
      // What stood there goes, and a function of another name asks for its body.
      await now().edit((edit) =>
        edit.replace(
          new vscode.Range(line, 0, document.lineCount, 0),
          `export function subtractPoint${n}(a: Point, b: Point): Point {\n  \n}\n`,
        ),
      );
      now().selection = new vscode.Selection(line + 1, 2, line + 1, 2);
      await suggest();
      const { lastLatencyMs, lastEngineMs } = diagnostics();
      assert.ok(lastLatencyMs !== null && lastEngineMs !== null);
      return { latencyMs: lastLatencyMs, engineMs: lastEngineMs };
    },
    async next() {
      await until(
        "the accepted text",
        () =>
          now()
            .document.lineAt(line + 1)
            .text.trim() !== "",
      );
      nKept += 1;
      const { document } = now();
      const nLines = document.lineCount - line;
      if (nKept > MAX_FUNCTIONS) {
        await now().edit((edit) => edit.delete(new vscode.Range(HEAD_LINES, 0, HEAD_LINES + nLines - 1, 0)));
      } else line += nLines - 1;
    },
  };
}

const asDisposable = (one: vscode.Disposable): Disposable => ({ [Symbol.dispose]: () => one.dispose() });

/** A phase that was asked for. */
function phase(name: string, title: string, measure: () => Promise<void>): void {
  if ((process.env["KEPT_BENCH_PHASES"] ?? "").split(",").includes(name)) it(title, measure);
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
