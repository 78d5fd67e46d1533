import type { CensorReason, PlaceSeen, SnippetState } from "./survival-record.ts";

/** Below this share what is left is chance (survival.md section 3.6). */
export const GONE_BELOW = 0.1;

/** What was found of a snippet in all places that can hold it. */
export interface PlacesFound {
  /** Places that hold any of it. */
  readonly where: readonly PlaceSeen[];
  /** Why the observation is not complete; null when every place was looked at. */
  readonly gap: CensorReason | null;
}

/** The state of a snippet over all its places (survival.md section 3.6), and its best retained fraction. */
export const stateOverPlaces = ({ where, gap }: PlacesFound): { state: SnippetState; tok: number | null } => {
  const tok = Math.max(0, ...where.map((seen) => seen.tok));
  if (tok < GONE_BELOW) {
    return gap === null ? { state: { kind: "dead" }, tok } : { state: { kind: "unknown", reason: gap }, tok: null };
  }
  // A place that holds a scrap of what another one holds whole is not where it lives.
  const enough = Math.max(GONE_BELOW, tok / 2);
  for (const place of ["default", "head", "worktree", "index", "buffer"] as const) {
    if (!where.some((seen) => seen.place === place && seen.tok >= enough)) continue;
    return { state: { kind: "alive", in: place === "index" ? "worktree" : place }, tok };
  }
  const best = [...where].sort((left, right) => right.tok - left.tok)[0] as PlaceSeen;
  return { state: { kind: "dormant", ref: best.ref }, tok };
};

/** Lengths of the alive and lost stretches of a mask, alive first. */
export const runLengths = (mask: Uint8Array): number[] => {
  const lengths: number[] = [];
  let wanted = 1;
  let length = 0;
  for (const one of mask) {
    if (one !== wanted) {
      lengths.push(length);
      wanted = one;
      length = 0;
    }
    length += 1;
  }
  lengths.push(length);
  return lengths;
};
