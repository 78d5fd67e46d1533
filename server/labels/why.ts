import { shownEvent } from "../../core/labels/kept-text.ts";
import { inSessionOrder } from "../../core/labels/session-order.ts";
import type { Why } from "../../protocol/api.ts";
import type { Store } from "../store/store.ts";

/** Everything that led to a suggestion, or null when it is not known. */
export function explainSuggestion(store: Store, id: string): Why | null {
  const suggestion = store.suggestions.get(id);
  const events = inSessionOrder(store.events.ofSuggestion(id));
  const shown = shownEvent(events);
  if (suggestion === null || shown === null) return null;
  return {
    suggestion,
    context: shown.context,
    adapter: adapterOf(store, shown.model.adapter),
    examples: shown.context.examples,
    events,
  };
}

/** Null for the base model alone, and for an adapter that this store does not know. */
function adapterOf(store: Store, versionId: string | null): Why["adapter"] {
  const version = versionId === null ? null : store.versions.get(versionId);
  if (version === null) return null;
  return {
    version: version.id,
    createdAt: version.createdAt,
    dataset: version.datasetId,
    run: version.runId,
    trainedOn: store.datasets.get(version.datasetId)?.rows.train ?? 0,
    championBefore: store.versions.championBefore(version.id),
  };
}
