import { createBufferFollower, settleNow, type BufferFact } from "../../../core/survival/buffer-follower.ts";
import type { ChangeAuthor } from "../../../core/survival/buffer-cause.ts";
import { diffWithin } from "../../../tracker/sequence-diff.ts";
import type { TextChange } from "../../../core/lifecycle/region.ts";

/** A document as an editor keeps it: its text, its undo stack, and a follower that is told of every change. */
export interface BufferDocument {
  readonly text: string;
  readonly follower: ReturnType<typeof createBufferFollower>;
  /** Facts of all looks so far. */
  readonly facts: readonly BufferFact[];
  accept(suggestionId: string, at: number, code: string): void;
  edit(changes: readonly TextChange[], author?: ChangeAuthor): void;
  /** Replaces the first place of `old`. */
  replace(old: string, text: string): void;
  insert(before: string, text: string): void;
  undo(): void;
  redo(): void;
  /** Part of the snippet's tokens at a look now, or null when nothing can be said. */
  tokens(suggestionId?: string): number | null;
  look(): readonly BufferFact[];
}

/** Time between two edits of a script, milliseconds. */
const STEP_MS = 1_000;

export function openBuffer(initial: string): BufferDocument {
  let text = initial;
  let at = 0;
  const past: TextChange[][] = [];
  const future: TextChange[][] = [];
  const facts: BufferFact[] = [];
  // Without the editor's limit of time: a busy machine must not change what a test finds.
  const follower = createBufferFollower((before, after) => diffWithin(before, after, 60_000));
  settleNow(follower, text, at);

  const apply = (changes: readonly TextChange[]): TextChange[] => {
    const inverse: TextChange[] = [];
    for (const change of [...changes].sort((a, b) => b.offset - a.offset)) {
      inverse.push({
        offset: change.offset,
        deleted: change.text.length,
        text: text.slice(change.offset, change.offset + change.deleted),
      });
      text = text.slice(0, change.offset) + change.text + text.slice(change.offset + change.deleted);
    }
    // Told against the text after all changes: what stands before moves the later ones.
    return inverse.map((one, idx) => ({
      ...one,
      offset: one.offset + inverse.slice(idx + 1).reduce((sum, other) => sum + other.deleted - other.text.length, 0),
    }));
  };
  const edit = (changes: readonly TextChange[], author: ChangeAuthor = "edit"): void => {
    at += STEP_MS;
    past.push(apply(changes));
    future.length = 0;
    follower.changed(changes, author);
  };
  const step = (from: TextChange[][], to: TextChange[][], author: ChangeAuthor): void => {
    const changes = from.pop();
    if (changes === undefined) throw new Error("Nothing to undo or redo.");
    at += STEP_MS;
    to.push(apply(changes));
    follower.changed(changes, author);
  };
  const look = (): readonly BufferFact[] => {
    const found = settleNow(follower, text, at);
    facts.push(...found);
    return found;
  };
  const placeOf = (part: string): number => {
    const offset = text.indexOf(part);
    if (offset === -1) throw new Error(`${JSON.stringify(part)} is not in the text.`);
    return offset;
  };

  return {
    get text() {
      return text;
    },
    follower,
    facts,
    accept(suggestionId, offset, code) {
      edit([{ offset, deleted: 0, text: code }]);
      follower.follow({
        suggestionId,
        text: code,
        region: { start: offset, end: offset + code.length },
        before: text.slice(Math.max(0, offset - 64), offset),
        after: text.slice(offset + code.length, offset + code.length + 64),
        acceptedAt: at,
      });
    },
    edit,
    replace: (old, now) => edit([{ offset: placeOf(old), deleted: old.length, text: now }]),
    insert: (before, now) => edit([{ offset: placeOf(before), deleted: 0, text: now }]),
    undo: () => step(past, future, "undo"),
    redo: () => step(future, past, "edit"),
    tokens(suggestionId = "s") {
      look();
      return follower.measure(suggestionId)?.tokens ?? null;
    },
    look,
  };
}
