import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** The most likely token; the lowest id of equals. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/** ln softmax(logits)[id], computed in float64. */
export function logProbabilityOf(logits: Float32Array, id: number): number {
  let top = -Infinity;
  for (const value of logits) if (value > top) top = value;
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - top);
  return logits[id]! - top - Math.log(sum);
}

/** Every special token ends a suggestion: none of them belongs in code. */
export function isEnd(tokenizer: Tokenizer, id: number): boolean {
  return tokenizer.ends.has(id);
}
