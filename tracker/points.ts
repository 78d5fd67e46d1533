import { createHash } from "node:crypto";
import {
  type HistoryPoint,
  MAX_POINTS_PER_COMMIT,
  MAX_POINTS_PER_FILE,
  MAX_PREFIX_CHARS,
  MAX_SUFFIX_CHARS,
} from "../core/history-point.ts";
import { hashText } from "../core/statistics/random.ts";
import { significantTokens } from "../core/survival/tokens.ts";
import type { Hunk } from "./patches.ts";

/** One file before and after a commit. */
export interface FileChange {
  readonly commit: string;
  /** Milliseconds since 1970. */
  readonly writtenAt: number;
  readonly path: string;
  readonly language: string;
  /** Empty when the file is new. */
  readonly oldText: string;
  readonly newText: string;
  readonly hunks: readonly Hunk[];
}

/** A target with fewer tokens, such as a closing brace, is no intent. */
const MIN_TARGET_TOKENS = 3;
/** What stands behind a cursor inside a line. */
const MIN_MID_TOKENS = 2;
/** Longer lines are data. */
const MAX_LINE_CHARS = 200;
const MAX_BLOCK_LINES = 5;

/**
 * Points of one changed file, at most {@link MAX_POINTS_PER_FILE}, in the order of the file. The choice
 * depends on the commit, the path and the line alone. Hunks that only reformat are left out.
 */
export const pointsOfFile = (change: FileChange): HistoryPoint[] => {
  const oldLines = linesOf(change.oldText);
  const newLines = linesOf(change.newText);
  const found: Candidate[] = [];
  for (const hunk of change.hunks) {
    if (isReformatting(hunk, oldLines, newLines)) continue;
    const end = hunk.newStart - 1 + hunk.nNew;
    for (let line = hunk.newStart - 1; line < end; line += 1) {
      const draw = hashText(`${change.commit}:${change.path}:${line}`);
      const span = spanAt(newLines, line, end, draw);
      if (span !== null) found.push({ line, span, hunk, draw });
    }
  }
  const chosen: Candidate[] = [];
  for (const candidate of [...found].sort((left, right) => left.draw - right.draw || left.line - right.line)) {
    if (chosen.length === MAX_POINTS_PER_FILE) break;
    if (!chosen.some((other) => overlap(other, candidate))) chosen.push(candidate);
  }
  chosen.sort((left, right) => left.line - right.line);
  return chosen.map((candidate) => pointAt(change, oldLines, newLines, candidate));
};

/** Thins the points of all files of a commit to {@link MAX_POINTS_PER_COMMIT}, keeping their order. */
export const pointsOfCommit = (points: readonly HistoryPoint[]): HistoryPoint[] => {
  const kept = new Set([...points].sort(byChance).slice(0, MAX_POINTS_PER_COMMIT));
  return points.filter((point) => kept.has(point));
};

interface Candidate {
  readonly line: number;
  readonly span: Span;
  readonly hunk: Hunk;
  /** Number that the choice goes by. */
  readonly draw: number;
}

interface Span {
  readonly kind: HistoryPoint["kind"];
  readonly column: number;
  readonly target: string;
}

/** What is to be written at a line: four of ten a line, three the rest of a line, three a block if there is one. */
const spanAt = (lines: readonly string[], line: number, end: number, draw: number): Span | null => {
  const text = lines[line] as string;
  const indent = text.length - text.trimStart().length;
  const written = text.slice(indent).trimEnd();
  if (text.length > MAX_LINE_CHARS || significantTokens(written).length < MIN_TARGET_TOKENS) return null;
  if (draw % 10 >= 7) {
    const block = blockAt(lines, line, end);
    if (block !== null) return { kind: "block", column: indent, target: block.slice(indent) };
  }
  if (draw % 10 >= 4 && draw % 10 < 7) {
    const mid = midLine(text, indent, draw);
    if (mid !== null) return mid;
  }
  return { kind: "line", column: indent, target: written };
};

