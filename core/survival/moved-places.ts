import { stateOverPlaces } from "./place-state.ts";
import type { MovedName, PlaceSeen, PlacesRecord, SnapRecord, SnippetState } from "./survival-record.ts";
import type { SnippetSurvival } from "./survival-state.ts";

/**
 * Says where a snippet stands once names moved, from where it stood; null for what names alone cannot tell of: it
 * does not stand whole in one file, HEAD does not come to hold it, or its names stay. One list for equal lists.
 */
export type Move = (where: readonly PlaceSeen[]) => readonly PlaceSeen[] | null;

export const moveBy = (names: readonly MovedName[]): Move => {
  const known = new Map<readonly PlaceSeen[], readonly PlaceSeen[] | null>();
  return (where) => {
    let next = known.get(where);
    if (next === undefined) {
      next = movedList(where, names);
      known.set(where, next);
    }
    return next;
  };
};

const movedList = (where: readonly PlaceSeen[], names: readonly MovedName[]): readonly PlaceSeen[] | null => {
  const files = filesOfWhole(where);
  if (files === null) return null;
  const next: PlaceSeen[] = [];
  for (const { place, ref, as } of names) {
    if (where.some((one) => one.place === as.place && one.ref === as.ref)) next.push({ place, ref, tok: 1, files });
  }
  if (!next.some(({ place }) => place === "head")) return null;
  const isSame = next.length === where.length && next.every((one, at) => isNamed(one, where[at] as PlaceSeen));
  return isSame ? null : next;
};

const isNamed = (one: PlaceSeen, other: PlaceSeen): boolean => one.place === other.place && one.ref === other.ref;

/** The one file that holds the whole snippet in every place; null when there is none. */
const filesOfWhole = (where: readonly PlaceSeen[]): readonly string[] | null => {
  const files = where[0]?.files;
  if (files?.length !== 1) return null;
  const isWhole = where.every((one) => one.tok === 1 && one.files.length === 1 && one.files[0] === files[0]);
  return isWhole ? files : null;
};

/** Whether a record of moved names may speak for a snippet: nothing else is open about it. */
export const isMovable = ({ tok, state, censored, aliveRle }: SnippetSurvival): boolean =>
  tok === 1 && censored === null && aliveRle.length === 1 && state.kind !== "new" && state.kind !== "unknown";

/** What a record of moved names says of each snippet that it speaks for. */
export const movedSnippets = function* (
  all: Iterable<SnippetSurvival>,
  { names, except, at, v, commit }: PlacesRecord,
): Generator<[SnippetSurvival, SnapRecord]> {
  const move = moveBy(names);
  const excepted = new Set(except);
  const states = new Map<readonly PlaceSeen[], SnippetState>();
  for (const known of all) {
    const where = isMovable(known) ? move(known.where) : null;
    if (where === null || excepted.has(known.sid)) continue;
    let state = states.get(where);
    if (state === undefined) {
      ({ state } = stateOverPlaces({ where, gap: null }));
      states.set(where, state);
    }
    const { sid, tok, aliveRle, conf } = known;
    yield [known, { v, at, kind: "snap", sid, commit, state, tok, aliveRle, where, conf }];
  }
};
