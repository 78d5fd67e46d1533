import { randomUUID } from "node:crypto";
import { shownEvent } from "../../core/labels/kept-text.ts";
import type { IngestResponse } from "../../protocol/api.ts";
import type { Generation, GenerationResult } from "../../protocol/generations.ts";
import type { ImportOrigin } from "../../protocol/imports.ts";
import type { Clock } from "../clock.ts";
import type { Store } from "../store/store.ts";
import { type AdoptedGeneration, adoptGeneration } from "./generation-events.ts";

export interface AdoptionParts {
  readonly store: Store;
  readonly clock: Clock;
  /** Stores the events of a JSON batch; resolves when they are durable. */
  readonly ingest: (json: string) => Promise<IngestResponse>;
  /** Import that they come with; null for what a tool reports by itself. */
  readonly origin: ImportOrigin | null;
}

/**
 * Takes generations of other tools in, each with a status of its own. A generation is known by its tool and
 * id, or by the request's key and its position; what was taken in before is a duplicate, and another text
 * under the same name is refused with reason `conflict`.
 */
export async function takeGenerations(
  generations: readonly Generation[],
  requestKey: string | null,
  parts: AdoptionParts,
): Promise<GenerationResult[]> {
  const results: GenerationResult[] = [];
  for (const [at, generation] of generations.entries()) {
    results.push(await takeGeneration(generation, keyOf(generation, requestKey, at), parts));
  }
  return results;
}

const keyOf = (generation: Generation, requestKey: string | null, at: number): string => {
  if (generation.id !== undefined) return `id\0${generation.root}\0${generation.id}`;
  return requestKey === null ? `once\0${randomUUID()}` : `request\0${requestKey}\0${at}`;
};

async function takeGeneration(
  generation: Generation,
  key: string,
  { store, clock, ingest, origin }: AdoptionParts,
): Promise<GenerationResult> {
  const id = generation.id ?? null;
  const wallMs = generation.at === undefined ? clock.wallMs() : Date.parse(generation.at);
  const refuse = (reason: string): GenerationResult => ({ id, status: "rejected", reason, suggestionIds: [] });
  if (wallMs < 0) return refuse("invalid: at: before 1970");
  const adopted = adoptGeneration(generation, key, wallMs);
  const suggestionIds = adopted.pieces.map(({ suggestionId }) => suggestionId);
  const [first] = suggestionIds;
  if (first === undefined) return refuse("blank");
  const known = (): GenerationResult | null => {
    if (store.events.shownSequence(first) === null) return null;
    return isSame(adopted, generation, store) ? { id, status: "duplicate", suggestionIds } : refuse("conflict");
  };
  const before = known();
  if (before !== null) return before;
  // Before they are there: nothing may be learnt from them in between.
  if (origin !== null) store.transaction(() => store.imports.hold(origin, suggestionIds, clock.wallMs()));
  const { results } = await ingest(JSON.stringify({ events: adopted.pieces.flatMap(({ events }) => events) }));
  const refused = results.find(({ status }) => status === "rejected");
  if (refused === undefined) return { id, status: "accepted", suggestionIds };
  const arrived = suggestionIds.filter((one) => store.events.shownSequence(one) !== null);
  if (origin !== null)
    store.transaction(() => store.imports.release(suggestionIds.filter((one) => !arrived.includes(one))));
  // The same report may have come by another request in the meantime, and been dated by another clock.
  return known() ?? refuse(refused.reason ?? "refused");
}

/** Whether the log holds these very pieces. */
function isSame(adopted: AdoptedGeneration, generation: Generation, store: Store): boolean {
  return adopted.pieces.every(({ suggestionId, events }) => {
    const held = shownEvent(store.events.ofSuggestion(suggestionId));
    const [shown] = events;
    return (
      held !== null &&
      shown?.kind === "shown" &&
      held.completion === shown.completion &&
      held.context.path === shown.context.path &&
      held.context.root === generation.root
    );
  });
}
