import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openBlobs } from "../../tracker/blobs.ts";
import { gitText } from "../../tracker/git.ts";
import { isWrittenPath, languageOf } from "../../tracker/mined-files.ts";
import { hashText } from "../../core/statistics/random.ts";
import type { Bar, Bench, BenchContext } from "./harness/report.ts";
import { type Blame, blameOf, pathLater, readRenames } from "./survival-accuracy/blame.ts";
import { type Insertion, sampleInsertions } from "./survival-accuracy/insertions.ts";
import { comparedShares, trackedShares } from "./survival-accuracy/kept-measure.ts";
import { PUBLISHED_MEASURES } from "./survival-accuracy/published-measures.ts";
import { carriedShare, type RemovalQuestion } from "./survival-accuracy/removal.ts";
import { createTally, type Verdicts } from "./survival-accuracy/tally.ts";
import { type Fate, fateOf, indexLines, type LineIndex } from "./survival-accuracy/truth.ts";

/**
 * `npm run bench -- survival-accuracy [--repo <git folder>]... [--repos <folder of them>] [--sample <n>]
 * [--checkpoints <n>]`:
 * insertions of public histories, looked for later by Kept and by the measures of other tools, against
 * `git blame --first-parent -w -M`.
 */
export const bench: Bench = {
  about: "share of insertions that each measure judges rightly, %, against git blame --first-parent -w -M",
  async run(context) {
    const options = parse(context.args);
    const tally = createTally();
    for (const repo of options.repos) {
      const name = nameOf(repo);
      const startedAt = performance.now();
      const observed = await observe(name, repo, options, context);
      for (const { fate, byBlame, verdicts } of observed) tally.add(name, fate, byBlame, verdicts);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
      context.say(`${name}: ${observed.length} insertions in ${seconds} s; ${tally.line()}`);
    }
    for (const line of tally.table()) context.say(line);
    const metrics = tally.metrics();
    return { metrics, bars: barsOf(metrics) };
  },
};

const barsOf = (metrics: Readonly<Record<string, number>>): Bar[] => {
  const bar = (name: string, key: string, target: number, want: Bar["want"]): Bar => ({
    name,
    value: metrics[key] ?? 0,
    target,
    want,
  });
  return [
    bar("repositories", "repositories", 10, "at-least"),
    bar("deleted insertions", "n.deleted", 1_000, "at-least"),
    bar("moved insertions", "n.moved", 200, "at-least"),
    bar("deleted called alive, %", "kept.deletedAlive", 2, "at-most"),
    bar("moved found, %", "kept.movedFound", 95, "at-least"),
    bar("untouched called alive, %", "kept.untouchedAlive", 99, "at-least"),
  ];
};

interface Options {
  readonly repos: readonly string[];
  readonly sample: number;
  readonly seed: number;
  readonly checkpoints: number;
  readonly showWrong: boolean;
}

/** Insertions of one repository. */
const DEFAULT_SAMPLE = 400;
/** Moments of a history at which its insertions are looked for: each costs a walk, and a blame of every file concerned. */
const DEFAULT_CHECKPOINTS = 1;

const parse = (args: readonly string[]): Options => {
  const values = (name: string): string[] => args.flatMap((arg, at) => (arg === name ? (args[at + 1] ?? []) : []));
  const folders = values("--repos").flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)));
  const named = [...values("--repo"), ...folders].map(gitFolder).filter((folder) => folder !== null);
  const shared = path.resolve("..", "shared", "data", "repos");
  const usual = existsSync(shared) ? readdirSync(shared).map((name) => gitFolder(path.join(shared, name))) : [];
  const repos = named.length > 0 ? named : usual.filter((folder) => folder !== null);
  return {
    repos: repos.length > 0 ? repos : [path.resolve(".")],
    sample: Number(values("--sample")[0] ?? DEFAULT_SAMPLE),
    seed: Number(values("--seed")[0] ?? 1),
    checkpoints: Number(values("--checkpoints")[0] ?? DEFAULT_CHECKPOINTS),
    showWrong: args.includes("--wrong"),
  };
};

