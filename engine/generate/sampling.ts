import { createRandom } from "../../core/statistics/random.ts";
import type { Sampling } from "./completion.ts";
import { argmaxWithin } from "./healing.ts";
import type { ChoiceContext, TokenChoice } from "./next-token.ts";

/**
 * Draws a token at a temperature from the smallest set of tokens whose probabilities reach `topP` (nucleus
 * sampling, Holtzman et al. 2020). What is drawn depends on the seed and on how many tokens stand before it:
 * the same request with the same seed is the same text. What is owed is written as the model likes it best.
 */
export function sampledChoice(context: ChoiceContext, { temperature, topP, seed }: Sampling): TokenChoice {
  const { tokenizer, owed, prefixIds, prior } = context;
  return (logits, { ids, text }) => {
    prior?.mix(logits, [...prefixIds, ...ids]);
    const owes = owed.slice(text.length);
    if (owes !== "") return argmaxWithin(tokenizer, logits, owes);
    return draw(logits, temperature, topP, uniform(seed, ids.length));
  };
}

/** A number in [0, 1) of its own for each position. */
function uniform(seed: number, position: number): number {
  // Two steps away from the seed: neighbouring seeds and positions have nothing in common.
  const random = createRandom(Math.imul(seed ^ (position * 0x9e3779b1), 0x85ebca6b));
  random();
  return random();
}

function draw(logits: Float32Array, temperature: number, topP: number, at: number): number {
  let top = -Infinity;
  for (const value of logits) if (value > top) top = value;
  const weights = Float64Array.from(logits, (value) => Math.exp((value - top) / temperature));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const likeliest = Array.from(weights.keys())
    .filter((id) => weights[id]! > all * NEGLIGIBLE)
    .toSorted((a, b) => weights[b]! - weights[a]! || a - b);
  let kept = 0;
  let nKept = 0;
  while (nKept < likeliest.length && (nKept === 0 || kept < all * topP)) kept += weights[likeliest[nKept++]!]!;
  let rest = at * kept;
  for (let i = 0; i < nKept; i++) {
    rest -= weights[likeliest[i]!]!;
    if (rest < 0) return likeliest[i]!;
  }
  return likeliest[nKept - 1]!;
}

/** Share of the probability below which a token is not worth sorting: all of them together stay under 1 %. */
const NEGLIGIBLE = 1e-8;
