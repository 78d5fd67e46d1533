import { disagreement } from "../../core/labels/disagreement.ts";
import { shownEvent } from "../../core/labels/kept-text.ts";
import type { AnnotationQueue, AnnotationTask } from "../../protocol/annotations.ts";
import type { SuggestionRow } from "../../protocol/api.ts";
import type { Store } from "../store/store.ts";

/** Suggestions that are looked through: what is older is forgotten by whoever is asked. */
const MAX_LOOKED_AT = 2_000;
/** Lines around the cursor that a task shows. */
const LINES_BEFORE = 12;
const LINES_AFTER = 6;

/**
 * Suggestions without a human verdict that one would help most: those whose signals disagree, the most first,
 * then those that have signals and no class, the newest first. What was recorded without its text is not asked.
 */
export function annotationQueue(store: Store, limit: number): AnnotationQueue {
  const asked = store.suggestions
    .page(MAX_LOOKED_AT, null)
    .suggestions.filter((suggestion) => canBeAsked(suggestion) && !store.imports.isHeld(suggestion.id))
    .map((suggestion) => ({ suggestion, disagreement: disagreement(suggestion.label!.reasons) }))
    .filter(({ suggestion, disagreement: far }) => far > 0 || suggestion.label!.verdict === "unknown")
    // The sort keeps the order of time where they are alike.
    .sort((left, right) => right.disagreement - left.disagreement);
  const tasks: AnnotationTask[] = [];
  for (const { suggestion } of asked) {
    if (tasks.length === limit) break;
    const task = annotationTask(store, suggestion);
    if (task !== null) tasks.push(task);
  }
  return { tasks, waiting: asked.length };
}

/** What a person is shown of a suggestion; null when it was recorded without its text. */
export function annotationTask(store: Store, suggestion: SuggestionRow): AnnotationTask | null {
  const events = store.events.ofSuggestion(suggestion.id);
  const shown = shownEvent(events);
  if (shown === null || shown.withheld !== undefined) return null;
  const { prefix, suffix } = shown.context;
  return {
    suggestion,
    disagreement: disagreement(suggestion.label?.reasons ?? []),
    before: prefix.split("\n").slice(-LINES_BEFORE).join("\n"),
    after: suffix.split("\n").slice(0, LINES_AFTER).join("\n"),
    typedInstead: events.findLast((event) => event.kind === "typed-instead")?.text || null,
  };
}

const canBeAsked = ({ rating, label, completion }: SuggestionRow): boolean =>
  rating === null && completion !== "" && label !== null && label.reasons.length > 0;
