import type { LossRecord, PlaceSeen, SurvivalRecord } from "../../core/survival/survival-record.ts";
import type { ToldSurvival } from "../../tracker/following.ts";
import type { EventFields } from "../observe/event-recorder.ts";

/** Places that one event names; more branches than that say nothing new. */
const MAX_PLACES = 16;
const MAX_REF_CHARS = 200;

/**
 * What an event says of a change in the tracker, or null when there is nothing to tell: nothing moved, or no
 * commit has held the code yet and it still waits in the work tree.
 */
export const survivedFields = (
  survival: ToldSurvival,
  records: readonly SurvivalRecord[],
  nowMs: number,
): EventFields<"survived"> | null => {
  const { state, tok, conf, where, commit } = survival;
  if (!records.some(({ kind }) => kind === "snap") || commit === null || state.kind === "new") return null;
  const isUncommitted = survival.committedAt === null && state.kind === "alive";
  if (isUncommitted) return null;
  const loss = records.findLast((record): record is LossRecord => record.kind === "loss");
  const inHead = where.find(({ place }) => place === "head");
  const place = placeOf(survival);
  return {
    commit,
    afterMs: Math.max(0, nowMs - survival.acceptedAt),
    tokens: place === "head" ? (inHead?.tok ?? tok) : tok,
    place,
    state: stateName(survival),
    places: where.slice(0, MAX_PLACES).map(named),
    retained: tok,
    confidence: conf,
    ...(loss === undefined ? {} : { cause: loss.cause, causeConfidence: loss.conf }),
  };
};

const placeOf = ({ state, where }: ToldSurvival): EventFields<"survived">["place"] => {
  if (state.kind === "dead") return "nowhere";
  if (state.kind === "unknown" || state.kind === "new") return "unknown";
  return state.kind === "alive" && where.some(({ place }) => place === "head") ? "head" : "elsewhere";
};

const stateName = ({ state }: ToldSurvival): string =>
  state.kind === "alive" ? `alive(${state.in})` : state.kind === "dormant" ? "dormant" : state.kind;

const named = ({ place, ref, tok }: PlaceSeen): { place: string; ref: string; tokens: number } => ({
  place,
  ref: ref.slice(0, MAX_REF_CHARS),
  tokens: tok,
});
