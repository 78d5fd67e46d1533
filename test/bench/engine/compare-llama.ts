import path from "node:path";
import type { Bar } from "../harness/report.ts";
import { startContender, type Contender, type Round } from "./contender.ts";
import { median } from "./medians.ts";
import type { ModelFiles } from "./model-files.ts";
import type { Shape } from "./shapes.ts";

const here = import.meta.dirname;

export interface Comparison {
  readonly metrics: Readonly<Record<string, number>>;
  readonly bars: readonly Bar[];
}

/**
 * Kept in int8 against llama.cpp in Q8_0 on the same model: each in a process of its own, which pauses
 * while the other runs, round by round in turn. Ratios are of throughputs: above 1, Kept is faster.
 */
export async function compareWithLlama(
  shape: Shape,
  files: ModelFiles,
  options: { readonly threads: number; readonly rounds: number; readonly signal: AbortSignal },
): Promise<Comparison> {
  const { threads, rounds, signal } = options;
  using kept = await startContender(path.join(here, "kept-contender.ts"), files.dir, threads);
  using llama = await startContender(path.join(here, "llama-contender.ts"), files.gguf, threads);
  const taken: Record<"kept" | "llama", Round[]> = { kept: [], llama: [] };
  const sides: readonly (readonly [keyof typeof taken, Contender])[] = [
    ["kept", kept],
    ["llama", llama],
  ];
  // The first round is not counted: it touches the memory.
  for (let round = 0; round <= rounds && !signal.aborted; round++) {
    for (const [name, side] of round % 2 === 0 ? sides : sides.toReversed()) {
      const result = await side.round(shape.nPrefill, shape.nDecode);
      if (round > 0) taken[name].push(result);
    }
  }
  const at = `${shape.name}.t${threads}`;
  const metrics: Record<string, number> = {};
  for (const [name, side] of sides) {
    metrics[`${at}.${name}.prefillTokensPerSecond`] = (1000 * shape.nPrefill) / median(prefills(taken[name]));
    metrics[`${at}.${name}.prefillTokensPerSecond.best`] = (1000 * shape.nPrefill) / Math.min(...prefills(taken[name]));
    metrics[`${at}.${name}.decodeMsPerToken`] = median(decodes(taken[name]));
    metrics[`${at}.${name}.decodeMsPerToken.best`] = Math.min(...taken[name].map(({ decodeMs }) => median(decodeMs)));
    metrics[`${at}.${name}.peakMb`] = await side.peakMb();
    metrics[`${at}.${name}.loadMs`] = side.loadMs;
  }
  const { kept: ours, llama: theirs } = taken;
  // Rounds lie side by side in time: the median of their ratios is less noisy than the ratio of medians.
  metrics[`${at}.prefillRatio`] = median(ours.map((round, i) => theirs[i]!.prefillMs / round.prefillMs));
  metrics[`${at}.decodeRatio`] = median(ours.map((round, i) => median(theirs[i]!.decodeMs) / median(round.decodeMs)));
  metrics[`${at}.memoryRatio`] = metrics[`${at}.kept.peakMb`]! / metrics[`${at}.llama.peakMb`]!;
  return { metrics, bars: barsOf(shape, at, metrics) };
}

const prefills = (rounds: readonly Round[]) => rounds.map(({ prefillMs }) => prefillMs);
const decodes = (rounds: readonly Round[]) => rounds.flatMap(({ decodeMs }) => decodeMs);

function barsOf({ name }: Shape, at: string, metrics: Readonly<Record<string, number>>): Bar[] {
  const ratio = (what: string, target: number, want: Bar["want"]): Bar => ({
    name: `${at} ${what} against llama.cpp`,
    value: metrics[`${at}.${what}Ratio`]!,
    target,
    want,
  });
  const bars: Bar[] = [];
  if (!at.endsWith("t2")) return bars;
  if (name === "base" || name === "s500") {
    bars.push(ratio("prefill", 1.4, "at-least"));
    bars.push(ratio("decode", name === "s500" ? 1 : 0.9, "at-least"));
    bars.push(ratio("memory", 1.3, "at-most"));
  }
  const least = LEAST[name];
  if (least !== undefined) {
    const prefill = metrics[`${at}.kept.prefillTokensPerSecond`]!;
    const decode = metrics[`${at}.kept.decodeMsPerToken`]!;
    bars.push({ name: `${at} prefill, tokens a second`, value: prefill, target: least.prefill, want: "at-least" });
    bars.push({ name: `${at} decode, milliseconds a token`, value: decode, target: least.decodeMs, want: "at-most" });
  }
  return bars;
}

/** Tokens a second and milliseconds a token at two threads, engine.md 7. */
const LEAST: Readonly<Record<string, { readonly prefill: number; readonly decodeMs: number }>> = {
  s30: { prefill: 4_000, decodeMs: 6 },
  s120: { prefill: 1_400, decodeMs: 10 },
  s500: { prefill: 440, decodeMs: 30 },
};
