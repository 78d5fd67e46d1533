import { annotationQueue } from "../../annotations/queue.ts";
import type { Store } from "../../store/store.ts";
import { LABEL_STUDIO, type LabelStudioSettings } from "./settings.ts";

/** Suggestions that one look asks about at most. */
const MAX_ASKED = 100;

/**
 * Puts the suggestions that a verdict would help most into the outbox: those whose signals disagree. As many
 * as leave no more than `maxTasks` without an answer. @returns how many
 */
export function askWhereSignalsDisagree(
  store: Store,
  { maxTasks, minUncertainty }: Pick<LabelStudioSettings, "maxTasks" | "minUncertainty">,
): number {
  const { outbox } = store;
  const open = outbox.countRemotes(LABEL_STUDIO, "task") - outbox.countRemotes(LABEL_STUDIO, "verdict");
  const waiting = new Set(outbox.waiting(LABEL_STUDIO, maxTasks + MAX_ASKED).map(({ subject }) => subject));
  const room = Math.min(MAX_ASKED, maxTasks - open - waiting.size);
  if (room <= 0) return 0;
  const isNew = (id: string): boolean => !waiting.has(id) && outbox.remote(LABEL_STUDIO, "task", id) === null;
  // The queue still has what was asked before and not answered yet.
  const { tasks } = annotationQueue(store, room + open + waiting.size);
  const wanted = tasks
    .filter(({ suggestion: { id, label } }) => uncertainty(label!.probability) >= minUncertainty && isNew(id))
    .slice(0, room);
  if (wanted.length === 0) return 0;
  store.transaction(() => {
    for (const { suggestion } of wanted) outbox.add(LABEL_STUDIO, "task", suggestion.id);
  });
  return wanted.length;
}

const uncertainty = (probability: number): number => 1 - Math.abs(2 * probability - 1);