/** The folder itself, or the `repo` folder in it that a mirror has. */
const gitFolder = (folder: string): string | null =>
  [folder, path.join(folder, "repo")].find(
    (candidate) => existsSync(path.join(candidate, "HEAD")) || existsSync(path.join(candidate, ".git")),
  ) ?? null;

const nameOf = (repo: string): string => {
  const parts = path.resolve(repo).split(path.sep);
  return (parts.at(-1) === "repo" ? parts.at(-2) : parts.at(-1))?.replace("+", "/") ?? repo;
};

interface Observed {
  readonly fate: Fate;
  /** Fate before code in other files was looked for. */
  readonly byBlame: Fate;
  readonly verdicts: Verdicts;
}

async function observe(
  name: string,
  repo: string,
  options: Options,
  { signal, say }: BenchContext,
): Promise<Observed[]> {
  const commits = (await gitText(repo, ["rev-list", "--first-parent", "--reverse", "HEAD"], signal)).split("\n");
  const renames = await readRenames(repo, commits, signal);
  const insertions = await sampleInsertions({ repo, commits, limit: options.sample, seed: options.seed, signal });
  const indexOf = new Map(commits.map((commit, index) => [commit, index]));
  const patches: RemovalQuestion["patches"] = new Map();
  const observed: Observed[] = [];
  for (const [index, all] of byCheckpoint(insertions, commits.length, options)) {
    const rounds = inRounds(all, (insertion) => pathLater(renames, insertion.path, insertion.index, index));
    const group = rounds.flat();
    const commit = commits[index] as string;
    const tree = await readTree(repo, commit, signal);
    const lines = indexLines(tree);
    const [tracked, compared] = await atCommit(
      repo,
      commit,
      async (folder) => [
        await inTurn(rounds, (round) => trackedShares(folder, round, signal)),
        await comparedShares(folder, group, signal),
      ],
      signal,
    );
    const blames = new Map<string, Blame | null>();
    const question: RemovalQuestion = { repo, commits, indexOf, until: commit, patches, signal };
    for (const [at, insertion] of group.entries()) {
      const later = pathLater(renames, insertion.path, insertion.index, index);
      const after = tree.get(later) ?? null;
      if (!blames.has(later))
        blames.set(later, after === null ? new Map() : await blameOf(repo, commit, later, signal));
      const blame = blames.get(later);
      const kept = tracked?.[at];
      // Neither a file that git cannot blame nor one that Kept calls unknown is a verdict.
      if (blame === null || blame === undefined || kept === null || kept === undefined) continue;
      const traced = blame.get(`${insertion.commit} ${insertion.path}`) ?? [];
      const byBlame = fateOf(insertion, { lines: traced, path: later, text: after });
      const fate = byBlame === "deleted" ? await fateOfGone(insertion, lines, question) : byBlame;
      const followed = { ...insertion, inserted: insertion.text, before: insertion.file, after };
      const verdicts: Record<string, number> = { kept, tokenRule: compared?.[at] ?? 0 };
      for (const [measure, judge] of Object.entries(PUBLISHED_MEASURES)) verdicts[measure] = judge(followed);
      observed.push({ fate, byBlame, verdicts });
      if (options.showWrong) tellWrong(name, insertion, commit, fate, kept, say);
    }
  }
  return observed;
}

/** Insertions of one file that are looked for, each in a round of its own. */
const MAX_ROUNDS = 3;

/**
 * A tracker gives each token of a file to one snippet, the first. Insertions of a history overlap, as when a
 * later one edits the lines of an earlier, which no two suggestions that somebody accepts do: so a file has one
 * insertion in each round.
 */
