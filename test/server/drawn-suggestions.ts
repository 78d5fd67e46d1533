import type { KeptEvent } from "../../protocol/events.ts";
import type { sampleSession } from "./sample-events.ts";
import { v7 as uuidv7 } from "uuid";

/** What became of a suggestion that was drawn while a canary ran. */
export interface Draw {
  readonly adapter: string | null;
  readonly drawn?: number;
  readonly taken: boolean;
  /** Fraction that is still there after two minutes; not looked at when null. */
  readonly retained?: number | null;
  readonly completion?: string;
}

/** The events of one such suggestion. */
export function drawnSuggestion(session: ReturnType<typeof sampleSession>, draw: Draw): KeptEvent[] {
  const { adapter, drawn = 0.5, taken, retained = 1, completion } = draw;
  const id = uuidv7();
  const base = session.of("shown", id);
  const shown = { ...base, completion: completion ?? base.completion, model: { ...base.model, adapter, drawn } };
  if (!taken) return [shown, session.of("rejected", id)];
  const accepted = session.of("accepted", id);
  if (retained === null) return [shown, accepted];
  return [shown, accepted, session.of("retained", id, { afterMs: 120_000, tokens: retained, strictTokens: retained })];
}
