import type { LossCause } from "./causes.ts";

/** Version of the records below; readers skip records of a later one. */
export const SURVIVAL_RECORD_VERSION = 1;

/** One line of the tracker's append-only log (survival.md section 3.1). Everything else can be rebuilt from these. */
export type SurvivalRecord =
  | AcceptRecord
  | RenameRecord
  | BufferRecord
  | SaveRecord
  | HeadRecord
  | PlacesRecord
  | SnapRecord
  | LossRecord
  | GainRecord
  | DormantRecord
  | CensorRecord;

interface Envelope {
  readonly v: typeof SURVIVAL_RECORD_VERSION;
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
}

interface OfSnippet extends Envelope {
  readonly sid: string;
}

/** Code was accepted, generated or imported. A second record of the same snippet replaces its text (a longer partial accept). */
export interface AcceptRecord extends OfSnippet {
  readonly kind: "accept";
  /** Path relative to the repository's top folder, with forward slashes. */
  readonly file: string;
  readonly text: string;
  /** Line that it began on, counted from 1; null when not known. */
  readonly line: number | null;
  /** What the code replaced, "" for a pure insertion; null when not known. */
  readonly before: string | null;
  /** Commit that HEAD stood at; null when there was none or it is not known. */
  readonly head: string | null;
}

/** The editor renamed a file, so the snippet's own path is another one. */
export interface RenameRecord extends OfSnippet {
  readonly kind: "rename";
  readonly file: string;
}

/** A timed check in an open document. Fractions 0 to 1; null when it was censored. */
export interface BufferRecord extends OfSnippet {
  readonly kind: "buf";
  readonly afterMs: number;
  readonly tok: number | null;
  readonly strict: number | null;
  readonly gram4: number | null;
}

/** A file with live snippets was saved; the text itself is kept in memory only. */
export interface SaveRecord extends Envelope {
  readonly kind: "save";
  readonly file: string;
}

/** HEAD of a work tree came to stand elsewhere. */
export interface HeadRecord extends Envelope {
  readonly kind: "head";
  readonly worktree: string;
  readonly old: string | null;
  readonly new: string | null;
  /** Commits that were passed over by a jump; left out when each was looked at. */
  readonly gap?: number;
}

/**
 * Refs moved, and nothing else: every snippet that stood whole in one file stands there under those of `names` that
 * hold what one of its old names held. Left out where HEAD comes to hold none of it, or its names stay.
 */
export interface PlacesRecord extends Envelope {
  readonly kind: "places";
  /** Commit of HEAD. */
  readonly commit: string | null;
  /** All places of commits, in the order of {@link SnapRecord.where}. */
  readonly names: readonly MovedName[];
  /** Snippets that went another way: records of their own follow, or they stay as they are. */
  readonly except: readonly string[];
}

export interface MovedName extends PlaceName {
  /** The name that held the same before. */
  readonly as: PlaceName;
}

export interface PlaceName {
  readonly place: PlaceKind;
  /** Branch, tag, stash entry or work tree; "" where there is only one. */
  readonly ref: string;
}

/** Where a snippet stands, written when that has changed. */
export interface SnapRecord extends OfSnippet {
  readonly kind: "snap";
  /** Commit of HEAD that was looked at. */
  readonly commit: string | null;
  readonly state: SnippetState;
  /** Retained fraction of significant tokens in the best place; null when not known. */
  readonly tok: number | null;
  /** Lengths of alive and lost stretches of its tokens in the best place, alive first. */
  readonly aliveRle: readonly number[];
  readonly where: readonly PlaceSeen[];
  /** Of the location: anchored 1, resurrected 0.8, ambiguous 0.3, unobserved gap 0.5. */
  readonly conf: number;
}

export interface LossRecord extends OfSnippet {
  readonly kind: "loss";
  /** Commit that brought the loss; null for the buffer and for dropped refs. */
  readonly commit: string | null;
  /** When it happened: the commit's time, or that of the observation, milliseconds since 1970. */
  readonly lostAt: number;
  /** Fractions of the snippet's significant tokens: lost with this event, and left after it. */
  readonly lost: number;
  readonly left: number;
  readonly cause: LossCause;
  readonly evidence: string;
  readonly conf: number;
}

/** Tokens came back: a redo, a revert of a revert, a merge, a found move. */
export interface GainRecord extends OfSnippet {
  readonly kind: "gain";
  readonly commit: string | null;
  readonly gained: number;
  readonly left: number;
}

/** Alive only on a branch that is not checked out, or in a stash. */
export interface DormantRecord extends OfSnippet {
  readonly kind: "dormant";
  readonly ref: string;
}

/** Nobody can say from here on. */
export interface CensorRecord extends OfSnippet {
  readonly kind: "censor";
  readonly reason: CensorReason;
}

export type CensorReason =
  | "shallow"
  | "missing-objects"
  | "not-trusted"
  | "no-repository"
  | "submodule"
  | "binary"
  | "too-large"
  | "lfs"
  | "git-failed"
  | "window-closed";

/** State of a snippet over all places (survival.md section 3.6). */
export type SnippetState =
  /** Accepted, and not looked for in git yet. */
  | { readonly kind: "new" }
  | { readonly kind: "alive"; readonly in: "default" | "head" | "worktree" | "buffer" }
  | { readonly kind: "dormant"; readonly ref: string }
  | { readonly kind: "dead" }
  | { readonly kind: "unknown"; readonly reason: CensorReason };

export interface PlaceSeen extends PlaceName {
  /** Retained fraction of significant tokens there. */
  readonly tok: number;
  /** Files that hold it there, most tokens first. */
  readonly files: readonly string[];
}

export type PlaceKind = "buffer" | "worktree" | "index" | "head" | "branch" | "default" | "tag" | "stash";
