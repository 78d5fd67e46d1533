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

export interface LikelyToken {
  readonly id: number;
  /** Natural-log probability. */
  readonly logProbability: number;
}

/** The `count` likeliest tokens, most likely first. */
export function likeliestOf(logits: Float32Array, count: number): LikelyToken[] {
  const best: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    if (best.length >= count && !(logits[id]! > logits[best.at(-1) ?? id]!)) continue;
    const at = best.findIndex((other) => logits[other]! < logits[id]!);
    best.splice(at < 0 ? best.length : at, 0, id);
    best.length = Math.min(best.length, count);
  }
  return best.map((id) => ({ id, logProbability: logProbabilityOf(logits, id) }));
}
