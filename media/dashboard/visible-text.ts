import { html, type TemplateResult } from "lit";

/** A run of characters that is shown as it is, or as escapes. */
export interface TextSegment {
  readonly kind: "plain" | "escaped";
  readonly text: string;
}

/** Characters of one text that the page shows; a page of them stays responsive. */
export const MAX_SHOWN_CHARS = 20_000;

/**
 * Characters that would hide, reorder or fake text: controls but tab and line feed, the bidirectional
 * formatting set (Boucher & Anderson 2021), zero-width characters, invisible fillers, tag characters,
 * variation selectors that carry hidden bytes, and lone surrogates.
 */
const HIDDEN =
  /(?:[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e01ef}]|\p{Cs})+/gu;

/** Splits `text` where hidden characters begin and end; escapes read `\u{202e}`. CRLF counts as a line feed. */
export function textSegments(text: string): TextSegment[] {
  const segments: TextSegment[] = [];
  const lines = text.replaceAll("\r\n", "\n");
  let end = 0;
  for (const match of lines.matchAll(HIDDEN)) {
    if (match.index > end) segments.push({ kind: "plain", text: lines.slice(end, match.index) });
    segments.push({ kind: "escaped", text: Array.from(match[0], escapeOf).join("") });
    end = match.index + match[0].length;
  }
  if (end < lines.length) segments.push({ kind: "plain", text: lines.slice(end) });
  return segments;
}

/** The escape of one character: `\u{1b}`. */
function escapeOf(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** `text` with hidden characters as escapes, for attributes and labels. */
export function visibleString(text: string): string {
  return textSegments(text)
    .map((segment) => segment.text)
    .join("");
}

/** `text` as text nodes, never as markup; hidden characters as marked escapes; the rest of a long text is counted. */
export function visibleText(text: string, maxChars = MAX_SHOWN_CHARS): TemplateResult {
  const shown = text.length > maxChars ? text.slice(0, maxChars) : text;
  const more = text.length - shown.length;
  return html`${textSegments(shown).map((segment) =>
    segment.kind === "plain"
      ? segment.text
      : html`<span class="escape" title="Hidden characters, shown as escapes">${segment.text}</span>`,
  )}${more > 0 ? html`<span class="more-text"> … ${more.toLocaleString("en")} more characters</span>` : ""}`;
}

/** The last `maxChars` of `text`, for what stands before a cursor. */
export function visibleTail(text: string, maxChars: number): TemplateResult {
  const more = text.length - maxChars;
  if (more <= 0) return visibleText(text, maxChars);
  return html`<span class="more-text">… ${more.toLocaleString("en")} characters before</span> ${visibleText(
      text.slice(-maxChars),
      maxChars,
    )}`;
}

/** First non-blank line of `text`, at most `maxChars`, for a table cell. */
export function firstLine(text: string, maxChars: number): string {
  const line =
    text
      .slice(0, 4 * maxChars)
      .split("\n")
      .find((candidate) => candidate.trim() !== "") ?? "";
  const trimmed = line.trim();
  return trimmed.length > maxChars ? `${trimmed.slice(0, maxChars - 1)}…` : trimmed;
}
