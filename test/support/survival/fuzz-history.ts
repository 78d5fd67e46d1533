import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "../../../core/statistics/random.ts";
import type { Observation } from "../../../tracker/observer.ts";
import { GONE_BELOW } from "../../../core/survival/place-state.ts";
import { type FollowedRepository, followRepository } from "../../integration/tracker/followed-repository.ts";
import { below, createWriter, EDITS, pick, readLines, type Random, wordsOf } from "./word-file.ts";

/** A place where the tracker says something else than the counted words. */
export interface Mismatch {
  readonly seed: number;
  readonly sid: string;
  readonly place: string;
  readonly counted: number;
  readonly found: number;
  /** What was done, oldest first. */
  readonly story: readonly string[];
}

export interface FuzzResult {
  readonly nChecks: number;
  readonly over: readonly Mismatch[];
  readonly under: readonly Mismatch[];
  /** Places that hold a tenth or more of a snippet that is called dead (P20). */
  readonly notDead: readonly Mismatch[];
  /** Snippets of which more is retained than at the look before, and no record of a gain says so (P13). */
  readonly untold: readonly Mismatch[];
  readonly operations: Readonly<Record<string, number>>;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly nSteps: number;
  readonly nSnippets?: number;
  /** Does a look, and what it wants around it. */
  readonly look?: (repository: FollowedRepository) => Promise<Observation>;
}

const FILES = ["src/a.ts", "src/b.ts", "lib/c.ts"];
const LINES_PER_FILE = 14;
const LINES_PER_SNIPPET = 6;
const N_SNIPPETS = 5;
const EPSILON = 1e-9;
/** Share of the looks before which the tracker is closed and opened again: then it knows what its cache holds. */
const RESTARTED = 0.15;

/**
 * Does random things to a repository while a tracker follows it, and counts after each look in every place how
 * many of each snippet's words are there.
 */
export const fuzzHistory = async ({
  seed,
  nSteps,
  nSnippets = N_SNIPPETS,
  look = (repository) => repository.look(),
}: FuzzOptions): Promise<FuzzResult> => {
  const random = createRandom(seed);
  const newLine = createWriter();
  const start = Object.fromEntries(
    FILES.map((path) => [path, `${Array.from({ length: LINES_PER_FILE }, newLine).join("\n")}\n`]),
  );
  await using repository = await followRepository({ files: { ...start, "a.ts": "", "b.ts": "" } });
  const fuzz: Fuzz = { repository, random, newLine, words: new Map(), story: [], nBranches: 0 };
  const operations: Record<string, number> = {};
  const over: Mismatch[] = [];
  const under: Mismatch[] = [];
  const notDead: Mismatch[] = [];
  const untold: Mismatch[] = [];
  const retained = new Map<string, number>();
  let nChecks = 0;

  for (let at = 0; at < nSnippets; at += 1) await acceptSnippet(fuzz);
  for (let step = 0; step < nSteps; step += 1) {
    const [name, operation] = pick(Object.entries(OPERATIONS), random);
    const isDone = await operation(fuzz).catch(() => false);
    if (isDone === false) {
      await giveUp(repository);
      fuzz.story.push(`${name} (given up)`);
    } else {
      fuzz.story.push(name);
      operations[name] = (operations[name] ?? 0) + 1;
    }
    // Some looks see several operations at once.
    if (random() < 0.35) continue;
    if (random() < RESTARTED) {
      await repository.restart();
      fuzz.story.push("restart");
    }
    const nRecords = repository.records.length;
    const observation = await look(repository);
    if (observation.kind === "waiting") continue;
    if (observation.kind === "failed") throw new Error(`seed ${seed}: ${observation.reason} ${observation.message}`);
    fuzz.story.push("look");
    const gained = new Set(repository.records.slice(nRecords).flatMap((one) => (one.kind === "gain" ? [one.sid] : [])));
    for (const [sid, { tok, state }] of repository.tracker.state) {
      const before = retained.get(sid);
      const mismatch = { seed, sid, place: "any", counted: before ?? 0, found: tok ?? 0, story: [...fuzz.story] };
      if (before !== undefined && tok !== null && tok > before + EPSILON && !gained.has(sid)) untold.push(mismatch);
      if (tok !== null) retained.set(sid, tok);
      if (state.kind !== "dead") continue;
      for (const { place, counted } of await countEverywhere(fuzz, sid))
        if (counted >= GONE_BELOW) notDead.push({ ...mismatch, place, counted });
    }
    for (const { sid, place, counted, found } of await compare(fuzz)) {
      nChecks += 1;
      const mismatch = { seed, sid, place, counted, found, story: [...fuzz.story] };
      if (found > counted + EPSILON) over.push(mismatch);
      else if (found < counted - EPSILON) under.push(mismatch);
    }
    if (over.length + under.length + notDead.length + untold.length > 0) break;
  }
  return { nChecks, over, under, notDead, untold, operations };
};

