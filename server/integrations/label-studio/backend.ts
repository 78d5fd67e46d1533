import type { Store } from "../../store/store.ts";
import { shownEvent } from "../../../core/labels/kept-text.ts";
import { correctedResult, SUGGESTION, SUGGESTION_KEY, verdictResult } from "./tasks.ts";
import type { Prediction, PredictRequest } from "./wire.ts";

/** What the current model would write at a place. */
export interface Completed {
  readonly text: string;
  /** Mean log-probability of its tokens; null when nothing was written. */
  readonly meanLogProbability: number | null;
}

export interface PredictPlace {
  readonly path: string;
  readonly language: string;
  readonly prefix: string;
  readonly suffix: string;
}

/** Completes with the model that is served now; null when there is no model. */
export type Complete = (place: PredictPlace, signal: AbortSignal) => Promise<Completed | null>;

/**
 * The answers of the ML backend: for each task what the current model would write there, as the corrected text, and
 * the verdict of the label so far. The score is the geometric mean of the probabilities of the model's tokens.
 */
export async function predictions(
  parts: { readonly store: Store; readonly complete: Complete; readonly modelVersion: string },
  { tasks }: PredictRequest,
  signal: AbortSignal,
): Promise<Prediction[]> {
  const results: Prediction[] = [];
  for (const { data } of tasks) {
    const place = placeOf(parts.store, data);
    const completed = place === null ? null : await parts.complete(place, signal);
    results.push(predictionOf(parts, data, completed));
  }
  return results;
}

function predictionOf(
  { store, modelVersion }: { readonly store: Store; readonly modelVersion: string },
  data: Readonly<Record<string, unknown>>,
  completed: Completed | null,
): Prediction {
  const label = store.suggestions.get(textIn(data, SUGGESTION_KEY))?.label ?? null;
  const isWritten = completed !== null && completed.text !== "";
  const isOther = isWritten && completed.text.trim() !== textIn(data, SUGGESTION).trim();
  const { probability } = label ?? {};
  const isGood = probability === undefined ? null : probability >= 0.5;
  return {
    model_version: modelVersion,
    score: isWritten && completed.meanLogProbability !== null ? Math.exp(completed.meanLogProbability) : 0,
    result: [
      ...(isGood === null ? [] : [verdictResult(isGood)]),
      ...(isOther ? [correctedResult(completed.text)] : []),
    ],
  };
}

/** The whole context as it was recorded; of a task that is not Kept's, what it shows. */
function placeOf(store: Store, data: Readonly<Record<string, unknown>>): PredictPlace | null {
  const id = textIn(data, SUGGESTION_KEY);
  const shown = id === "" ? null : shownEvent(store.events.ofSuggestion(id));
  if (shown !== null) {
    if (shown.withheld !== undefined) return null;
    const { path, language, prefix, suffix } = shown.context;
    return { path, language, prefix, suffix };
  }
  const prefix = textIn(data, "prefix");
  return prefix.trim() === ""
    ? null
    : { path: "task.txt", language: "plaintext", prefix, suffix: textIn(data, "suffix") };
}

/** Longest text of a task that is completed, characters: what the model can read is less. */
const MAX_TEXT_CHARS = 16_384;

const textIn = (data: Readonly<Record<string, unknown>>, key: string): string =>
  typeof data[key] === "string" ? data[key].slice(0, MAX_TEXT_CHARS) : "";
