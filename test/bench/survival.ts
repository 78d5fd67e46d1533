import { parseArgs } from "node:util";
import path from "node:path";
import type { Bar, Bench } from "./harness/report.ts";
import { measureBackfill } from "./survival/backfill.ts";
import { measureLive } from "./survival/live.ts";
import { trackHere, trackInThread } from "./survival/live-host.ts";

/** Each has a commit, an amend and two checkouts. */
const DEFAULT_ROUNDS = 15;

/**
 * Options: `--repo` a git folder with a long history (default this repository) · `--snippets` followed (default
 * 10,000) · `--rounds` of single commits (default 15). Processes are counted with the tracker in this thread;
 * times of looks and turns are those of an editor, whose tracker has a thread of its own.
 */
export const bench: Bench = {
  about: "cost of following accepted code through git: backfill of a history, and one commit at a time",
  async run({ args, signal, say }) {
    const { values } = parseArgs({
      args: [...args],
      options: { repo: { type: "string" }, snippets: { type: "string" }, rounds: { type: "string" } },
    });
    const repo = path.resolve(values.repo ?? ".");
    const nSnippets = Number(values.snippets ?? 10_000);
    const metrics: Record<string, number> = {};
    const bars: Bar[] = [];
    const backfill = await measureBackfill(repo, nSnippets, signal);
    say(JSON.stringify(backfill));
    for (const [name, value] of Object.entries(backfill)) metrics[`backfill.${name}`] = value;
    bars.push(
      { name: "backfill, commits/s", value: backfill.commitsPerSecond, target: 1_000, want: "at-least" },
      { name: "backfill, own CPU ms/commit", value: backfill.ownMsPerCommit, target: 1, want: "at-most" },
      { name: "backfill, peak MB", value: backfill.peakMb, target: 300, want: "at-most" },
      { name: "backfill, processes", value: backfill.processes, target: 1, want: "at-most" },
    );
    const nRounds = Number(values.rounds ?? DEFAULT_ROUNDS);
    const live = await measureLive(nSnippets, nRounds, trackHere, signal);
    const hosted = await measureLive(nSnippets, nRounds, trackInThread, signal);
    say(JSON.stringify({ live, hosted }));
    for (const [name, value] of Object.entries(live)) metrics[`live.${name}`] = value;
    const { p95Ms, medianMs, rebaseMs, longestTurnMs, longestTurnCpuMs, cpuMs, rebaseCpuMs } = hosted;
    const ofEditor = { p95Ms, medianMs, rebaseMs, longestTurnMs, longestTurnCpuMs, cpuMs, rebaseCpuMs };
    for (const [name, value] of Object.entries(ofEditor)) metrics[`hosted.${name}`] = value;
    bars.push(
      { name: "commit, amend or checkout to state, p95 ms", value: hosted.p95Ms, target: 50, want: "at-most" },
      { name: "commit, amend or checkout, processes", value: live.maxProcesses, target: 2, want: "at-most" },
      { name: "rebase of 100 commits, ms", value: hosted.rebaseMs, target: 250, want: "at-most" },
      { name: "rebase of 100 commits, processes", value: live.rebaseProcesses, target: 3, want: "at-most" },
      { name: "polls without a change, processes", value: live.pollProcesses, target: 0, want: "at-most" },
      { name: "longest turn of the editor's loop, ms", value: hosted.longestTurnMs, target: 5, want: "at-most" },
    );
    return { metrics, bars };
  },
};