interface Fuzz {
  readonly repository: FollowedRepository;
  readonly random: Random;
  readonly newLine: () => string;
  /** Words of each snippet. */
  readonly words: Map<string, ReadonlySet<string>>;
  readonly story: string[];
  nBranches: number;
}

/** Text of HEAD, of the other branches and of stash entries. */
const readPlaces = async ({ repository: { git } }: Fuzz): Promise<{ place: string; text: string }[]> => {
  const texts = new Map<string, string>();
  const textOf = async (commit: string): Promise<string> => {
    const known = texts.get(commit) ?? (await git("grep", "-h", "-e", "", commit, "--").catch(() => ""));
    texts.set(commit, known);
    return known;
  };
  const places: { place: string; text: string }[] = [
    { place: "head", text: await textOf(await git("rev-parse", "HEAD")) },
  ];
  const current = await git("rev-parse", "--abbrev-ref", "HEAD");
  for (const line of (await git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")).split("\n")) {
    const [name = "", commit = ""] = line.split(" ");
    if (name !== current) places.push({ place: `branch ${name}`, text: await textOf(commit) });
  }
  for (const [index, line] of (await git("stash", "list", "--format=%H")).split("\n").entries()) {
    if (line !== "") places.push({ place: `stash stash@{${index}}`, text: await textOf(line) });
  }
  return places;
};

const shareOf = (own: ReadonlySet<string>, text: string): number => {
  const there = wordsOf(text);
  return [...own].filter((word) => there.has(word)).length / own.size;
};

const compare = async (fuzz: Fuzz): Promise<{ sid: string; place: string; counted: number; found: number }[]> => {
  const { repository, words } = fuzz;
  const found: { sid: string; place: string; counted: number; found: number }[] = [];
  for (const { place, text } of await readPlaces(fuzz)) {
    for (const [sid, own] of words) {
      const seen = repository.tracker.state
        .get(sid)
        ?.where.find((one) => one.place === place || `${one.place} ${one.ref}` === place);
      found.push({ sid, place, counted: shareOf(own, text), found: seen?.tok ?? 0 });
    }
  }
  return found;
};

/** The share of a snippet's words in every place that can hold code: the index and the work tree too. */
const countEverywhere = async (fuzz: Fuzz, sid: string): Promise<{ place: string; counted: number }[]> => {
  const own = fuzz.words.get(sid) ?? new Set<string>();
  const index = await fuzz.repository.git("grep", "--cached", "-h", "-e", "").catch(() => "");
  const files = [...(await readTree(fuzz)).values()].map((lines) => lines.join("\n")).join("\n");
  const places = [...(await readPlaces(fuzz)), { place: "index", text: index }, { place: "worktree", text: files }];
  return places.map(({ place, text }) => ({ place, counted: shareOf(own, text) }));
};

const readTree = async ({ repository }: Fuzz): Promise<Map<string, string[]>> => {
  const files = new Map<string, string[]>();
  for (const path of (await readdir(repository.root, { recursive: true })).sort()) {
    if (!path.endsWith(".ts") || path.startsWith(".git")) continue;
    files.set(path, readLines(await readFile(join(repository.root, path), "utf8")));
  }
  return files;
};

const writeTree = async ({ repository }: Fuzz, files: ReadonlyMap<string, readonly string[]>): Promise<void> => {
  await repository.git("rm", "-rfq", "--ignore-unmatch", ".");
  for (const [path, lines] of files) await repository.write(path, lines.map((line) => `${line}\n`).join(""));
  await repository.git("add", "-A");
};

const edit = async (fuzz: Fuzz): Promise<void> => {
  const files = await readTree(fuzz);
  const count = 1 + below(fuzz.random, 3);
  for (let at = 0; at < count; at += 1) {
    const [name, apply] = pick(Object.entries(EDITS), fuzz.random);
    apply(files, fuzz.random, fuzz.newLine);
    fuzz.story.push(`- ${name}`);
  }
  await writeTree(fuzz, files);
};

const acceptSnippet = async (fuzz: Fuzz): Promise<void> => {
  const { repository, random, newLine, words } = fuzz;
  const files = await readTree(fuzz);
  const path = pick(
    [...files.keys()].filter((name) => name.includes("/")),
    random,
  );
  const lines = files.get(path) as string[];
  const at = below(random, lines.length + 1);
  const snippet = Array.from({ length: LINES_PER_SNIPPET }, newLine);
  lines.splice(at, 0, ...snippet);
  await writeTree(fuzz, files);
  const text = `${snippet.join("\n")}\n`;
  const sid = `s${words.size}`;
  words.set(sid, wordsOf(text));
  await repository.accept(sid, path, text, at + 1);
  await repository.commit(`accept ${sid}`);
};

const giveUp = async ({ git }: FollowedRepository): Promise<void> => {
  for (const command of ["rebase", "merge", "cherry-pick", "revert"]) await git(command, "--abort").catch(() => "");
  await git("reset", "-q", "--hard");
  await git("clean", "-fdq");
};

const otherBranch = async ({ repository, random }: Fuzz): Promise<string | null> => {
  const current = await repository.git("rev-parse", "--abbrev-ref", "HEAD");
  const names = (await repository.git("for-each-ref", "--format=%(refname:short)", "refs/heads")).split("\n");
  const others = names.filter((name) => name !== current && name !== "");
  return others.length === 0 ? null : pick(others, random);
};

/** False, or thrown, when it cannot be done here: then everything uncommitted is thrown away. */
type Operation = (fuzz: Fuzz) => Promise<unknown>;

const withOther =
  (use: (fuzz: Fuzz, other: string) => Promise<unknown>): Operation =>
  async (fuzz) => {
    const other = await otherBranch(fuzz);
    return other === null ? false : use(fuzz, other);
  };

const commitEdit: Operation = async (fuzz) => {
  await edit(fuzz);
  await fuzz.repository.commit("edit");
};

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  edit: commitEdit,
  "edit more": async (fuzz) => {
    await commitEdit(fuzz);
    await commitEdit(fuzz);
  },
  accept: acceptSnippet,
  amend: async (fuzz) => {
    await edit(fuzz);
    await fuzz.repository.git("commit", "-q", "--amend", "--allow-empty", "-m", "amended");
  },
  branch: async (fuzz) => {
    fuzz.nBranches += 1;
    await fuzz.repository.git("checkout", "-qb", `branch${fuzz.nBranches}`);
    await commitEdit(fuzz);
  },
  "branch from before": async (fuzz) => {
    fuzz.nBranches += 1;
    await fuzz.repository.git("checkout", "-qb", `branch${fuzz.nBranches}`, `HEAD~${1 + below(fuzz.random, 3)}`);
    await commitEdit(fuzz);
  },
  checkout: withOther((fuzz, other) => fuzz.repository.git("checkout", "-q", other)),
  "delete a branch": withOther((fuzz, other) => fuzz.repository.git("branch", "-qD", other)),
  merge: withOther((fuzz, other) => fuzz.repository.git("merge", "-q", "--no-edit", other)),
  "merge, ours in conflict": withOther((fuzz, other) =>
    fuzz.repository.git("merge", "-q", "--no-edit", "-X", "ours", other),
  ),
  squash: withOther(async (fuzz, other) => {
    await fuzz.repository.git("merge", "-q", "--squash", other);
    await fuzz.repository.commit("squashed");
  }),
  rebase: withOther((fuzz, other) => fuzz.repository.git("rebase", "-q", other)),
  "rebase, theirs in conflict": withOther((fuzz, other) => fuzz.repository.git("rebase", "-q", "-X", "theirs", other)),
  "cherry-pick": withOther((fuzz, other) => fuzz.repository.git("cherry-pick", other)),
  stash: async (fuzz) => {
    await edit(fuzz);
    await fuzz.repository.git("stash", "-q");
  },
  "pop the stash": async (fuzz) => {
    await fuzz.repository.git("stash", "pop", "-q");
    await fuzz.repository.commit("popped");
  },
  revert: (fuzz) => fuzz.repository.git("revert", "--no-edit", `HEAD~${below(fuzz.random, 3)}`),
  "reset hard": (fuzz) => fuzz.repository.git("reset", "-q", "--hard", `HEAD~${1 + below(fuzz.random, 2)}`),
  "reset softly and commit": async (fuzz) => {
    await fuzz.repository.git("reset", "-q", "--soft", `HEAD~${1 + below(fuzz.random, 3)}`);
    await fuzz.repository.commit("again");
  },
};
