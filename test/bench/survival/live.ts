import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { countSignificantTokens } from "../../../core/survival/tokens.ts";
import { findRepository } from "../../../tracker/repository.ts";
import { watchRepository } from "../../../tracker/repository-watch.ts";
import { openTracker } from "../../../tracker/tracker.ts";
import { countProcesses } from "./started-processes.ts";

export interface LiveFigures {
  readonly liveSnippets: number;
  /** Milliseconds from a commit, an amend or a checkout to the state, 95th percentile and median. */
  readonly p95Ms: number;
  readonly medianMs: number;
  readonly maxProcesses: number;
  /** A rebase of a hundred commits, milliseconds, and its processes. */
  readonly rebaseMs: number;
  readonly rebaseProcesses: number;
  readonly pollProcesses: number;
  readonly pollMs: number;
  /** Longest time that the event loop was held, milliseconds. */
  readonly longestTurnMs: number;
}

const LINES_PER_SNIPPET = 9;
const MIN_TOKENS = 10;
const REBASED_COMMITS = 100;
const N_POLLS = 20;

/** Follows a copy of this project's sources through single commits, amends, checkouts, and one long rebase. */
export const measureLive = async (nWanted: number, nRounds: number, signal: AbortSignal): Promise<LiveFigures> => {
  const folder = mkdtempSync(path.join(tmpdir(), "kept-bench-survival-"));
  const root = path.join(folder, "repository");
  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "gc.auto=0", ...args], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  try {
    mkdirSync(root);
    git("init", "-q", "-b", "main");
    git("commit", "-q", "--allow-empty", "-m", "start");
    const found = await findRepository(root, signal);
    if (!found.ok) throw new Error(found.reason);
    const tracker = await openTracker({
      repository: found.repository,
      folder: path.join(folder, "log"),
      now: Date.now,
    });
    const files = sources();
    const codes = files.flatMap(({ file, text }) => cut(file, text)).slice(0, nWanted);
    await tracker.accept(codes.map((code, at) => ({ ...code, sid: String(at), before: "" })));
    for (const { file, text } of files) write(root, file, text);
    git("add", "-A");
    git("commit", "-q", "-m", "all");
    await tracker.observe(signal);

    const times: number[] = [];
    let maxProcesses = 0;
    const delay = monitorEventLoopDelay({ resolution: 1 });
    let longestTurnMs = 0;
    const observe = async (): Promise<{ ms: number; nProcesses: number }> => {
      delay.reset();
      delay.enable();
      const startedAt = performance.now();
      const { nProcesses } = await countProcesses(() => tracker.observe(signal));
      const ms = performance.now() - startedAt;
      delay.disable();
      longestTurnMs = Math.max(longestTurnMs, delay.max / 1e6);
      return { ms, nProcesses };
    };
    let nChanges = 0;
    const change = (): void => {
      nChanges += 1;
      const { file, text } = files[(nChanges * 7) % files.length] as { file: string; text: string };
      const lines = text.split("\n");
      lines.splice((nChanges * 13) % lines.length, 1, `// note ${nChanges}`, `const added${nChanges} = ${nChanges};`);
      write(root, file, lines.join("\n"));
    };
    for (let round = 0; round < nRounds && !signal.aborted; round += 1) {
      change();
      git("commit", "-qam", `change ${round}`);
      const committed = await observe();
      change();
      git("commit", "-qa", "--amend", "-m", `amended ${round}`);
      const amended = await observe();
      git("checkout", "-q", "-b", `branch${round}`, "HEAD~1");
      const checkedOut = await observe();
      git("checkout", "-q", "main");
      const back = await observe();
      for (const { ms, nProcesses } of [committed, amended, checkedOut, back]) {
        times.push(ms);
        maxProcesses = Math.max(maxProcesses, nProcesses);
      }
    }
    git("checkout", "-q", "-b", "long");
    for (let at = 0; at < REBASED_COMMITS; at += 1) {
      write(root, "notes.txt", `${at}\n`);
      git("add", "-A");
      git("commit", "-q", "-m", `note ${at}`);
    }
    await tracker.observe(signal);
    git("checkout", "-q", "main");
    write(root, "ground.txt", "ground\n");
    git("add", "-A");
    git("commit", "-q", "-m", "ground");
    await tracker.observe(signal);
    git("rebase", "-q", "main", "long");
    const rebased = await observe();

    const watch = watchRepository(found.repository, (stop) => tracker.observe(stop), { pollMs: 5 });
    await watch.ready;
    const startedAt = performance.now();
    const { nProcesses: pollProcesses } = await countProcesses(
      () => new Promise((resolve) => setTimeout(resolve, N_POLLS * 5)),
    );
    const pollMs = (performance.now() - startedAt) / N_POLLS;
    watch[Symbol.dispose]();
    await tracker.close();
    times.sort((left, right) => left - right);
    return {
      liveSnippets: codes.length,
      p95Ms: times[Math.ceil(times.length * 0.95) - 1] ?? 0,
      medianMs: times[times.length >> 1] ?? 0,
      maxProcesses,
      rebaseMs: rebased.ms,
      rebaseProcesses: rebased.nProcesses,
      pollProcesses,
      pollMs,
      longestTurnMs,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
};

const project = path.resolve(import.meta.dirname, "../../..");

const sources = (): { file: string; text: string }[] =>
  ["core", "engine", "extension", "protocol", "server", "tracker", "test", "media"].flatMap((folder) =>
    readdirSync(path.join(project, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => ({ file: `${folder}/${name}`, text: readFileSync(path.join(project, folder, name), "utf8") })),
  );

const cut = (file: string, text: string): { file: string; text: string; line: number }[] => {
  const lines = text.split("\n");
  const codes: { file: string; text: string; line: number }[] = [];
  for (let at = 0; at + LINES_PER_SNIPPET <= lines.length; at += LINES_PER_SNIPPET) {
    const part = lines.slice(at, at + LINES_PER_SNIPPET).join("\n");
    if (countSignificantTokens(part) >= MIN_TOKENS) codes.push({ file, text: part, line: at + 1 });
  }
  return codes;
};

const write = (root: string, file: string, text: string): void => {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
};
