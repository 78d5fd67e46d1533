/** What changed accepted code: the developer (redo too), the editor's undo, another accept of ours, its file's end. */
export type ChangeAuthor = "edit" | "undo" | "accept" | "deletion";

/** Why accepted tokens went away while they were in the buffer (survival.md section 2.2, as far as it can tell). */
export type BufferLossCause = "undo" | "regenerate" | "quick_rewrite" | "refactor" | "other";

export interface BufferLoss {
  /** UTF-16 units of the snippet that changes of each author have taken away or gone over. */
  readonly removed: Readonly<Record<ChangeAuthor, number>>;
  /** Tokens that are missing now, of how many. */
  readonly nMissing: number;
  readonly nTokens: number;
  /** Time since the accept, milliseconds. */
  readonly ageMs: number;
  /** Nothing stands where the code was accepted: the text from before the accept. */
  readonly isHomeEmpty: boolean;
}

/** A rewrite this soon is the developer's own first look at the code. */
const QUICK_MS = 10 * 60_000;

/** The cause, and what it was told from; the first rule that fits wins. */
export const causeOfLoss = (loss: BufferLoss): { cause: BufferLossCause; evidence: string } => {
  const { removed, nMissing, nTokens } = loss;
  const total = removed.edit + removed.undo + removed.accept + removed.deletion;
  const mostlyBy = (author: ChangeAuthor): boolean => total > 0 && removed[author] * 2 >= total;
  if (mostlyBy("undo")) return { cause: "undo", evidence: "undo-reason" };
  if (mostlyBy("accept")) return { cause: "regenerate", evidence: "accepted-over" };
  if (mostlyBy("deletion")) return { cause: "refactor", evidence: "file-deleted" };
  if (nMissing === nTokens && loss.isHomeEmpty) return { cause: "undo", evidence: "text-before-accept" };
  if (nMissing * 2 >= nTokens && loss.ageMs <= QUICK_MS) return { cause: "quick_rewrite", evidence: "rewritten" };
  return { cause: "other", evidence: "edited" };
};
