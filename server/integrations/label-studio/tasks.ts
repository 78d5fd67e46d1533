import type { AnnotationTask } from "../../../protocol/annotations.ts";
import type { Annotation, Prediction } from "./wire.ts";

/** A task as Label Studio takes it. Its data are texts under the names that the labelling interface shows. */
export interface NewTask {
  readonly data: Readonly<Record<string, string>>;
  readonly predictions: readonly Prediction[];
}

/** Under this key of a task's data stands the id of its suggestion. */
export const SUGGESTION_KEY = "kept_id";
/** The object and the controls of the labelling interface. */
export const SUGGESTION = "completion";
export const VERDICT = "verdict";
export const REASON = "reason";
export const CORRECTED = "corrected";

const REASONS = ["wrong", "insecure", "style", "outdated-api", "too-long", "other"] as const;
export type Reason = (typeof REASONS)[number];

/** What a person said of a suggestion. */
export interface Said {
  readonly verdict: "up" | "down";
  readonly reason?: Reason;
  readonly corrected: string | null;
}

/**
 * The task of a suggestion: the code around it, what was written in its place, and a pre-annotation from the
 * label. The file's path inside its folder is part of it; the folder on this machine is not.
 */
export function taskOf({ suggestion, before, after, typedInstead }: AnnotationTask): NewTask {
  const { id, path, line, language, completion, outcome, label } = suggestion;
  const data = {
    [SUGGESTION_KEY]: id,
    path: `${path}:${line + 1}`,
    language,
    prefix: shown(before),
    [SUGGESTION]: shown(completion),
    written: shown(typedInstead ?? ""),
    suffix: shown(after),
    outcome,
    why: (label?.reasons ?? []).map(({ detail }) => detail).join("; "),
  };
  if (label === null) return { data, predictions: [] };
  const isGood = label.probability >= 0.5;
  return {
    data,
    predictions: [
      {
        model_version: `labels ${label.version}`,
        // How sure the class is: 0.5 knows nothing.
        score: isGood ? label.probability : 1 - label.probability,
        result: [verdictResult(isGood), ...(!isGood && typedInstead !== null ? [correctedResult(typedInstead)] : [])],
      },
    ],
  };
}

/** Label Studio leaves out a text that is empty, and complains. */
const shown = (text: string): string => (text === "" ? " " : text);

export const verdictResult = (isGood: boolean): Prediction["result"][number] => ({
  from_name: VERDICT,
  to_name: SUGGESTION,
  type: "choices",
  value: { choices: [isGood ? "good" : "bad"] },
});

export const correctedResult = (text: string): Prediction["result"][number] => ({
  from_name: CORRECTED,
  to_name: SUGGESTION,
  type: "textarea",
  value: { text: [text] },
});

/** What an annotation says; null when it was skipped or holds no verdict. */
export function saidIn({ result, was_cancelled: wasCancelled }: Annotation): Said | null {
  if (wasCancelled) return null;
  const choices = (name: string) => result.find((one) => one.from_name === name)?.value.choices ?? [];
  const [verdict] = choices(VERDICT);
  if (verdict !== "good" && verdict !== "bad") return null;
  const reasons = choices(REASON);
  // A team's own reasons are told by the nearest word that there is.
  const reason = REASONS.find((one) => reasons.includes(one)) ?? (reasons.length > 0 ? "other" : undefined);
  const text = result.find(({ from_name: name }) => name === CORRECTED)?.value.text;
  const corrected = (Array.isArray(text) ? text.join("\n") : text) ?? "";
  return {
    verdict: verdict === "good" ? "up" : "down",
    ...(reason === undefined || verdict === "good" ? {} : { reason }),
    corrected: corrected.trim() === "" ? null : corrected,
  };
}

/** The annotation that counts: the one changed last, of those that say something. */
export const newestOf = (annotations: readonly Annotation[]): Annotation | null =>
  annotations
    .filter((one) => saidIn(one) !== null)
    .toSorted((left, right) => Date.parse(left.updated_at) - Date.parse(right.updated_at) || left.id - right.id)
    .at(-1) ?? null;
