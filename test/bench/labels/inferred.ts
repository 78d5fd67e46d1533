import type { KeptEvent } from "../../../protocol/events.ts";
import type { Outcome } from "./truth.ts";

/** What Kept's events say of one suggestion. */
export interface Inferred {
  readonly id: string;
  readonly path: string;
  readonly outcome: Outcome;
  /** Beside the outcome: `read`, `undone`, `redone`, in the order that they were told. */
  readonly notes: readonly string[];
  /** Endings that were told. More than one is a mistake of its own. */
  readonly nEndings: number;
  readonly acceptedCharacters: number;
}

const ENDINGS = ["accepted", "rejected", "typed-over", "ignored", "superseded"] as const;
const NOTES = ["read", "undone", "redone"];

/** One answer for each suggestion that Kept calls shown, oldest first. */
export function inferredOf(events: readonly KeptEvent[]): Inferred[] {
  const byId = new Map<string, KeptEvent[]>();
  for (const event of events) byId.set(event.suggestionId, [...(byId.get(event.suggestionId) ?? []), event]);
  return [...byId].flatMap(([id, own]) => {
    const shown = own.find((event) => event.kind === "shown");
    if (!shown) return [];
    const kinds = own.map(({ kind }) => kind);
    return [
      {
        id,
        path: shown.context.path,
        outcome: outcomeOf(own),
        notes: kinds.filter((kind) => NOTES.includes(kind)),
        nEndings: kinds.filter((kind) => (ENDINGS as readonly string[]).includes(kind)).length,
        acceptedCharacters: own.reduce(
          (most, event) => (event.kind === "partially-accepted" ? Math.max(most, event.characters) : most),
          0,
        ),
      },
    ];
  });
}

function outcomeOf(events: readonly KeptEvent[]): Outcome {
  const kinds = new Set(events.map(({ kind }) => kind));
  if (kinds.has("accepted")) return "accepted";
  if (kinds.has("partially-accepted")) return "partially-accepted";
  if (events.some((event) => event.kind === "typed-through" && event.fraction === 1)) return "typed-through";
  return (["rejected", "typed-over", "ignored", "superseded"] as const).find((kind) => kinds.has(kind)) ?? "not-shown";
}
