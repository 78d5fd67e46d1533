/**
 * What the visible code itself says comes next: code repeats, and a small model copies less well than a
 * lookup does. At each step the longest runs of tokens before the cursor that were written before are
 * found, and what followed them there is mixed into the model's distribution:
 *
 *   p = (1 − λ) · p_model + λ · p_copy
 *
 * after the continuous cache of Grave et al. 2017, "Improving neural language models with a continuous
 * cache", with the length of the match deciding λ. The weights belong to a model: they are fitted on code
 * that it was not trained on.
 */
export interface CopyPrior {
  /** Mixes the prior into logits (V) in place, given the tokens before the cursor and what was written since. */
  mix(logits: Float32Array, recent: readonly number[]): void;
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

/** @param elsewhere visible code that does not run up to the cursor, each a run of tokens; the nearest last */
export function createCopyPrior(elsewhere: readonly (readonly number[])[], weights: readonly CopyWeight[]): CopyPrior {
  const runs = withinLimit(elsewhere);
  return {
    mix(logits, recent) {
      const last = recent.at(-1);
      if (last === undefined) return;
      const votes = new Map<number, number>();
      let longest = 0;
      let total = 0;
      for (const run of [...runs, recent]) {
        for (let at = run.indexOf(last); at >= 0 && at < run.length - 1; at = run.indexOf(last, at + 1)) {
          const length = matchLength(run, at, recent);
          const vote = LENGTH_FACTOR ** length;
          const next = run[at + 1]!;
          votes.set(next, (votes.get(next) ?? 0) + vote);
          total += vote;
          longest = Math.max(longest, length);
        }
      }
      const weight = weights[Math.min(longest, weights.length) - 1];
      if (weight === undefined) return;
      const lambda = Math.max(...votes.values()) >= UNANIMOUS * total ? weight.unanimous : weight.divided;
      // Everything is divided by 1 − λ, which changes no softmax: only what was voted for has to be touched.
      const normaliser = logSumExp(logits);
      for (const [id, vote] of votes) {
        const copied = (lambda / (1 - lambda)) * (vote / total);
        logits[id] = Math.log(Math.exp(logits[id]! - normaliser) + copied) + normaliser;
      }
    },
  };
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