function inRounds(insertions: readonly Insertion[], fileOf: (insertion: Insertion) => string): Insertion[][] {
  const rounds: Insertion[][] = [];
  const counts = new Map<string, number>();
  for (const insertion of insertions) {
    const file = fileOf(insertion);
    const round = counts.get(file) ?? 0;
    if (round === MAX_ROUNDS) continue;
    counts.set(file, round + 1);
    (rounds[round] ??= []).push(insertion);
  }
  return rounds;
}

async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R[]>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(...(await work(item)));
  return results;
}

/** Insertions by the commit, named by its index, at which they are looked for: one of the later checkpoints. */
function byCheckpoint(
  insertions: readonly Insertion[],
  nCommits: number,
  { checkpoints: nCheckpoints, seed }: Options,
): Map<number, Insertion[]> {
  const checkpoints = Array.from({ length: nCheckpoints }, (_, at) =>
    Math.floor(((at + 1) * (nCommits - 1)) / nCheckpoints),
  );
  const groups = new Map<number, Insertion[]>();
  for (const insertion of insertions) {
    const later = checkpoints.filter((index) => index > insertion.index);
    const index = later[hashText(`${seed}:${insertion.commit}:${insertion.path}`) % Math.max(1, later.length)];
    if (index === undefined) continue;
    const group = groups.get(index);
    if (group === undefined) groups.set(index, [insertion]);
    else group.push(insertion);
  }
  return groups;
}

/** Of an insertion of which a commit carried on more than this, something lives on, lines. */
const CARRIED_UP_TO = 0.25;

/** Blame looks into one file only. Code that stands whole in another, where it did not stand before, was moved. */
async function fateOfGone(insertion: Insertion, lines: LineIndex, question: RemovalQuestion): Promise<Fate> {
  const elsewhere = lines.findWhole(insertion.text, "");
  if (elsewhere === null) {
    const carried = await carriedShare(insertion, question);
    return carried === null || carried > CARRIED_UP_TO ? "rewritten" : "deleted";
  }
  using blobs = openBlobs(question.repo, question.signal);
  const before = (await blobs.read(`${insertion.commit}:${elsewhere}`))?.toString("utf8");
  if (elsewhere === insertion.path) return "moved-inside";
  const stoodThere = before !== undefined && indexLines(new Map([[elsewhere, before]])).findWhole(insertion.text, "");
  return stoodThere ? "deleted" : "moved-across";
}

async function readTree(repo: string, commit: string, signal: AbortSignal): Promise<Map<string, string>> {
  const listing = await gitText(repo, ["ls-tree", "-r", "-z", "--name-only", commit], signal);
  const paths = listing.split("\0").filter((name) => languageOf(name) !== null && isWrittenPath(name));
  using blobs = openBlobs(repo, signal);
  const files = new Map<string, string>();
  for (const name of paths) {
    const text = (await blobs.read(`${commit}:${name}`))?.toString("utf8");
    if (text !== undefined) files.set(name, text);
  }
  return files;
}

/** Lends a repository of its own whose HEAD stands at a commit and whose objects are the history's. */
async function atCommit<T>(
  repo: string,
  commit: string,
  use: (folder: string) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), "kept-accuracy-"));
  try {
    const objects = await gitText(repo, ["rev-parse", "--git-path", "objects"], signal);
    await gitText(folder, ["init", "-q"], signal);
    await writeFile(path.join(folder, ".git/objects/info/alternates"), `${path.resolve(repo, objects)}\n`);
    await gitText(folder, ["update-ref", "--no-deref", "HEAD", commit], signal);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function tellWrong(
  name: string,
  insertion: Insertion,
  commit: string,
  fate: Fate,
  kept: number,
  say: (line: string) => void,
): void {
  const alive = kept >= 0.5;
  if (fate === "partial" || fate === "rewritten" || alive === (fate !== "deleted")) return;
  const where = `${insertion.path}:${insertion.line + 1}+${insertion.nLines}`;
  say(
    `wrong: ${name} ${fate} but ${kept.toFixed(2)}: ${insertion.commit.slice(0, 10)} ${where} at ${commit.slice(0, 10)}`,
  );
}
