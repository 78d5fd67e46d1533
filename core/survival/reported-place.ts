/** What another extension says of code that it has put into a document. */
export interface GenerationReport {
  readonly tool: string;
  readonly model: string | null;
  /** Where it is: positions counted from 0 as the editor counts, or whole lines counted from 1, or only the text. */
  readonly where:
    | { readonly kind: "range"; readonly start: Position; readonly end: Position }
    | { readonly kind: "lines"; readonly first: number; readonly last: number }
    | { readonly kind: "text" };
  /** What was generated; null when the place alone says it. */
  readonly text: string | null;
}

export interface Position {
  readonly line: number;
  readonly character: number;
}

const MAX_TOOL_CHARS = 64;
const MAX_MODEL_CHARS = 250;
const MAX_LINE = 10_000_000;

/**
 * Reads the argument of `kept.reportGeneration` without its uri: `{ tool, model?, text?, range? | lines? }`, where
 * `lines` is `[first, last]` or `{ first, last }`. Null when it is anything else: other extensions send what they like.
 */
export const readReport = (argument: unknown): GenerationReport | null => {
  if (!isObject(argument)) return null;
  const { tool, model, text, range, lines } = argument;
  if (typeof tool !== "string" || !isName(tool, MAX_TOOL_CHARS)) return null;
  if (model !== undefined && model !== null && !(typeof model === "string" && isName(model, MAX_MODEL_CHARS)))
    return null;
  if (text !== undefined && (typeof text !== "string" || text.trim() === "")) return null;
  const where = range !== undefined ? readRange(range) : lines !== undefined ? readLines(lines) : TEXT_ALONE;
  if (where === null || (where.kind === "text" && text === undefined)) return null;
  return { tool, model: model ?? null, where, text: text ?? null };
};

const TEXT_ALONE = { kind: "text" } as const;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

const isName = (text: string, maxChars: number): boolean =>
  text !== "" && text.length <= maxChars && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text);

const isCount = (value: unknown, least: number): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= least && value <= MAX_LINE;

const readRange = (range: unknown): GenerationReport["where"] | null => {
  if (!isObject(range)) return null;
  const [start, end] = [readPosition(range["start"]), readPosition(range["end"])];
  if (start === null || end === null) return null;
  const isForward = start.line < end.line || (start.line === end.line && start.character <= end.character);
  return isForward ? { kind: "range", start, end } : null;
};

const readPosition = (position: unknown): Position | null => {
  if (!isObject(position)) return null;
  const { line, character } = position;
  return isCount(line, 0) && isCount(character, 0) ? { line, character } : null;
};

const readLines = (lines: unknown): GenerationReport["where"] | null => {
  const [first, last] = Array.isArray(lines)
    ? (lines as unknown[])
    : isObject(lines)
      ? [lines["first"], lines["last"]]
      : [];
  return isCount(first, 1) && isCount(last, first) ? { kind: "lines", first, last } : null;
};

/**
 * The stretch of a document that a report is about, in UTF-16 offsets; null when it is not there. A text that is
 * given has to stand at the place that is given, or, as when an edit came between, once elsewhere.
 */
export const locateReport = (report: GenerationReport, document: string): { start: number; end: number } | null => {
  const { where, text } = report;
  const place = where.kind === "text" ? null : stretchOf(where, document);
  if (text === null) return place !== null && place.end > place.start ? place : null;
  if (place !== null && document.startsWith(text, place.start)) {
    return { start: place.start, end: place.start + text.length };
  }
  const start = document.indexOf(text);
  const isOnlyOne = start !== -1 && document.indexOf(text, start + 1) === -1;
  return isOnlyOne ? { start, end: start + text.length } : null;
};

const stretchOf = (
  where: Exclude<GenerationReport["where"], { kind: "text" }>,
  document: string,
): { start: number; end: number } | null => {
  const starts = lineStarts(document);
  if (where.kind === "lines") {
    const start = starts[where.first - 1];
    if (start === undefined || where.last > starts.length) return null;
    return { start, end: starts[where.last] ?? document.length };
  }
  const offset = ({ line, character }: Position): number | null => {
    const start = starts[line];
    if (start === undefined) return null;
    return Math.min(start + character, starts[line + 1] ?? document.length);
  };
  const [start, end] = [offset(where.start), offset(where.end)];
  return start === null || end === null ? null : { start, end };
};

const lineStarts = (document: string): number[] => {
  const starts = [0];
  for (let at = document.indexOf("\n"); at !== -1; at = document.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
};
