import type { Fact } from "./observation.ts";
import { shiftRegionByAll, type Region, type TextChange } from "./region.ts";

/** Accepted text that an undo may take away again, and a redo bring back. Oldest first. */
export type AcceptMemory = readonly RememberedAccept[];

interface RememberedAccept {
  readonly id: string;
  readonly document: string;
  readonly at: number;
  /** Where the text stands; where it stood, once it was undone. */
  readonly region: Region;
  readonly text: string;
  readonly undoneAt: number | null;
}

/** Accepts that an undo can still name. */
const MAX_REMEMBERED_ACCEPTS = 64;

/** A longer part of the same suggestion replaces the shorter one. */
export function rememberAccept(memory: AcceptMemory, accept: Omit<RememberedAccept, "undoneAt">): AcceptMemory {
  const others = memory.filter(({ id }) => id !== accept.id);
  return [...others, { ...accept, undoneAt: null }].slice(-MAX_REMEMBERED_ACCEPTS);
}

/** Follow a change of the document; tells which accepts it undid or did again. */
export function followAccepts(
  memory: AcceptMemory,
  at: number,
  document: string,
  changes: readonly TextChange[],
  reason: "edit" | "undo" | "redo",
): { readonly memory: AcceptMemory; readonly facts: readonly Fact[] } {
  if (!memory.some((accept) => accept.document === document)) return { memory, facts: [] };
  const facts: Fact[] = [];
  const followed = memory.map((accept): RememberedAccept => {
    if (accept.document !== document) return accept;
    const region = shiftRegionByAll(accept.region, changes, "keep");
    if (reason === "undo" && accept.undoneAt === null && changes.some((change) => takesAway(change, accept.region))) {
      facts.push({ kind: "undone", suggestionId: accept.id, at, afterMs: at - accept.at });
      return { ...accept, region, undoneAt: at };
    }
    const again = reason === "redo" ? changes.find((change) => bringsBack(change, accept)) : undefined;
    if (accept.undoneAt !== null && again) {
      facts.push({ kind: "redone", suggestionId: accept.id, at, afterMs: at - accept.undoneAt });
      const start = again.offset + Math.max(0, again.text.indexOf(accept.text));
      return { ...accept, region: { start, end: start + accept.text.length }, undoneAt: null };
    }
    return region === accept.region ? accept : movedTo(accept, region);
  });
  return { memory: followed, facts };
}

/** Named field by field: each key moves every accept below it, and a spread costs ten times as much. */
const movedTo = ({ id, document, at, text, undoneAt }: RememberedAccept, region: Region): RememberedAccept => ({
  id,
  document,
  at,
  region,
  text,
  undoneAt,
});

/** An undo that takes away at least half of what was accepted undoes the accept. */
function takesAway(change: TextChange, region: Region): boolean {
  const length = region.end - region.start;
  const overlap = Math.min(change.offset + change.deleted, region.end) - Math.max(change.offset, region.start);
  return length > 0 && overlap >= length / 2 && change.text.length < change.deleted;
}

/** A redo that puts at least half of it where it stood does the accept again. */
function bringsBack(change: TextChange, { region, text }: RememberedAccept): boolean {
  const isThere = change.offset <= region.end && change.offset + change.deleted >= region.start;
  const isIt = change.text.includes(text) || (text.includes(change.text) && change.text.length >= text.length / 2);
  return isThere && change.text !== "" && isIt;
}
