import { MIN_MATCH, type CodeMemory } from "./code-memory.ts";

/**
 * What the visible code itself says comes next: code repeats, and a small model copies less well than a
 * lookup does. At each step the longest runs of tokens before the cursor that were written before are
 * found, and what followed them there is mixed into the model's distribution:
 *
 *   p = (1 − λ) · p_model + λ · p_copy
 *
 * after the continuous cache of Grave et al. 2017, "Improving neural language models with a continuous
 * cache", with the length of the match deciding λ. The weights belong to a model: they are fitted on code
 * that it was not trained on. Code that is remembered, such as that of all examples, is mixed in after it in
 * the same way.
 */
export interface CopyPrior {
  /** Mixes the prior into logits (V) in place, given the tokens before the cursor and what was written since. */
  mix(logits: Float32Array, recent: readonly number[]): void;
  /** Natural-log probability of a token after mixing, which the logits are left without: a third of the work. */
  logProbability(logits: Float32Array, recent: readonly number[], id: number): number;
}

/** λ for a match of so many tokens, by whether everything that followed it was the same token. */
export interface CopyWeight {
  readonly unanimous: number;
  readonly divided: number;
}

/** Matches are measured up to this length, tokens. */
const MAX_MATCH = 12;
/** How much more a match counts that is one token longer. */
const LENGTH_FACTOR = 4;
/** Longest visible code that is searched at every step, tokens; a pass takes microseconds. */
const MAX_VISIBLE_TOKENS = 8_192;

/** Code beside the visible one, and how far to trust it by length of the match, from MIN_MATCH. */
export interface Remembered {
  readonly memory: CodeMemory;
  readonly weights: readonly CopyWeight[];
}

/**
 * What is remembered is worth less where the visible code says as much: the place in the file decides more
 * than the repository. Fitted, as the weights are, on earlier commits of histories.
 */
const NO_LONGER_FACTOR = 0.5;
const SHORTER_FACTOR = 0.25;

/** @param elsewhere visible code that does not run up to the cursor, each a run of tokens; the nearest last */
export function createCopyPrior(
  elsewhere: readonly (readonly number[])[],
  weights: readonly CopyWeight[],
  remembered: Remembered | null = null,
): CopyPrior {
  const runs = withinLimit(elsewhere);

  /** What both copy from, as odds against the model: p = (1 - o) ((1 - v) p_model + v p_visible) + o p_other. */
  function oddsAfter(recent: readonly number[]): Odds | null {
    const visible = visibleVotes(runs, recent);
    const other = remembered === null ? NO_VOTES : rememberedVotes(remembered.memory, recent);
    const visibleShare = trustIn(visible, weights, 1);
    const otherShare = trustIn(other, remembered?.weights ?? [], MIN_MATCH) * factorBeside(other, visible);
    if (visibleShare === 0 && otherShare === 0) return null;
    const visibleOdds = visibleShare / (1 - visibleShare);
    const otherOdds = otherShare / ((1 - otherShare) * (1 - visibleShare));
    return {
      // Without votes there is no weight, so that shares of each sum to 1 where they count.
      all: visibleOdds + otherOdds,
      ids: new Set([...visible.byToken.keys(), ...other.byToken.keys()]),
      of: (id) =>
        (visibleOdds * (visible.byToken.get(id) ?? 0)) / visible.total +
        (otherOdds * (other.byToken.get(id) ?? 0)) / other.total,
    };
  }

  return {
    mix(logits, recent) {
      const odds = oddsAfter(recent);
      if (odds === null) return;
      // Divided by (1 - o) (1 - v): that changes no softmax, and only what was voted for has to be touched.
      const normaliser = logSumExp(logits);
      for (const id of odds.ids) {
        logits[id] = Math.log(Math.exp(logits[id]! - normaliser) + odds.of(id)) + normaliser;
      }
    },
    logProbability(logits, recent, id) {
      const odds = oddsAfter(recent);
      const own = logits[id]! - logSumExp(logits);
      return odds === null ? own : Math.log((Math.exp(own) + odds.of(id)) / (1 + odds.all));
    },
  };
}

interface Odds {
  readonly all: number;
  /** Tokens that were voted for. */
  readonly ids: ReadonlySet<number>;
  of(id: number): number;
}

/** What followed the places that match, each place voting for its token. */
interface Votes {
  readonly byToken: ReadonlyMap<number, number>;
  /** At least a hair above 0, so that a share of no votes is 0. */
  readonly total: number;
  /** Length of the longest match, tokens. */
  readonly longest: number;
}

const NO_VOTES: Votes = { byToken: new Map(), total: 1, longest: 0 };

function visibleVotes(runs: readonly (readonly number[])[], recent: readonly number[]): Votes {
  const last = recent.at(-1);
  if (last === undefined) return NO_VOTES;
  return count(function* () {
    for (const run of [...runs, recent]) {
      for (let at = run.indexOf(last); at >= 0 && at < run.length - 1; at = run.indexOf(last, at + 1)) {
        yield { next: run[at + 1]!, length: matchLength(run, at, recent) };
      }
    }
  });
}

function rememberedVotes(memory: CodeMemory, recent: readonly number[]): Votes {
  return count(() => memory.matches(recent));
}

function count(matches: () => Iterable<{ readonly next: number; readonly length: number }>): Votes {
  const byToken = new Map<number, number>();
  let longest = 0;
  let total = 0;
  for (const { next, length } of matches()) {
    const vote = LENGTH_FACTOR ** length;
    byToken.set(next, (byToken.get(next) ?? 0) + vote);
    total += vote;
    longest = Math.max(longest, length);
  }
  return total === 0 ? NO_VOTES : { byToken, total, longest };
}

/** The weight of the longest match; the last one stands for everything longer. */
function trustIn({ byToken, total, longest }: Votes, weights: readonly CopyWeight[], shortest: number): number {
  const weight = weights[Math.min(longest - shortest, weights.length - 1)];
  if (weight === undefined) return 0;
  return Math.max(...byToken.values()) >= UNANIMOUS * total ? weight.unanimous : weight.divided;
}

function factorBeside(remembered: Votes, visible: Votes): number {
  if (remembered.longest > visible.longest) return 1;
  return remembered.longest === visible.longest ? NO_LONGER_FACTOR : SHORTER_FACTOR;
}

/** A share of the votes from which the rest is noise. */
const UNANIMOUS = 0.95;

/** How many tokens up to and with `run[at]` equal the end of `recent`. */
function matchLength(run: readonly number[], at: number, recent: readonly number[]): number {
  let length = 1;
  while (length < MAX_MATCH && at >= length && run[at - length] === recent[recent.length - 1 - length]) length++;
  return length;
}

function withinLimit(visible: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const kept: (readonly number[])[] = [];
  let room = MAX_VISIBLE_TOKENS;
  for (const run of visible.toReversed()) {
    if (room <= 0) break;
    kept.unshift(run.slice(-room));
    room -= run.length;
  }
  return kept;
}

function logSumExp(logits: Float32Array): number {
  let top = -Infinity;
  for (const value of logits) if (value > top) top = value;
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - top);
  return top + Math.log(sum);
}
