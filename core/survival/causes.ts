import { type CommitMeaning, readCommitMessage } from "./commit-message.ts";
import { significantTokens } from "./tokens.ts";

/** Why accepted tokens went away (survival.md section 2.2). `format` and `moved` lose nothing. */
export type LossCause =
  | "undo"
  | "revert"
  | "regenerate"
  | "quick_rewrite"
  | "fix"
  | "other"
  | "refactor"
  | "abandoned"
  | "format"
  | "moved";

/** What every observation of a loss has. */
interface Observed {
  /** From the accept to the observation, milliseconds. */
  readonly afterMs: number;
  /** Significant tokens lost with this event, as a fraction of the snippet. 0 when it only changed its looks or place. */
  readonly lost: number;
  /** All that is lost now, this event included, as a fraction of the snippet. */
  readonly lostInAll: number;
  /** True when what is left stands in another place than before. */
  readonly moved: boolean;
  /** Who wrote what stands there now; null when nobody knows. */
  readonly replacedBy: "user" | "ai" | "formatter" | null;
  /** What the snippet replaced when it was accepted, "" for a pure insertion; null when not known. */
  readonly textBefore: string | null;
  /** What stands in the snippet's region now; null when not known. */
  readonly textNow: string | null;
  /** True when the whole file is again what it was before the accept. */
  readonly fileAsBefore: boolean;
}

/** A loss in an open document. */
export interface BufferLoss extends Observed {
  readonly kind: "buffer";
  /** The editor called the change an undo. */
  readonly undo: boolean;
  /** True when a commit held the snippet before this loss. */
  readonly committed: boolean;
}

/** One changed place of a commit, without context lines. */
export interface LossHunk {
  readonly deleted: string;
  readonly added: string;
  /** True when tokens of the snippet were among the deleted lines. */
  readonly touchesSnippet: boolean;
}

/** A loss that a commit brought. */
export interface CommitLoss extends Observed {
  readonly kind: "commit";
  /** Subject and body. */
  readonly message: string;
  readonly isMerge: boolean;
  /** True when this is the first commit after the accept that holds the file: the loss happened before it. */
  readonly isFirst: boolean;
  /** Commits that hold the snippet's text as added lines, full ids; a revert may name one of them. */
  readonly introducedBy: readonly string[];
  /** Files that the commit changes, of any sort. */
  readonly nFiles: number;
  /** Lines that the commit deletes in all files. */
  readonly nDeletedLines: number;
  /** Lines of the snippet among them. */
  readonly nSnippetLines: number;
  /** Hunks of the snippet's file; those of other files are of no interest. */
  readonly hunks: readonly LossHunk[];
  readonly file: "kept" | "renamed" | "deleted";
  /** The function or class around the snippet is gone from the file; null when not known. */
  readonly symbolGone: boolean | null;
  /** Share of the lines beside the snippet that went with it, 0 to 1; null when not known. */
  readonly neighboursLost: number | null;
}

/** The last branch, tag or stash entry that held the code went away without being merged. */
export interface DroppedLoss extends Observed {
  readonly kind: "dropped";
  /** The name of what was dropped. */
  readonly ref: string;
}

export type LossEvidence = BufferLoss | CommitLoss | DroppedLoss;

export interface CauseFinding {
  readonly cause: LossCause;
  /** How far the rule can be trusted, 0 to 1. */
  readonly confidence: number;
  /** Which rule matched and on what, in a few words; never source text. */
  readonly evidence: string;
}

/** The developer's own first look at accepted code, milliseconds. */
export const FIRST_LOOK_MS = 10 * 60_000;
/** Share of the snippet that makes an early edit a rewrite. */
const REWRITTEN_FROM = 0.5;
/** Four-gram likeness from which a region is what stood there before. */
const AS_BEFORE_FROM = 0.9;
/** Shorter texts are alike by chance, significant tokens. */
const MIN_COMPARED_TOKENS = 4;
/** Later fixes mend something else, milliseconds: 90 days. */
const FIX_WITHIN_MS = 90 * 86_400_000;
/** A fix that touches more files is about more than the snippet. */
const MAX_FIX_FILES = 10;
/** Unless the snippet is this share of what the fix took out. */
const FIX_SHARE_FROM = 0.2;
/** A commit that changes so many files moves code about. */
const REFACTOR_FILES = 10;
/** Neighbours that went along, from this share. */
const NEIGHBOURS_FROM = 0.5;

/**
 * The cause of one loss: the first rule of survival.md section 2.2 that matches. The causes exclude each
 * other. A fix is a guess (SZZ and its kin err on about a sixth of all fixes), so every finding has a
 * confidence and says what it rests on.
 */
export const causeOfLoss = (loss: LossEvidence): CauseFinding =>
  unharmed(loss) ??
  undone(loss) ??
  reverted(loss) ??
  regenerated(loss) ??
  rewrittenEarly(loss) ??
  fixed(loss) ??
  refactored(loss) ??
  abandoned(loss) ??
  found("other", 0.5, "no rule matched");

const found = (cause: LossCause, confidence: number, evidence: string): CauseFinding => ({
  cause,
  confidence,
  evidence,
});

/** Format and move come first here: they lose no token, and no other rule is about that. */
const unharmed = ({ lost, moved }: LossEvidence): CauseFinding | null => {
  if (lost > 0) return null;
  return moved ? found("moved", 1, "every token stands in another place") : found("format", 1, "no token was lost");
};

