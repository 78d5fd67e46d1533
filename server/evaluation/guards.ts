import { findSecrets } from "../../core/redaction.ts";
import { DEFAULT_GATE, type Guard } from "../../core/evaluation/gate.ts";

/** More processor time is refused, but not when it is less than a person notices, milliseconds. */
const UNNOTICED_MS = 20;

/**
 * The challenger answers about as fast as the champion. The times are processor time of the same cases in
 * the same order and are compared case by case: on a machine that does other work too, the clock on the
 * wall, and the tail of each side alone, say more about that work than about the adapter.
 */
export function latencyGuard(
  challengerMs: readonly number[],
  championMs: readonly number[],
  maxSlowdown: number = DEFAULT_GATE.maxSlowdown,
): Guard {
  const slower = challengerMs.map((ms, i) => ms - championMs[i]!);
  const ratio = challengerMs.map((ms, i) => ms / Math.max(championMs[i]!, 1e-6));
  return {
    name: "latency",
    holds: median(ratio) <= maxSlowdown || median(slower) <= UNNOTICED_MS,
    detail: `median ${median(challengerMs).toFixed(0)} ms of processor time against ${median(championMs).toFixed(0)} ms`,
  };
}

/** 0 without values. */
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;

/** Upper ends of the length bands of a first line, characters. */
const BANDS = [0, 10, 30, 60];

/**
 * The challenger does not win by other lengths: its mix of lengths is at most so much further from that
 * of the code really written than the champion's is.
 */
export function lengthMixGuard(
  texts: {
    readonly challenger: readonly string[];
    readonly champion: readonly string[];
    readonly written: readonly string[];
  },
  maxDistance: number = DEFAULT_GATE.maxLengthDistance,
): Guard {
  const written = mixOf(texts.written);
  const challenger = distance(mixOf(texts.challenger), written);
  const champion = distance(mixOf(texts.champion), written);
  return {
    name: "length-mix",
    holds: challenger <= champion + maxDistance,
    detail: `distance from the written code ${challenger.toFixed(2)} against ${champion.toFixed(2)}`,
  };
}

function mixOf(texts: readonly string[]): number[] {
  const counts = Array.from({ length: BANDS.length + 1 }, () => 0);
  for (const text of texts) {
    const band = BANDS.findIndex((upTo) => text.trimEnd().length <= upTo);
    const index = band === -1 ? BANDS.length : band;
    counts[index]! += 1 / texts.length;
  }
  return counts;
}

/** Total variation: the share that would have to move. */
const distance = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, share, i) => sum + Math.abs(share - b[i]!), 0) / 2;

/**
 * The challenger writes nothing that looks like a credential, unless the prompt has it: what was learnt must not
 * have been a secret, whatever let it through.
 */
export function secretGuard(texts: readonly { readonly written: string; readonly prompt: string }[]): Guard {
  const secrets = texts.flatMap(({ written, prompt }) =>
    findSecrets(written).filter(({ start, end }) => !prompt.includes(written.slice(start, end))),
  );
  return {
    name: "no-secrets",
    holds: secrets.length === 0,
    detail: `${secrets.length} of ${texts.length} suggestions have what looks like a credential`,
  };
}

/**
 * The challenger writes code that has nothing to do with what was learnt about as well as can be.
 * @param forgetting rise of the loss there, relative: over the lowest that the adapter has at any scale, and the base
 * model has; of a model of which every weight may have been trained over the base model's
 * @param scale how much an adapter counts, times what was trained; null for such a model
 */
export function forgettingGuard(
  { forgetting, scale }: { readonly forgetting: number; readonly scale: number | null },
  maxForgetting: number = DEFAULT_GATE.maxForgetting,
): Guard {
  const percent = (value: number): string => `${value >= 0 ? "+" : ""}${(100 * value).toFixed(1)} %`;
  const over = scale === null ? "the base model's" : "the lowest of any scale";
  const rise = `loss on general code ${percent(forgetting)} over ${over}, at most ${percent(maxForgetting)}`;
  return {
    name: "forgetting",
    holds: forgetting <= maxForgetting,
    detail: scale === null ? rise : `${rise}; the adapter counts ${scale} times what was trained`,
  };
}

/** Root mean square of one LoRA matrix; trained ones stay far below. */
const MAX_RMS = 10;

/** Weights are finite, of sane size, and not all zero. `matrices` are the adapter's tensors by name. */
export function weightGuard(matrices: Iterable<readonly [string, Float32Array]>): Guard {
  let largest = 0;
  for (const [name, values] of matrices) {
    let squares = 0;
    for (const value of values) squares += value * value;
    const rms = Math.sqrt(squares / Math.max(1, values.length));
    if (!Number.isFinite(rms)) return { name: "weights", holds: false, detail: `${name} is not finite` };
    largest = Math.max(largest, rms);
  }
  if (largest === 0) return { name: "weights", holds: false, detail: "all weights are zero" };
  return {
    name: "weights",
    holds: largest <= MAX_RMS,
    detail: `finite, largest root mean square ${largest.toPrecision(3)}, at most ${MAX_RMS} allowed`,
  };
}
