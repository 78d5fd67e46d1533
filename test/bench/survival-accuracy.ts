import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { openBlobs } from "../../tracker/blobs.ts";
import { gitText } from "../../tracker/git.ts";
import type { Bar, Bench, BenchContext } from "./harness/report.ts";
import { type JudgedInsertion, judgeInsertions } from "./survival-accuracy/judged-insertions.ts";
import { comparedShares, type TrackedShare, trackedShares } from "./survival-accuracy/kept-measure.ts";
import { PUBLISHED_MEASURES } from "./survival-accuracy/published-measures.ts";
import type { Fate } from "./survival-accuracy/truth.ts";
import { type Case, createTally } from "./survival-accuracy/tally.ts";

/**
 * `npm run bench -- survival-accuracy [--repo <git folder>]... [--repos <folder of them>] [--sample <n>] [--seed <n>]
 * [--checkpoints <n>] [--kept <folder for what git said>] [--cases <folder for what the measures said>] [--wrong]`:
 * insertions of public histories, looked for later by Kept and by the measures of other tools, against
 * `git blame --first-parent -w -M`. With `--cases` a run that was cut goes on, and its histories may be given to
 * several runs: a folder belongs to one head of Kept.
 */
export const bench: Bench = {
  about: "share of insertions that each measure judges rightly, %, against git blame --first-parent -w -M",
  async run(context) {
    const options = parse(context.args);
    const tally = createTally();
    context.say(`seed ${options.seed}, at most ${options.sample} insertions of each history`);
    for (const repo of options.repos) {
      const name = nameOf(repo);
      const startedAt = performance.now();
      const observed = await observedBefore(name, repo, options, context);
      for (const one of observed) tally.add({ repository: name, ...one });
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
  readonly kept: string | null;
  readonly cases: string | null;
  readonly showWrong: boolean;
}

/** Insertions of one repository. */
const DEFAULT_SAMPLE = 900;
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
    kept: values("--kept")[0] ?? null,
    cases: values("--cases")[0] ?? null,
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

type Observed = readonly Omit<Case, "repository">[];

/** What the folder of cases holds of a history, or what the measures say now, which goes into it. */
async function observedBefore(name: string, repo: string, options: Options, context: BenchContext): Promise<Observed> {
  if (options.cases === null) return observe(name, repo, options, context);
  const tip = await gitText(repo, ["rev-parse", "HEAD"], context.signal);
  const { seed, sample, checkpoints } = options;
  const key = [name.replaceAll("/", "+"), tip.slice(0, 10), seed, sample, checkpoints].join("-");
  const file = path.join(options.cases, `${key}.json`);
  if (existsSync(file)) return JSON.parse(await readFile(file, "utf8")) as Observed;
  const observed = await observe(name, repo, options, context);
  await mkdir(options.cases, { recursive: true });
  await writeFile(file, JSON.stringify(observed));
  return observed;
}

async function observe(name: string, repo: string, options: Options, { signal, say }: BenchContext): Promise<Observed> {
  const judged = await judgeInsertions(name, { ...options, repo, signal });
  const observed: Omit<Case, "repository">[] = judged
    .filter(({ fate }) => WITHOUT_VERDICT.has(fate))
    .map(({ fate, byBlame }) => ({ fate, byBlame, verdicts: null }));
  const withVerdict = judged.filter(({ fate }) => !WITHOUT_VERDICT.has(fate));
  for (const [until, group] of Map.groupBy(withVerdict, (one) => one.until)) {
    const rounds = roundsOf(group);
    const taken = rounds.flat();
    const insertions = taken.map(({ insertion }) => insertion);
    const tracked = new Map<JudgedInsertion, TrackedShare | null>();
    const compared = await atCommit(
      repo,
      until,
      async (folder) => {
        for (const round of rounds) {
          const shares = await trackedShares(
            folder,
            round.map(({ insertion }) => insertion),
            signal,
          );
          for (const [at, one] of round.entries()) tracked.set(one, shares[at] ?? null);
        }
        return comparedShares(folder, insertions, signal);
      },
      signal,
    );
    using blobs = openBlobs(repo, signal);
    for (const [at, one] of taken.entries()) {
      const { insertion, laterPath, fate, byBlame } = one;
      const found = tracked.get(one) ?? null;
      // What Kept calls unknown is no verdict.
      if (found?.tok === null || found === null) continue;
      const after = (await blobs.read(`${until}:${laterPath}`))?.toString("utf8") ?? null;
      const followed = { ...insertion, inserted: insertion.text, before: insertion.file, after };
      const verdicts: Record<string, number> = { kept: found.tok, tokenRule: compared[at] ?? 0 };
      for (const [measure, judge] of Object.entries(PUBLISHED_MEASURES)) verdicts[measure] = judge(followed);
      observed.push({ fate, byBlame, verdicts });
      if (options.showWrong) tellWrong(name, one, found, say);
    }
  }
  return observed;
}

/** Half of all: following them would cost as much as following those that say something. */
const WITHOUT_VERDICT: ReadonlySet<Fate> = new Set(["partial", "rewritten"]);

/**
 * A tracker gives each token of a file to one snippet, the first. Insertions of a history overlap, as when a
 * later one edits the lines of an earlier, which no two suggestions that somebody accepts do: so a file has one
 * insertion in each round. Rounds of a few are left out: each costs a walk of the whole history.
 */
const roundsOf = (judged: readonly JudgedInsertion[]): JudgedInsertion[][] => {
  const rounds: JudgedInsertion[][] = [];
  for (const ofFile of Map.groupBy(judged, ({ laterPath }) => laterPath).values())
    for (const [round, one] of ofFile.entries()) (rounds[round] ??= []).push(one);
  return rounds.filter((ofRound) => ofRound.length >= MIN_PER_ROUND);
};

const MIN_PER_ROUND = 8;

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

const JUDGED: ReadonlySet<Fate> = new Set(["untouched", "moved-file", "moved-inside", "moved-across", "deleted"]);

/** With the code, where Kept says that it lives, and the commits that took it and brought it back. */
function tellWrong(
  name: string,
  { insertion, until, fate }: JudgedInsertion,
  { tok, files, story }: TrackedShare,
  say: (line: string) => void,
): void {
  const alive = (tok ?? 0) >= 0.5;
  if (!JUDGED.has(fate) || alive === (fate !== "deleted")) return;
  const where = `${insertion.path}:${insertion.line + 1}+${insertion.nLines}`;
  say(
    `wrong: ${name} ${fate} but ${tok?.toFixed(2)}: ${insertion.commit.slice(0, 10)} ${where} at ${until.slice(0, 10)}`,
  );
  say(`  in ${files.join(", ") || "no file"}; ${story.join(", ")}`);
  for (const line of insertion.text.trimEnd().split("\n")) say(`  | ${line}`);
}