const undone = (loss: LossEvidence): CauseFinding | null => {
  if (loss.kind !== "buffer") return null;
  if (loss.undo) return found("undo", 1, "the editor undid the change");
  return loss.fileAsBefore ? found("undo", 0.9, "the document is as before the accept") : null;
};

const reverted = (loss: LossEvidence): CauseFinding | null => {
  if (loss.kind === "commit") {
    const { revert, reverted: ids } = readCommitMessage(loss.message);
    const names = ids.some((id) => loss.introducedBy.some((full) => full.startsWith(id)));
    if (names) return found("revert", 1, "the message reverts the commit that brought it");
    // Named commits that did not bring the snippet are somebody else's.
    if (revert && (ids.length === 0 || loss.introducedBy.length === 0)) {
      return found("revert", 0.9, "the message is that of a revert");
    }
    if (loss.fileAsBefore) return found("revert", 0.9, "the file is as before the accept");
  }
  if (loss.kind !== "dropped" && isAsBefore(loss)) return found("revert", 0.7, "the text before the accept is back");
  return null;
};

const isAsBefore = ({ textBefore, textNow }: LossEvidence): boolean => {
  if (textBefore === null || textNow === null) return false;
  return fourGramSimilarity(textBefore, textNow) >= AS_BEFORE_FROM;
};

/** Shared groups of four significant tokens over those of both texts (Dice), 0 for texts too short to tell. */
const fourGramSimilarity = (left: string, right: string): number => {
  const a = gramCounts(left);
  // What replaced nothing is like nothing: the other text, often a whole hunk, need not be read.
  if (a.total === 0) return 0;
  const b = gramCounts(right);
  if (b.total === 0) return 0;
  let nShared = 0;
  for (const [gram, count] of a.counts) nShared += Math.min(count, b.counts.get(gram) ?? 0);
  return (2 * nShared) / (a.total + b.total);
};

const gramCounts = (text: string): { counts: Map<string, number>; total: number } => {
  const tokens = significantTokens(text);
  const counts = new Map<string, number>();
  const total = Math.max(0, tokens.length - MIN_COMPARED_TOKENS + 1);
  for (let at = 0; at < total; at += 1) {
    const gram = tokens.slice(at, at + MIN_COMPARED_TOKENS).join(" ");
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return { counts, total };
};

const regenerated = ({ replacedBy }: LossEvidence): CauseFinding | null =>
  replacedBy === "ai" ? found("regenerate", 1, "another generation stands there") : null;

const rewrittenEarly = (loss: LossEvidence): CauseFinding | null => {
  if (loss.kind === "dropped" || loss.lostInAll < REWRITTEN_FROM || loss.replacedBy === "formatter") return null;
  const confidence = loss.replacedBy === "user" ? 1 : 0.8;
  if (loss.afterMs <= FIRST_LOOK_MS) return found("quick_rewrite", confidence, "within ten minutes of the accept");
  const isBeforeCommit = loss.kind === "buffer" ? !loss.committed : loss.isFirst;
  return isBeforeCommit ? found("quick_rewrite", confidence * 0.9, "before the first commit") : null;
};

/** The forward half of SZZ: we know what brought the lines, so only the fix has to be told. */
const fixed = (loss: LossEvidence): CauseFinding | null => {
  if (loss.kind !== "commit" || loss.isMerge || loss.afterMs > FIX_WITHIN_MS) return null;
  const meaning = readCommitMessage(loss.message);
  if (meaning.fix === null) return null;
  const hunks = loss.hunks.filter((hunk) => hunk.touchesSnippet && !isCosmetic(hunk));
  if (hunks.length === 0) return null;
  const share = loss.nDeletedLines === 0 ? 0 : loss.nSnippetLines / loss.nDeletedLines;
  if (loss.nFiles > MAX_FIX_FILES && share < FIX_SHARE_FROM) return null;
  const replaces = hunks.some(({ added }) => significantTokens(added).length > 0);
  // A fix that only takes lines out may be tidying beside its work.
  return found("fix", CONFIDENCE_OF_FIX[meaning.fix] * (replaces ? 1 : 0.8), `a fix by its ${meaning.fix}`);
};

const CONFIDENCE_OF_FIX: Readonly<Record<NonNullable<CommitMeaning["fix"]>, number>> = {
  type: 0.8,
  issue: 0.8,
  keyword: 0.6,
};

const isCosmetic = ({ deleted, added }: LossHunk): boolean =>
  significantTokens(deleted).join(" ") === significantTokens(added).join(" ");

const refactored = (loss: LossEvidence): CauseFinding | null => {
  if (loss.kind !== "commit") return null;
  if (loss.nFiles >= REFACTOR_FILES) return found("refactor", 0.7, `the commit changes ${loss.nFiles} files`);
  if (loss.file !== "kept") return found("refactor", 0.8, `the file was ${loss.file}`);
  if (loss.symbolGone === true && (loss.neighboursLost ?? 0) >= NEIGHBOURS_FROM) {
    return found("refactor", 0.8, "what surrounded it went too");
  }
  return null;
};

const abandoned = (loss: LossEvidence): CauseFinding | null =>
  loss.kind === "dropped" ? found("abandoned", 1, `${loss.ref} was dropped without being merged`) : null;
