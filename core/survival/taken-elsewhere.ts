import { anchorAt, type AnchorRun, countAnchors, packAnchors } from "./anchors.ts";
import { isOfParts, isTaken, type LostTokens } from "./lost-tokens.ts";
import { aliveTokens, setFileAnchors, type Snapshot } from "./snapshot.ts";

/** What another parent of a merge says of code that its line of history took. */
export interface OtherParent {
  /** Losses that the first parent's line does not know. */
  readonly lost: ReadonlyMap<number, LostTokens>;
  /** Whether the merge changes a line of this parent. */
  isNew(path: string, line: number): boolean;
}

/** Its losses, before the merge takes them over. */
export const otherParent = (first: Snapshot, other: Snapshot, isNew: OtherParent["isNew"]): OtherParent => {
  const lost = new Map<number, LostTokens>();
  for (const [snippet, list] of other.lost) if (first.lost.get(snippet) !== list) lost.set(snippet, list);
  return { lost, isNew };
};

/**
 * Leaves out of a merge what the line of another parent took: where the merge has that parent's text in place of
 * the first one's, there was a text already that is not the snippet. A branch that never saw the code go does not
 * bring it back when it takes in the line that took it. `isChanged` says what the merge changes of its first parent.
 * Changes the snapshot; gives the snippets that lost something.
 */
export const dropTaken = (
  snapshot: Snapshot,
  { lost, isNew }: OtherParent,
  isChanged: OtherParent["isNew"],
): Set<number> => {
  const dropped = new Set<number>();
  for (const [snippet, losses] of lost) {
    if (aliveTokens(snapshot, snippet) === 0) continue;
    const isPart = isOfParts(snapshot.lost.get(snippet));
    for (const path of snapshot.homes[snippet] ?? []) {
      const anchors = snapshot.files.get(path);
      if (anchors === undefined) continue;
      const kept: AnchorRun[] = [];
      let isSame = true;
      for (let index = 0; index < countAnchors(anchors); index += 1) {
        const run = anchorAt(anchors, index);
        const mayStand = !isPart && (isNew(path, run.line) || !isChanged(path, run.line));
        if (run.snippet !== snippet || mayStand) {
          kept.push(run);
          continue;
        }
        for (let k = 0; k < run.length; k += 1) {
          if (isTaken(losses[run.from + k])) isSame = false;
          else kept.push({ ...run, at: run.at + k, from: run.from + k, length: 1 });
        }
      }
      if (isSame) continue;
      setFileAnchors(snapshot, path, packAnchors(kept));
      dropped.add(snippet);
    }
  }
  return dropped;
};
