import { countSignificantTokens } from "./survival/tokens.ts";

/**
 * What may be recorded of a workspace folder: nothing; what became of suggestions, without any text; or
 * that and the code around them. In this order, so that the lower of two is the stricter.
 */
export const CAPTURE_LEVELS = ["off", "outcomes", "code"] as const;
export type CaptureLevel = (typeof CAPTURE_LEVELS)[number];

/** The stricter of two levels. */
export const stricterLevel = (left: CaptureLevel, right: CaptureLevel): CaptureLevel =>
  CAPTURE_LEVELS.indexOf(left) <= CAPTURE_LEVELS.indexOf(right) ? left : right;

/** Sizes that stand for the texts of a suggestion which was recorded without them. */
export interface WithheldText {
  /** Significant tokens, characters and lines of the completion. */
  readonly tokens: number;
  readonly characters: number;
  readonly lines: number;
  readonly prefixCharacters: number;
  readonly suffixCharacters: number;
  readonly examples: number;
}

/** The sizes of what a `shown` event would have said. */
export const withheldSizes = (
  completion: string,
  context: { readonly prefix: string; readonly suffix: string; readonly examples: readonly unknown[] },
): WithheldText => ({
  tokens: countSignificantTokens(completion),
  characters: completion.length,
  lines: completion === "" ? 0 : completion.split("\n").length,
  prefixCharacters: context.prefix.length,
  suffixCharacters: context.suffix.length,
  examples: context.examples.length,
});

/**
 * Takes every text out of what an event says, at whatever depth: numbers, truth values and the words of
 * closed lists stay, places become what `hidden` makes of them, and all else becomes empty. What this
 * does not know is text: a field that is added to the events later is withheld until it is listed here.
 */
export function withoutText<T>(value: T, hidden: (place: string) => string): T {
  return strip(value, null, hidden) as T;
}

function strip(value: unknown, key: string | null, hidden: (place: string) => string): unknown {
  if (typeof value === "string") {
    if (key !== null && CLOSED_WORDS.has(key)) return value;
    return key !== null && PLACES.has(key) && value !== "" ? hidden(value) : "";
  }
  // Lists hold texts, or objects made of them: only their number could stay, and `withheld` has it.
  if (Array.isArray(value)) return value.every((inner) => typeof inner === "number") ? value : [];
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([inner]) => !FREE_TEXT.has(inner))
        .map(([inner, field]) => [inner, POSITIONS.has(inner) ? 0 : strip(field, inner, hidden)]),
    );
  }
  return value;
}

/** Fields with words of closed lists, and hashes and names of model versions. */
const CLOSED_WORDS = new Set([
  "kind",
  "language",
  "source",
  "verdict",
  "reason",
  "place",
  "cause",
  "censored",
  "evidence",
  "base",
  "adapter",
  "channel",
  "state",
  "unit",
  "trigger",
  "severity",
]);
/** Fields that say where: a keyed hash keeps what belongs together together, and says nothing else. */
const PLACES = new Set(["root", "path", "commit", "folder", "file"]);
/** Where in a file: no text, but it points at some. */
const POSITIONS = new Set(["line", "column"]);
/** Optional texts: left out rather than empty. */
const FREE_TEXT = new Set(["comment", "message", "code"]);
