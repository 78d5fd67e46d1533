import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { countSignificantTokens } from "../../../core/survival/tokens.ts";
import type { LiveHost } from "./live-host.ts";
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
  /** Longest time that the event loop of this thread was held, milliseconds. */
  readonly longestTurnMs: number;
  /** The same in processor time of this thread alone: what else runs on the machine is not part of it. */
  readonly longestTurnCpuMs: number;
  /** Processor time of a look, of all threads, milliseconds: median, and of the one after the rebase. */
  readonly cpuMs: number;
  readonly rebaseCpuMs: number;
  /** Bytes that the log of the looks has grown by. */
  readonly logBytes: number;
}

const LINES_PER_SNIPPET = 9;
const MIN_TOKENS = 10;
const REBASED_COMMITS = 100;
const N_POLLS = 20;

/**
 * Follows a copy of this project's sources through single commits, amends, checkouts, and one long rebase, with the
 * tracker in this thread or, as in an editor, in one of its own.
 */
export const measureLive = async (
  nWanted: number,
  nRounds: number,
  host: LiveHost,
  signal: AbortSignal,
): Promise<LiveFigures> => {
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
    const log = path.join(folder, "log");
    const tracker = await host(root, log, signal);
    const files = sources();
    const codes = files.flatMap(({ file, text }) => cut(file, text)).slice(0, nWanted);
    await tracker.accept(codes.map((code, at) => ({ ...code, sid: String(at), before: "" })));
    for (const { file, text } of files) write(root, file, text);
    git("add", "-A");
    git("commit", "-q", "-m", "all");
    await tracker.look();
    const logBytesBefore = bytesIn(log);

    const times: number[] = [];
    const cpuTimes: number[] = [];
    let maxProcesses = 0;
    const delay = monitorEventLoopDelay({ resolution: 1 });
    let longestTurnMs = 0;
    let longestTurnCpuMs = 0;
    const observe = async (): Promise<{ ms: number; cpuMs: number; nProcesses: number }> => {
      delay.reset();
      delay.enable();
      const turns = clockTurns();
      const cpu = process.cpuUsage();
      const startedAt = performance.now();
      const { nProcesses } = await countProcesses(() => tracker.look());
      const ms = performance.now() - startedAt;
      const { user, system } = process.cpuUsage(cpu);
      await tracker.told();
      delay.disable();
      longestTurnMs = Math.max(longestTurnMs, delay.max / 1e6);
      longestTurnCpuMs = Math.max(longestTurnCpuMs, turns.stop());
      return { ms, cpuMs: (user + system) / 1000, nProcesses };
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
      for (const { ms, cpuMs, nProcesses } of [committed, amended, checkedOut, back]) {
        times.push(ms);
        cpuTimes.push(cpuMs);
        maxProcesses = Math.max(maxProcesses, nProcesses);
      }
    }
    const logBytes = bytesIn(log) - logBytesBefore;
    git("checkout", "-q", "-b", "long");
    for (let at = 0; at < REBASED_COMMITS; at += 1) {
      write(root, "notes.txt", `${at}\n`);
      git("add", "-A");
      git("commit", "-q", "-m", `note ${at}`);
    }
    await tracker.look();
    git("checkout", "-q", "main");
    write(root, "ground.txt", "ground\n");
    git("add", "-A");
    git("commit", "-q", "-m", "ground");
    await tracker.look();
    git("rebase", "-q", "main", "long");
    const rebased = await observe();

    // The first one begins with a look.
    await tracker.poll();
    const startedAt = performance.now();
    const { nProcesses: pollProcesses } = await countProcesses(async () => {
      for (let poll = 0; poll < N_POLLS; poll += 1) await tracker.poll();
    });
    const pollMs = (performance.now() - startedAt) / N_POLLS;
    await tracker.close();
    times.sort((left, right) => left - right);
    cpuTimes.sort((left, right) => left - right);
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
      longestTurnCpuMs,
      cpuMs: cpuTimes[cpuTimes.length >> 1] ?? 0,
      rebaseCpuMs: rebased.cpuMs,
      logBytes,
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

/** Takes the processor time of this thread every millisecond; `stop` gives the most between two times, milliseconds. */
const clockTurns = (): { stop(): number } => {
  let longest = 0;
  let last = process.threadCpuUsage();
  const take = (): void => {
    const now = process.threadCpuUsage();
    longest = Math.max(longest, (now.user + now.system - last.user - last.system) / 1000);
    last = now;
  };
  const timer = setInterval(take, 1);
  return {
    stop() {
      clearInterval(timer);
      take();
      return longest;
    },
  };
};

const bytesIn = (folder: string): number =>
  readdirSync(folder)
    .filter((name) => name.startsWith("survival-"))
    .reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);

const write = (root: string, file: string, text: string): void => {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
};
