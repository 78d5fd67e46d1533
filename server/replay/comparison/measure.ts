import { acceptedAtLine, editSimilarity } from "../../../core/evaluation/similarity.ts";
import type { HistoryPoint } from "../../../core/history-point.ts";
import type { EngineProcess } from "../../../engine/process/host.ts";
import type { IndexedExample } from "../../../engine/retrieve/example-index.ts";
import { EXAMPLES_PER_PROMPT, exampleOf } from "../../datasets/earlier-examples.ts";
import { requestAt, withoutSecrets } from "../walk.ts";
import type { Condition, ConditionCase } from "./condition.ts";

export interface MeasureOptions {
  /** The whole history in time order; points of one commit follow each other. */
  readonly points: readonly HistoryPoint[];
  /** Ids of the points that are asked for a suggestion. */
  readonly measured: ReadonlySet<string>;
  readonly repository: string;
  /** Conditions of one adapter. */
  readonly conditions: readonly Condition[];
  /** Folder of that adapter; null for the base model. */
  readonly adapterDir: string | null;
  readonly engine: Pick<EngineProcess, "complete" | "setAdapter" | "setExamples" | "addExamples">;
  /** Whether a case is known from an earlier run. */
  readonly isKnown: (condition: Condition, pointId: string) => boolean;
  readonly onCase: (one: ConditionCase) => void;
  readonly signal: AbortSignal;
}

/** Folder that examples belong to: there is one history. */
const ROOT = "/replayed";

/**
 * Asks for a suggestion at every measured point under every condition. What a commit wrote becomes an example only
 * after it, so that no point ever sees its own commit.
 */
export async function measureConditions(options: MeasureOptions): Promise<void> {
  const { adapterDir, conditions, measured, isKnown } = options;
  if (conditions.every((condition) => [...measured].every((id) => isKnown(condition, id)))) return;
  await options.engine.setAdapter(adapterDir === null ? null : { version: adapterDir, dir: adapterDir });
  await walk(conditions, options);
}

async function walk(conditions: readonly Condition[], options: MeasureOptions): Promise<void> {
  const { engine, measured, signal } = options;
  const needsExamples = conditions.some(({ examples }) => examples !== "none");
  await engine.setExamples([]);
  let commit = "";
  let written: IndexedExample[] = [];
  for (const raw of options.points) {
    signal.throwIfAborted();
    if (raw.target.trim() === "") continue;
    const point = withoutSecrets(raw);
    if (point.commit !== commit) {
      if (needsExamples) await engine.addExamples(written);
      written = [];
      commit = point.commit;
    }
    if (measured.has(point.id)) for (const condition of conditions) await measurePoint(condition, point, options);
    written.push(exampleOf(point, ROOT));
  }
}

async function measurePoint(condition: Condition, point: HistoryPoint, options: MeasureOptions): Promise<void> {
  if (options.isKnown(condition, point.id)) return;
  const limit = condition.examples === "none" ? 0 : EXAMPLES_PER_PROMPT;
  // One line is judged: what would follow it is not asked for.
  const request = requestAt({ ...point, kind: "line" }, options.repository, []);
  const { text } = await options.engine.complete(request, options.signal, {
    language: point.language,
    root: ROOT,
    limit,
  });
  options.signal.throwIfAborted();
  options.onCase({
    condition: condition.name,
    pointId: point.id,
    commit: point.commit,
    isRewrite: point.nHunkDeleted > 0,
    accepted: acceptedAtLine(text, point.target),
    similarity: editSimilarity(text, point.target),
  });
}
