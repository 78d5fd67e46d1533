import { parentPort, workerData } from "node:worker_threads";
import { isBeyondIndex } from "../../../core/survival/candidates.ts";
import { createGramIndex } from "../../../core/survival/gram-index.ts";
import { emptySnapshot } from "../../../core/survival/snapshot.ts";
import { trackSnippet } from "../../../core/survival/tracked-snippet.ts";
import { DIFF_ARGS, openChanges } from "../../../tracker/commit-changes.ts";
import { walkCommits, type WalkContext, type WalkedSnippet } from "../../../tracker/commit-walk.ts";
import { gitStream, gitText } from "../../../tracker/git.ts";
import { isWrittenPath } from "../../../tracker/mined-files.ts";
import type { CommitNode } from "../../../tracker/new-commits.ts";
import type { BackfillFigures, BackfillQuestion } from "./backfill.ts";
import { snippetsOfHistory } from "./history-snippets.ts";
import { countProcesses } from "./started-processes.ts";

/** The first part of a history that snippets are taken from: most are then live for most of the walk. */
const SAMPLED_SHARE = 0.35;
const RSS_PERIOD_MS = 200;

const walkHistory = async ({ repo, nSnippets }: BackfillQuestion, signal: AbortSignal): Promise<BackfillFigures> => {
  const listed = await gitText(repo, ["rev-list", "--first-parent", "--reverse", "--parents", "HEAD"], signal);
  const nodes: CommitNode[] = listed.split("\n").map((line) => {
    const [commit = "", parent] = line.split(" ");
    return { commit, parents: parent === undefined ? [] : [parent] };
  });
  const sampled = nodes.slice(0, Math.ceil(nodes.length * SAMPLED_SHARE));
  const accepted = await snippetsOfHistory(repo, sampled, nSnippets, signal);
  const context: WalkContext & { snippets: WalkedSnippet[]; short: number[] } = {
    snippets: [],
    vocabulary: new Map(),
    grams: createGramIndex(),
    short: [],
    snapshots: new Map([["", emptySnapshot()]]),
  };
  const files = new Set(accepted.map(({ file }) => file));
  for (const { sid, file, text, line, before, at = 0, head = null } of accepted) {
    const tracked = trackSnippet({ sid, file, line, text }, context.vocabulary);
    const indexed = context.grams.add(context.snippets.length, tracked.ids, tracked.sizes);
    if (isBeyondIndex(tracked.size, indexed)) context.short.push(context.snippets.length);
    context.snippets.push({ ...tracked, acceptedAt: at, before, head, introducedBy: [], isUndone: false });
  }
  globalThis.gc?.();
  let peak = 0;
  const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), RSS_PERIOD_MS);
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const tip = nodes.at(-1)?.commit ?? "";
  const plan = { nodes, tips: new Set([tip]), rewrites: new Map(), nearest: null, isFirstParentOnly: true };
  const { nProcesses } = await countProcesses(async () => {
    using reader = openChanges(repo, signal, (path) => isWrittenPath(path) || files.has(path));
    await walkCommits(context, plan, reader, () => undefined);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(before);
  await new Promise((resolve) => setTimeout(resolve, RSS_PERIOD_MS));
  clearInterval(sampler);
  const alive = context.snapshots.get(tip)?.alive ?? new Int32Array(0);
  return {
    commits: nodes.length,
    snippets: accepted.length,
    commitsPerSecond: nodes.length / seconds,
    ownMsPerCommit: (user + system) / 1000 / nodes.length,
    peakMb: peak / 2 ** 20,
    processes: nProcesses,
    gitCommitsPerSecond: await measureGit(repo, nodes, signal),
    changedLinesPerCommit: (await countChangedLines(repo, signal)) / nodes.length,
    aliveAtEnd: alive.reduce((count, tokens) => count + (tokens > 0 ? 1 : 0), 0),
  };
};

/** Commits a second of the same git process when what it prints is thrown away: nothing that reads it can be quicker. */
const measureGit = async (repo: string, nodes: readonly CommitNode[], signal: AbortSignal): Promise<number> => {
  const startedAt = performance.now();
  const git = gitStream(repo, DIFF_ARGS, signal);
  const asked = (async () => {
    for (const { commit, parents } of nodes) await git.write(`${[commit, ...parents].join(" ")}\n`);
    git.end();
  })();
  for await (const chunk of git.chunks) void chunk;
  await asked;
  return (nodes.length / (performance.now() - startedAt)) * 1000;
};

/** Added and deleted lines of all commits, each against its first parent. */
const countChangedLines = async (repo: string, signal: AbortSignal): Promise<number> => {
  const args = ["log", "--first-parent", "-m", "-M", "--shortstat", "--format=", "HEAD"];
  const git = gitStream(repo, args, signal);
  git.end();
  const chunks: Buffer[] = [];
  for await (const chunk of git.chunks) chunks.push(chunk);
  const counts = Buffer.concat(chunks)
    .toString("latin1")
    .matchAll(/(\d+) (?:insertion|deletion)/g);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
};

const done = new AbortController();
parentPort?.postMessage(await walkHistory(workerData as BackfillQuestion, done.signal));
