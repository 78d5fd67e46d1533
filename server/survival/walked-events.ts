import type { SnippetSurvival } from "../../core/survival/survival-state.ts";
import { EVENT_SCHEMA_VERSION, type KeptEvent } from "../../protocol/events.ts";
import type { WalkedCode } from "./history-walk.ts";
import { stableId } from "../stable-id.ts";

/**
 * What a walk through history found of one suggestion, as the events that a tracker would have sent: whole in
 * its commit, each loss with its cause at its time, and how it stands now. The same walk gives the same events.
 */
export function walkedEvents(code: WalkedCode, survival: SnippetSurvival, now: number): KeptEvent[] {
  const looks: { at: number; commit: string; tokens: number | null; place: Place; cause?: string }[] = [];
  const commit = code.commit ?? survival.head ?? survival.commit ?? "";
  if (survival.committedAt !== null) looks.push({ at: code.at, commit, tokens: 1, place: "head" });
  for (const loss of survival.losses) {
    const place = loss.left < GONE_BELOW ? "nowhere" : "head";
    const at = Math.max(code.at, loss.lostAt);
    looks.push({ at, commit: loss.commit ?? commit, tokens: loss.left, place, cause: loss.cause });
  }
  const place = placeOf(survival);
  const last = looks.at(-1);
  if (last === undefined || last.tokens !== survival.tok) {
    looks.push({ at: now, commit: survival.commit ?? commit, tokens: survival.tok, place });
  }
  return looks.map(({ at, cause, ...fields }, sequence) => {
    const body = { ...fields, afterMs: at - code.at, ...(cause === undefined ? {} : { cause }) };
    const stable = (kind: string): string => stableId(`${kind}\0${code.id}\0${JSON.stringify(body)}`);
    return {
      id: stable("survived"),
      v: EVENT_SCHEMA_VERSION as 1,
      suggestionId: code.id,
      sessionId: stableId(`walk\0${code.id}`),
      sequence,
      wallMs: at,
      monotonicMs: sequence,
      kind: "survived",
      ...body,
    };
  });
}

type Place = "head" | "elsewhere" | "nowhere" | "unknown";
const GONE_BELOW = 0.1;

export const placeOf = ({ state }: SnippetSurvival): Place => {
  switch (state.kind) {
    case "alive":
      return state.in === "default" || state.in === "head" ? "head" : "elsewhere";
    case "dormant":
      return "elsewhere";
    case "dead":
      return "nowhere";
    default:
      return "unknown";
  }
};
