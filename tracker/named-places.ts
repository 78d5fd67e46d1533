import { aliveTokens, onlyFileOf, type Snapshot } from "../core/survival/snapshot.ts";
import type { MovedName, PlaceName, PlaceSeen } from "../core/survival/survival-record.ts";
import type { SnippetSurvival } from "../core/survival/survival-state.ts";
import type { Ref, RefState } from "./refs.ts";

/** A place that a ref names, and what its commit holds. */
export interface NamedPlace extends PlaceName {
  readonly commit: string;
  readonly snapshot: Snapshot;
}

/** All places that refs name, HEAD first. */
export const namedPlaces = (refs: RefState, snapshots: ReadonlyMap<string, Snapshot>): NamedPlace[] => {
  const places: NamedPlace[] = [];
  const add = (place: PlaceSeen["place"], ref: string, commit: string | null): void => {
    const snapshot = commit === null ? undefined : snapshots.get(commit);
    if (commit !== null && snapshot !== undefined) places.push({ place, ref, commit, snapshot });
  };
  for (const { worktree, branch, commit } of refs.heads) {
    if (worktree === "") add("head", branch === null ? "HEAD" : shortName(branch), commit);
    else if (branch === null) add("branch", worktree, commit);
  }
  for (const ref of refs.defaults) add("default", shortName(ref.name), ref.commit);
  const own = refs.heads.find(({ worktree }) => worktree === "");
  for (const ref of refs.branches) if (ref.name !== own?.branch) add("branch", shortName(ref.name), ref.commit);
  for (const ref of refs.tags) add("tag", shortName(ref.name), ref.commit);
  for (const ref of refs.stash) add("stash", ref.name, ref.commit);
  return places;
};

export const shortName = (name: string): string => name.replace(/^refs\/(?:heads|remotes|tags)\//, "");

/** Commit that the ref of a place stands at now; null for files, and when it is gone. */
export const namedCommit = (refs: RefState, { place, ref }: PlaceSeen): string | null => {
  const find = (list: readonly Ref[]): string | null =>
    list.find(({ name }) => shortName(name) === ref)?.commit ?? null;
  if (place === "head") return refs.heads.find(({ worktree }) => worktree === "")?.commit ?? null;
  if (place === "default") return find(refs.defaults);
  if (place === "branch") return find(refs.branches);
  if (place === "tag") return find(refs.tags);
  return place === "stash" ? (refs.stash.find(({ name }) => name === ref)?.commit ?? null) : null;
};

/**
 * For each place the name that held the same before: that of its commit, its own, or HEAD's. A guess, which every
 * snippet is compared with. Null when all names stay what they were.
 */
export const movedNames = (before: readonly NamedPlace[], now: readonly NamedPlace[]): MovedName[] | null => {
  const nameOf = ({ place, ref }: PlaceName): PlaceName => ({ place, ref });
  const isNamed = (one: PlaceName, other: PlaceName): boolean => one.place === other.place && one.ref === other.ref;
  const isSame = before.length === now.length && before.every((one, at) => isNamed(one, now[at] as NamedPlace));
  if (isSame || before.length === 0) return null;
  return now.map((one) => {
    const ofCommit = before.filter(({ commit }) => commit === one.commit);
    const own = before.find((other) => isNamed(one, other));
    const as = ofCommit.find((other) => isNamed(one, other)) ?? ofCommit[0] ?? own ?? before[0];
    return { ...nameOf(one), as: nameOf(as ?? one) };
  });
};

/** Whether the snapshots hold a snippet whole just where a list of places says, as surely as before. */
export const standsAt = (
  { nTokens, conf }: SnippetSurvival,
  number: number,
  next: readonly PlaceSeen[],
  places: readonly NamedPlace[],
): boolean => {
  const path = next[0]?.files[0];
  let matched = 0;
  for (const { place, ref, snapshot } of places) {
    const nAlive = aliveTokens(snapshot, number);
    if (nAlive === 0) continue;
    const wanted = next[matched];
    if (wanted === undefined || wanted.place !== place || wanted.ref !== ref) return false;
    if (nAlive !== nTokens || onlyFileOf(snapshot, number) !== path) return false;
    if (matched === 0 && (snapshot.conf[number] ?? 100) / 100 !== conf) return false;
    matched += 1;
  }
  return matched === next.length;
};
