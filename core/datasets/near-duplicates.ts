import { createRandom, hashText } from "../statistics/random.ts";
import { significantTokens } from "../survival/tokens.ts";

/** Texts at least this alike, by the Jaccard index of their shingles, are one group. */
export const NEAR_DUPLICATE_JACCARD = 0.8;

/** Tokens of a shingle. */
const SHINGLE_TOKENS = 3;
/** 32 bands of 4 rows: a pair at the threshold is missed with probability (1 - 0.8^4)^32, about 5e-8. */
const N_BANDS = 32;
const ROWS_PER_BAND = 4;
/** Members of one bucket that a new member is compared with, against quadratic time in boiler-plate. */
const MAX_COMPARED_PER_BUCKET = 64;
/** Fixed, so that equal texts give equal groups everywhere. */
const HASH_SEED = 0x6b657074;

/**
 * Group number of each text, counted from 0 by first appearance: texts whose token shingles have a Jaccard
 * index of at least 0.8, directly or through others, share a number. Candidates come from MinHash with
 * locality-sensitive hashing (Broder 1997); each pair is then checked exactly.
 */
export const groupNearDuplicates = (texts: readonly string[]): number[] => {
  const shingles = texts.map(shinglesOf);
  const leaders = createLeaders(texts.length);
  const buckets = new Map<string, number[]>();
  const firstOf = new Map<string, number>();
  shingles.forEach((set, at) => {
    const exact = [...set].sort((left, right) => left - right).join(",");
    const first = firstOf.get(exact);
    if (first !== undefined) {
      leaders.join(first, at);
      return;
    }
    firstOf.set(exact, at);
    for (const key of bandKeys(set)) {
      const bucket = buckets.get(key);
      if (bucket === undefined) {
        buckets.set(key, [at]);
        continue;
      }
      for (const other of bucket.slice(0, MAX_COMPARED_PER_BUCKET)) {
        if (leaders.of(other) === leaders.of(at)) continue;
        if (jaccard(set, shingles[other] as ReadonlySet<number>) >= NEAR_DUPLICATE_JACCARD) leaders.join(other, at);
      }
      bucket.push(at);
    }
  });
  return leaders.groups();
};

/** Size of the intersection over the size of the union; 1 for two empty sets. */
export const jaccard = (left: ReadonlySet<number>, right: ReadonlySet<number>): number => {
  let shared = 0;
  for (const item of left) if (right.has(item)) shared += 1;
  const union = left.size + right.size - shared;
  return union === 0 ? 1 : shared / union;
};

/** Hashes of the text's shingles; a shorter text is one shingle. */
export const shinglesOf = (text: string): Set<number> => {
  const tokens = significantTokens(text);
  const size = Math.min(SHINGLE_TOKENS, tokens.length);
  const found = new Set<number>();
  for (let at = 0; size > 0 && at + size <= tokens.length; at += 1) {
    found.add(hashText(tokens.slice(at, at + size).join(" ")));
  }
  return found;
};

const [multipliers, offsets] = (() => {
  const random = createRandom(HASH_SEED);
  const nHashes = N_BANDS * ROWS_PER_BAND;
  const draw = () => Uint32Array.from({ length: nHashes }, () => Math.floor(random() * 2 ** 32));
  return [draw().map((value) => value | 1), draw()];
})();

const bandKeys = (shingles: ReadonlySet<number>): string[] => {
  const signature = new Uint32Array(N_BANDS * ROWS_PER_BAND).fill(0xffffffff);
  for (const shingle of shingles) {
    for (let row = 0; row < signature.length; row += 1) {
      let hash = (Math.imul(shingle, multipliers[row] as number) + (offsets[row] as number)) >>> 0;
      hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
      if (hash < (signature[row] as number)) signature[row] = hash;
    }
  }
  return Array.from({ length: N_BANDS }, (_, band) => {
    const start = band * ROWS_PER_BAND;
    return `${band}:${signature.subarray(start, start + ROWS_PER_BAND).join(",")}`;
  });
};

/** Disjoint sets with path halving; the lowest index leads. */
const createLeaders = (length: number) => {
  const parent = Int32Array.from({ length }, (_, at) => at);
  const of = (start: number): number => {
    let at = start;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at] as number] as number;
      at = parent[at] as number;
    }
    return at;
  };
  const join = (left: number, right: number): void => {
    const a = of(left);
    const b = of(right);
    parent[Math.max(a, b)] = Math.min(a, b);
  };
  const groups = (): number[] => {
    const numbers = new Map<number, number>();
    return Array.from(parent, (_, at) => {
      const leader = of(at);
      const number = numbers.get(leader) ?? numbers.size;
      numbers.set(leader, number);
      return number;
    });
  };
  return { of, join, groups };
};
