/**
 * Code of a repository that was seen before, as tokens, and where in it the latest tokens stood: what a
 * prompt has no room for can still be copied from. Each three tokens lead to the last place where they
 * stood, and from there to the one before it, as in LZ77.
 */
export interface CodeMemory {
  /** Remembers a run of tokens under an id, or replaces it. What was added last counts as the newest. */
  add(id: string, run: readonly number[]): void;
  remove(id: string): void;
  /** Places where the last tokens of `recent` stood, the newest first; none for less than MIN_MATCH tokens. */
  matches(recent: readonly number[]): readonly MemoryMatch[];
  /** Tokens remembered. */
  readonly size: number;
}

export interface MemoryMatch {
  /** The token that followed. */
  readonly next: number;
  /** How many tokens before it equal the end of `recent`, from MIN_MATCH to MAX_MATCH. */
  readonly length: number;
}

/** A shorter match says less than the model knows. */
export const MIN_MATCH = 3;
export const MAX_MATCH = 24;

/** Places looked at for one step: common tokens stand everywhere, and the newest say most. */
const MAX_PLACES = 256;

/** Parts one run from the next; no token. */
const BOUNDARY = -1;

/** Tokens of removed runs that are kept before everything is packed anew. */
const MIN_GARBAGE = 65_536;

export function createCodeMemory(): CodeMemory {
  let tokens = new Int32Array(4_096);
  let earlier = new Int32Array(4_096);
  let used = 0;
  let nGarbage = 0;
  let newest = new Map<number, number>();
  let runs = new Map<string, readonly [start: number, end: number]>();

  function write(id: string, run: ArrayLike<number>): void {
    const end = used + run.length + 1;
    if (end > tokens.length) {
      const size = Math.max(end, 2 * tokens.length);
      tokens = grown(tokens, size);
      earlier = grown(earlier, size);
    }
    tokens.set(run, used);
    tokens[end - 1] = BOUNDARY;
    // A place is where the token after three others stands; what follows a run's end is nothing.
    for (let at = used + MIN_MATCH; at < end - 1; at++) {
      const key = keyOf(tokens, at);
      earlier[at] = newest.get(key) ?? -1;
      newest.set(key, at);
    }
    runs.set(id, [used, end]);
    used = end;
  }

  function remove(id: string): void {
    const run = runs.get(id);
    if (run === undefined) return;
    runs.delete(id);
    tokens.fill(BOUNDARY, ...run);
    nGarbage += run[1] - run[0];
    if (nGarbage > MIN_GARBAGE && nGarbage > used / 2) pack();
  }

  /** Writes what is left anew, in its order. */
  function pack(): void {
    const left = [...runs].map(([id, [start, end]]) => [id, tokens.slice(start, end - 1)] as const);
    newest = new Map();
    runs = new Map();
    used = 0;
    nGarbage = 0;
    for (const [id, run] of left) write(id, run);
  }

  return {
    add(id, run) {
      remove(id);
      write(id, run);
    },
    remove,
    matches(recent) {
      if (recent.length < MIN_MATCH) return [];
      const found: MemoryMatch[] = [];
      let at = newest.get(keyOf(recent, recent.length)) ?? -1;
      for (let n = 0; at >= 0 && n < MAX_PLACES; n++, at = earlier[at]!) {
        const length = matchLength(tokens, at, recent);
        // Keys of different tokens may be equal, and a removed run has no tokens.
        if (length >= MIN_MATCH && tokens[at] !== BOUNDARY) found.push({ next: tokens[at]!, length });
      }
      return found;
    },
    get size() {
      return used - nGarbage;
    },
  };
}

/** One number for the three tokens before `at`: exact for vocabularies of up to 2^17 tokens. */
const keyOf = (ids: ArrayLike<number>, at: number): number =>
  (ids[at - 3]! * 0x20000 + ids[at - 2]!) * 0x20000 + ids[at - 1]!;

/** How many tokens before `tokens[at]` equal the end of `recent`. */
function matchLength(tokens: Int32Array, at: number, recent: readonly number[]): number {
  const most = Math.min(MAX_MATCH, at, recent.length);
  let length = 0;
  while (length < most && tokens[at - 1 - length] === recent[recent.length - 1 - length]) length++;
  return length;
}

function grown(array: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(size);
  larger.set(array);
  return larger;
}
