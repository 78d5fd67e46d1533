/** A point of a git history where code was really written: the developer's intent, seen afterwards. */
export interface HistoryPoint {
  readonly id: string;
  readonly commit: string;
  /** Author time, milliseconds since 1970. */
  readonly writtenAt: number;
  readonly path: string;
  readonly language: string;
  /** Zero-based cursor. */
  readonly line: number;
  readonly column: number;
  /** The new file up to the cursor, its last MAX_PREFIX_CHARS characters. */
  readonly prefix: string;
  /** The old file after the hunk: nothing that the commit adds below leaks. */
  readonly suffix: string;
  /** What was written at the cursor: one line's rest, or 2 to 5 added lines. */
  readonly target: string;
  readonly kind: "line" | "block";
  /** Lines that the hunk removed: 0 for an insertion, above 0 for a rewrite. */
  readonly nHunkDeleted: number;
}

export const MAX_PREFIX_CHARS = 4_000;
export const MAX_SUFFIX_CHARS = 1_500;
/** At most this many points of one commit and of one of its files. */
export const MAX_POINTS_PER_COMMIT = 12;
export const MAX_POINTS_PER_FILE = 4;
