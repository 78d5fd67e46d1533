import type { HistoryPoint } from "../../../core/history-point.ts";
import { editSimilarity } from "../../../core/evaluation/similarity.ts";
import type { EngineProcess } from "../../../engine/process/host.ts";
import type { KeptEvent } from "../../../protocol/events.ts";
import { summarise, type AcceptanceReport } from "../acceptance.ts";
import type { EventSession, ReplayedSuggestion } from "../replay-events.ts";
import { repositoryOf, rootOf, type ReplaySource } from "../replay.ts";
import { exampleOf } from "../../datasets/earlier-examples.ts";
import { walkHistory, withoutSecrets } from "../walk.ts";

/** One walk over the later points, with nothing sent anywhere. */
export interface LaterWalk {
  readonly acceptance: AcceptanceReport;
  readonly suggestions: ReadonlyMap<string, { readonly suggestion: ReplayedSuggestion; readonly events: KeptEvent[] }>;
}

export interface LaterWalkOptions {
  readonly source: ReplaySource;
  /** Code that was written before: in-context examples only. */
  readonly earlier: readonly HistoryPoint[];
  readonly later: readonly HistoryPoint[];
  readonly engine: Pick<EngineProcess, "complete" | "model" | "setExamples" | "addExamples">;
  readonly session: EventSession;
  readonly onPoint: (nDone: number) => void;
  readonly signal: AbortSignal;
}

/** Asks for suggestions at the later points with whatever adapter the engine serves, in-context examples as ever. */
export async function walkLater(options: LaterWalkOptions): Promise<LaterWalk> {
  const { source, engine, session, signal } = options;
  const root = rootOf(source);
  await engine.setExamples(options.earlier.map((point) => exampleOf(withoutSecrets(point), root)));
  const suggestions = new Map<string, { suggestion: ReplayedSuggestion; events: KeptEvent[] }>();
  const cases = await walkHistory({
    points: options.later,
    root,
    repository: repositoryOf(source),
    complete: engine.complete,
    addExamples: engine.addExamples,
    base: engine.model.sha256,
    send: async (suggestion, events) => void suggestions.set(suggestion.point.id, { suggestion, events: [...events] }),
    session,
    onPoint: (cases) => options.onPoint(cases.length),
    signal,
  });
  return { acceptance: summarise(cases), suggestions };
}

/** One point, suggested with and without the adapter. */
export interface Comparison {
  readonly before: ReplayedSuggestion | null;
  readonly after: ReplayedSuggestion;
  readonly events: readonly KeptEvent[];
}

/** Below this many characters a line says little about a model. */
const MIN_SHOWN_CHARS = 8;

/** The line where the suggestion came closest to what was written, counting from where it was before. */
export function mostChanged(before: LaterWalk, after: LaterWalk): Comparison | null {
  let best: { gain: number; comparison: Comparison } | null = null;
  for (const [id, { suggestion, events }] of after.suggestions) {
    const earlier = before.suggestions.get(id)?.suggestion ?? null;
    const { target, kind } = suggestion.point;
    if (kind !== "line" || target.trim().length < MIN_SHOWN_CHARS) continue;
    const gain = editSimilarity(suggestion.completion, target) - editSimilarity(earlier?.completion ?? "", target);
    if (best === null || gain > best.gain) best = { gain, comparison: { before: earlier, after: suggestion, events } };
  }
  return best?.comparison ?? null;
}
