import { jaccard, NEAR_DUPLICATE_JACCARD, shinglesOf } from "../../core/datasets/near-duplicates.ts";
import { createPostings } from "./postings.ts";
import { identifiersOf } from "./identifiers.ts";

/** An excerpt that can stand before a prompt, and where it came from. */
export interface IndexedExample {
  readonly id: string;
  /** Workspace folder that it belongs to. */
  readonly root: string;
  readonly path: string;
  readonly language: string;
  readonly text: string;
  readonly commit?: string | undefined;
  readonly suggestionId?: string | undefined;
}

export interface ExampleQuery {
  /** Text before the cursor. */
  readonly prefix: string;
  readonly path: string;
  readonly language: string;
  /** When given, examples of other workspace folders are left out. */
  readonly root?: string;
}

export interface ExampleIndex {
  /** Adds an example, or replaces the one with the same id. The last added counts as the newest. */
  add(example: IndexedExample): void;
  remove(id: string): void;
  removeBySuggestion(suggestionId: string): void;
  /** At most `limit` examples, the most useful last. */
  query(query: ExampleQuery, limit: number): IndexedExample[];
  readonly size: number;
}

/** The end of the prefix that says what is being written, in characters: about twenty lines. */
const QUERY_CHARS = 800;
/** The last of it counts more: it is the statement under the cursor. */
const NEAR_CHARS = 160;
const NEAR_FACTOR = 2;
/** An example must share this much of the query's information to be worth its tokens. */
const MIN_SIMILARITY = 0.05;
/** Bonuses on a similarity of 0 to 1. */
const SAME_FILE_BONUS = 0.1;
const SAME_DIRECTORY_BONUS = 0.05;
const NEWEST_BONUS = 0.05;
/** Additions after which the bonus of being new is half. */
const RECENCY_HALF_LIFE = 50;
/** Most similar examples whose place and age are looked at. */
const MAX_SIMILAR = 512;
/** Best candidates that are compared for sameness. */
const MAX_CANDIDATES = 48;

/**
 * Finds examples by the identifiers that they share with the text before the cursor, rare ones counting more
 * (inverse document frequency), with small bonuses for the same file or folder and for being new. No model,
 * no I/O; equal histories of calls give equal answers.
 */
export const createExampleIndex = (): ExampleIndex => {
  const examples = new Map<string, Entry>();
  const postings = createPostings();
  let nAdded = 0;

  const remove = (id: string): void => {
    if (!examples.delete(id)) return;
    postings.remove(id);
  };

  return {
    add(example) {
      remove(example.id);
      nAdded += 1;
      examples.set(example.id, { example, addedAt: nAdded, shingles: null });
      postings.add(example.id, identifiersOf(example.text).keys());
    },
    remove,
    removeBySuggestion(suggestionId) {
      // A map may lose entries while it is walked.
      for (const { example } of examples.values()) if (example.suggestionId === suggestionId) remove(example.id);
    },
    query(query, limit) {
      const scored: { entry: Entry; score: number }[] = [];
      for (const [id, similarity] of mostSimilar(postings.similarities(weightsOf(query.prefix)))) {
        const entry = examples.get(id);
        if (entry === undefined) continue;
        const { example, addedAt } = entry;
        if (example.language !== query.language) continue;
        if (query.root !== undefined && example.root !== query.root) continue;
        if (isAlreadyVisible(example, query)) continue;
        const recency = NEWEST_BONUS * 2 ** (-(nAdded - addedAt) / RECENCY_HALF_LIFE);
        scored.push({ entry, score: similarity + placeBonus(example.path, query.path) + recency });
      }
      scored.sort((left, right) => right.score - left.score || right.entry.addedAt - left.entry.addedAt);
      const chosen: Entry[] = [];
      for (const { entry } of scored.slice(0, MAX_CANDIDATES)) {
        if (chosen.length >= limit) break;
        if (!chosen.some((other) => isSameText(other, entry))) chosen.push(entry);
      }
      return chosen.reverse().map(({ example }) => example);
    },
    get size() {
      return examples.size;
    },
  };
};

interface Entry {
  readonly example: IndexedExample;
  /** Number of the addition. */
  readonly addedAt: number;
  /** Made when the example is first compared. */
  shingles: ReadonlySet<number> | null;
}

/** Of two near-duplicates the better one is enough. */
const isSameText = (left: Entry, right: Entry): boolean =>
  jaccard(shinglesIn(left), shinglesIn(right)) >= NEAR_DUPLICATE_JACCARD;

const shinglesIn = (entry: Entry): ReadonlySet<number> => (entry.shingles ??= shinglesOf(entry.example.text));

const mostSimilar = (similarities: ReadonlyMap<string, number>): [string, number][] => {
  const similar = [...similarities].filter(([, similarity]) => similarity >= MIN_SIMILARITY);
  // The sort is stable, so that equals stay in the order in which they were added.
  return similar.length <= MAX_SIMILAR
    ? similar
    : similar.sort(([, left], [, right]) => right - left).slice(0, MAX_SIMILAR);
};

const weightsOf = (prefix: string): Map<string, number> => {
  const weights = identifiersOf(prefix.slice(-QUERY_CHARS));
  for (const name of weights.keys()) weights.set(name, 1);
  for (const name of identifiersOf(prefix.slice(-NEAR_CHARS)).keys()) {
    if (weights.has(name)) weights.set(name, NEAR_FACTOR);
  }
  return weights;
};

/** The model reads the prefix in any case; an excerpt of it would only cost tokens. */
const isAlreadyVisible = (example: IndexedExample, query: ExampleQuery): boolean =>
  example.path === query.path && query.prefix.includes(example.text.trim());

const placeBonus = (path: string, queryPath: string): number => {
  if (path === queryPath) return SAME_FILE_BONUS;
  return directoryOf(path) === directoryOf(queryPath) ? SAME_DIRECTORY_BONUS : 0;
};

const directoryOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));
