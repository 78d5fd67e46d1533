import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { openBlobs } from "../../../tracker/blobs.ts";
import { gitText } from "../../../tracker/git.ts";
import { isWrittenPath, languageOf } from "../../../tracker/mined-files.ts";
import { hashText } from "../../../core/statistics/random.ts";
import { type Blame, blameOf, pathLater, readRenames } from "./blame.ts";
import { type Insertion, sampleInsertions } from "./insertions.ts";
import { hasCopy, isCopied } from "./copied.ts";
import { carriedLines, isRestored, type RemovalQuestion } from "./removal.ts";
import { type Fate, fateOf, indexLines, type LineIndex } from "./truth.ts";

/** An insertion, and what became of it at a later commit. */
export interface JudgedInsertion {
  readonly insertion: Insertion;
  /** The later commit. */
  readonly until: string;
  /** Its file's path there, renames followed. */
  readonly laterPath: string;
  readonly fate: Fate;
  /** Fate before code in other files was looked for. */
  readonly byBlame: Fate;
}

export interface JudgingOptions {
  readonly repo: string;
  /** Insertions of the history. */
  readonly sample: number;
  readonly seed: number;
  /** Moments of the history at which insertions are looked for: each costs a walk, and a blame of every file concerned. */
  readonly checkpoints: number;
  /** Folder that keeps what git said, which takes hours: nothing of it depends on Kept. Null for none. */
  readonly kept: string | null;
  readonly signal: AbortSignal;
}

/** Insertions of one file: each is followed in a walk of its own. */
const MAX_PER_FILE = 6;

/** Insertions of a history with their fates by git; those that git cannot blame are left out. */
export const judgeInsertions = async (name: string, options: JudgingOptions): Promise<JudgedInsertion[]> => {
  const { repo, sample, seed, checkpoints, kept, signal } = options;
  const commits = (await gitText(repo, ["rev-list", "--first-parent", "--reverse", "HEAD"], signal)).split("\n");
  const key = [name.replaceAll("/", "+"), commits.at(-1)?.slice(0, 10), seed, sample, checkpoints].join("-");
  const file = kept === null ? null : path.join(kept, `${key}.json`);
  if (file !== null && existsSync(file)) return JSON.parse(await readFile(file, "utf8")) as JudgedInsertion[];

  const renames = await readRenames(repo, commits, signal);
  const insertions = await sampleInsertions({ repo, commits, limit: sample, seed, signal });
  const indexOf = new Map(commits.map((commit, index) => [commit, index]));
  const patches: RemovalQuestion["patches"] = new Map();
  const judged: JudgedInsertion[] = [];
  for (const [index, all] of byCheckpoint(insertions, commits.length, options)) {
    const until = commits[index] as string;
    const tree = await readTree(repo, until, signal);
    const lines = indexLines(tree);
    const blames = new Map<string, Blame | null>();
    const question: RemovalQuestion = { repo, commits, indexOf, until, patches, signal };
    const nOfFile = new Map<string, number>();
    for (const insertion of all) {
      const laterPath = pathLater(renames, insertion.path, insertion.index, index);
      const nKnown = nOfFile.get(laterPath) ?? 0;
      if (nKnown === MAX_PER_FILE) continue;
      nOfFile.set(laterPath, nKnown + 1);
      // The tree has no generated files, but a written one may get a name like theirs.
      const after = tree.get(laterPath) ?? (await textAt(repo, until, laterPath, signal));
      if (!blames.has(laterPath))
        blames.set(laterPath, after === null ? new Map() : await blameOf(repo, until, laterPath, signal));
      const blame = blames.get(laterPath) ?? null;
      if (blame === null) continue;
      const traced = blame.get(`${insertion.commit} ${insertion.path}`) ?? [];
      const byBlame = fateOf(insertion, { lines: traced, path: laterPath, text: after });
      const fate = byBlame === "deleted" ? await fateOfGone(insertion, lines, question) : byBlame;
      judged.push({ insertion, until, laterPath, fate, byBlame });
    }
  }
  if (file !== null) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify(judged));
  }
  return judged;
};

/** Insertions by the commit, named by its index, at which they are looked for: one of the later checkpoints. */
const byCheckpoint = (
  insertions: readonly Insertion[],
  nCommits: number,
  { checkpoints: nCheckpoints, seed }: JudgingOptions,
): Map<number, Insertion[]> => {
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
};

/** Of an insertion of which a commit carried on more than this, something lives on, lines. */
const CARRIED_UP_TO = 0.25;

/** What became of code of which blame finds nothing: it looks into one file only, and at whole lines. */
const fateOfGone = async (insertion: Insertion, lines: LineIndex, question: RemovalQuestion): Promise<Fate> => {
  const elsewhere = lines.find(insertion.text);
  if (elsewhere === null) return fateOfRemoved(insertion, question);
  if (elsewhere === insertion.path) return "moved-inside";
  const isCopy = await hasCopy(insertion, question);
  return isCopy ? fateOfRemoved(insertion, question) : "moved-across";
};

const textAt = async (repo: string, commit: string, file: string, signal: AbortSignal): Promise<string | null> => {
  using blobs = openBlobs(repo, signal);
  return (await blobs.read(`${commit}:${file}`))?.toString("utf8") ?? null;
};

/** The same of code that stands whole nowhere. */
export const fateOfRemoved = async (insertion: Insertion, question: RemovalQuestion): Promise<Fate> => {
  const carried = await carriedLines(insertion, question);
  if (carried === null || carried.most > CARRIED_UP_TO) return "rewritten";
  if (carried.half > CARRIED_UP_TO) return "reworded";
  if (await isRestored(insertion, carried.goneAt, question)) return "restored";
  return (await isCopied(insertion, carried.goneAt, question)) ? "copied" : "deleted";
};

const readTree = async (repo: string, commit: string, signal: AbortSignal): Promise<Map<string, string>> => {
  const listing = await gitText(repo, ["ls-tree", "-r", "-z", "--name-only", commit], signal);
  const paths = listing.split("\0").filter((name) => languageOf(name) !== null && isWrittenPath(name));
  using blobs = openBlobs(repo, signal);
  const files = new Map<string, string>();
  for (const name of paths) {
    const text = (await blobs.read(`${commit}:${name}`))?.toString("utf8");
    if (text !== undefined) files.set(name, text);
  }
  return files;
};
