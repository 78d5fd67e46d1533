import type { DatasetRow } from "../../core/dataset-row.ts";
import { keptText, shownEvent } from "../../core/labels/kept-text.ts";
import { inSessionOrder } from "../../core/labels/session-order.ts";
import { summariseSignals } from "../../core/labels/signals.ts";
import type { EventOf } from "../../protocol/events.ts";
import { labelTableInUse } from "../store/label-table.ts";
import type { Store } from "../store/store.ts";

/** Feedback of one moment belongs together when cases are resampled: same session, file and hour. */
const GROUP_MS = 3_600_000;
/** The developer's own text is certain, whatever the label of the suggestion that it replaced. */
const TYPED_WEIGHT = 1;

/** The rows that feedback gives now, with the last event and the label weights that they follow from: one moment of the store. */
export const readFeedback = (store: Store): { rows: DatasetRow[]; eventWatermark: number; labelVersion: string } =>
  store.moment(() => ({
    rows: feedbackRows(store),
    eventWatermark: store.events.watermark(),
    labelVersion: labelTableInUse(store.settings).version,
  }));

/**
 * Rows that labels give: the completion of a good suggestion, the text typed instead of one that was
 * not taken, and the completion of a bad suggestion as a row that is not good.
 */
export function feedbackRows(store: Store): DatasetRow[] {
  return store.labels.inShownOrder().flatMap((id) => {
    // What came from elsewhere waits until a person has accepted it.
    if (store.imports.isHeld(id)) return [];
    const label = store.labels.get(id);
    const events = inSessionOrder(store.events.ofSuggestion(id));
    const shown = shownEvent(events);
    if (label === null || shown === null) return [];
    // Recorded at the level of outcomes: it has a label, but there is no text to learn from.
    if (shown.withheld !== undefined) return [];
    const rows: DatasetRow[] = [];
    const from = store.imports.foreign(id);
    const place = placeOf(shown, from === null ? null : `import:${from}`);
    const kept = keptText(events, summariseSignals(events), label);
    if (kept !== null) {
      const typed = kept.from === "typed-instead";
      rows.push({
        ...place,
        id: typed ? `${id}:typed` : id,
        completion: kept.text,
        good: true,
        weight: typed ? TYPED_WEIGHT : label.weight,
      });
    }
    if (label.verdict === "bad") {
      rows.push({ ...place, id: `${id}:bad`, completion: shown.completion, good: false, weight: label.weight });
    }
    return rows;
  });
}

function placeOf(
  shown: EventOf<"shown">,
  imported: string | null,
): Omit<DatasetRow, "id" | "completion" | "good" | "weight"> {
  const { root, path, language, prefix, suffix, examples } = shown.context;
  // An import is one identity, whatever names it gives.
  const person = imported ?? (shown.source === "tool" ? `tool:${shown.generator?.tool ?? "unnamed"}` : null);
  return {
    suggestionId: shown.suggestionId,
    source: "feedback",
    root,
    path,
    language,
    prefix,
    suffix,
    examples: examples.map(({ path, text }) => ({ path, text })),
    writtenAt: shown.wallMs,
    ...(person === null ? {} : { person }),
    group: `${shown.sessionId}:${path}:${Math.floor(shown.wallMs / GROUP_MS)}`,
  };
}