/** The added lines from here on that stay inside the block: two to five, up to a blank or a dedented line. */
const blockAt = (lines: readonly string[], line: number, end: number): string | null => {
  const indentOf = (text: string): number => text.length - text.trimStart().length;
  const first = lines[line] as string;
  const taken: string[] = [first.trimEnd()];
  for (let next = line + 1; next < end && taken.length < MAX_BLOCK_LINES; next += 1) {
    const text = lines[next] as string;
    if (text.trim() === "" || indentOf(text) < indentOf(first) || text.length > MAX_LINE_CHARS) break;
    taken.push(text.trimEnd());
  }
  return taken.length < 2 ? null : taken.join("\n");
};

/** A cursor in front of one of the line's middle tokens, as when a developer stops to think. */
const midLine = (text: string, indent: number, draw: number): Span | null => {
  const starts = [...text.matchAll(/[\p{L}\p{N}_$]+|[^\s\p{L}\p{N}_$]/gu)].map((match) => match.index);
  const columns = starts.filter(
    (column) => column > indent && significantTokens(text.slice(column)).length >= MIN_MID_TOKENS,
  );
  const column = columns[(draw >>> 8) % Math.max(1, columns.length)];
  return column === undefined ? null : { kind: "line", column, target: text.slice(column).trimEnd() };
};

const pointAt = (
  change: FileChange,
  oldLines: readonly string[],
  newLines: readonly string[],
  { line, span, hunk }: Candidate,
): HistoryPoint => {
  const { commit, writtenAt, path, language } = change;
  const before = `${newLines.slice(Math.max(0, line - MAX_PREFIX_CHARS), line).join("\n")}${line > 0 ? "\n" : ""}`;
  const prefix = wellFormedTail(before + (newLines[line] as string).slice(0, span.column), MAX_PREFIX_CHARS);
  const id = createHash("sha256").update(`${commit}\0${path}\0${line}\0${span.column}\0${span.kind}`).digest("hex");
  const suffix = suffixAfter(hunk, oldLines);
  return {
    id: id.slice(0, 16),
    commit,
    writtenAt,
    path,
    language,
    line,
    prefix,
    suffix,
    nHunkDeleted: hunk.nOld,
    ...span,
  };
};

/** Where the hunk ends in the old file; for a pure insertion git names the line before it. */
const suffixAfter = (hunk: Hunk, oldLines: readonly string[]): string => {
  const after = hunk.nOld === 0 ? hunk.oldStart : hunk.oldStart - 1 + hunk.nOld;
  if (after >= oldLines.length) return "";
  const suffix = `\n${oldLines.slice(after, after + MAX_SUFFIX_CHARS).join("\n")}`.slice(0, MAX_SUFFIX_CHARS);
  return /[\ud800-\udbff]$/.test(suffix) ? suffix.slice(0, -1) : suffix;
};

const isReformatting = (hunk: Hunk, oldLines: readonly string[], newLines: readonly string[]): boolean => {
  if (hunk.nOld === 0) return false;
  const before = oldLines.slice(hunk.oldStart - 1, hunk.oldStart - 1 + hunk.nOld).join("\n");
  const after = newLines.slice(hunk.newStart - 1, hunk.newStart - 1 + hunk.nNew).join("\n");
  return significantTokens(before).join(" ") === significantTokens(after).join(" ");
};

const linesOf = (text: string): string[] => {
  const lines = text
    .replace(/^\ufeff/, "")
    .replaceAll("\r\n", "\n")
    .split("\n");
  // A file's last newline ends its last line; it does not begin another.
  if (lines.at(-1) === "") lines.pop();
  return lines;
};

const wellFormedTail = (text: string, nChars: number): string => {
  const tail = text.slice(-nChars);
  return text.length > nChars && /^[\udc00-\udfff]/.test(tail) ? tail.slice(1) : tail;
};

const overlap = (left: Candidate, right: Candidate): boolean =>
  left.line < right.line + nLines(right) && right.line < left.line + nLines(left);

const nLines = ({ span }: Candidate): number => span.target.split("\n").length;

/** Ids are hashes, so their order is a repeatable draw. */
const byChance = (left: HistoryPoint, right: HistoryPoint): number =>
  left.id < right.id ? -1 : left.id > right.id ? 1 : 0;
