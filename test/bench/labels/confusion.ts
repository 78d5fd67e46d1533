import type { Inferred } from "./inferred.ts";
import { OUTCOMES, type Outcome, type Truth } from "./truth.ts";

/** What became of one suggestion, and what Kept says of it. */
export interface Pair {
  readonly id: string;
  readonly behaviour: string;
  readonly real: Outcome;
  readonly said: Outcome;
}

/**
 * Shorter than this on screen nobody saw it, and Kept's own limit (50 ms after the answer) may fall on
 * either side: such a suggestion counts only when Kept names an outcome for it.
 */
export const GLIMPSE_MS = 100;

/** One pair for each suggestion that the editor showed or that Kept calls shown. */
export function pairsOf(truths: readonly Truth[], inferred: readonly Inferred[]): Pair[] {
  const said = new Map(inferred.map((one) => [one.id, one]));
  const real = new Set(truths.map(({ id }) => id));
  const shown = truths.flatMap(({ id, behaviour, outcome, visibleMs }): Pair[] => {
    const told = said.get(id)?.outcome ?? "not-shown";
    return told === "not-shown" && visibleMs < GLIMPSE_MS ? [] : [{ id, behaviour, real: outcome, said: told }];
  });
  const unseen = inferred
    .filter(({ id }) => !real.has(id))
    .map(({ id, path, outcome }): Pair => ({ id, behaviour: path, real: "not-shown", said: outcome }));
  return [...shown, ...unseen];
}

export interface ClassQuality {
  readonly outcome: Outcome;
  /** Suggestions that really ended so. */
  readonly nReal: number;
  /** Of those that Kept names so, the share that is right; NaN when it names none. */
  readonly precision: number;
  /** Of those that really are so, the share that Kept names so; NaN when there is none. */
  readonly recall: number;
}

export function qualityOf(pairs: readonly Pair[], outcome: Outcome): ClassQuality {
  const real = pairs.filter((pair) => pair.real === outcome);
  const said = pairs.filter((pair) => pair.said === outcome);
  const right = real.filter((pair) => pair.said === outcome).length;
  return { outcome, nReal: real.length, precision: right / said.length, recall: right / real.length };
}

/** The matrix as lines for people: a row is what really happened, a column what Kept says. */
export function matrixLines(pairs: readonly Pair[]): string[] {
  const used = OUTCOMES.filter((outcome) => pairs.some((pair) => pair.real === outcome || pair.said === outcome));
  const width = Math.max(...used.map(({ length }) => length), 4) + 2;
  const row = (first: string, rest: readonly (string | number)[]) =>
    first.padEnd(width) + rest.map((cell) => String(cell).padStart(width)).join("");
  const count = (real: Outcome, said: Outcome) =>
    pairs.filter((pair) => pair.real === real && pair.said === said).length || "·";
  return [
    row("real \\ said", used),
    ...used.map((real) =>
      row(
        real,
        used.map((said) => count(real, said)),
      ),
    ),
  ];
}
