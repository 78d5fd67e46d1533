/** A credential in a text: UTF-16 offsets, the end exclusive, and what it is, as in `github-token`. */
export interface Finding {
  readonly start: number;
  readonly end: number;
  readonly kind: string;
}

/** Kind of a finding that no issuer's format names. */
export const GENERIC_KIND = "secret";

/** In order and without overlaps: what touches becomes one, under the name of the first that has a type. */
export function mergeFindings(findings: readonly Finding[]): Finding[] {
  const merged: Finding[] = [];
  for (const finding of [...findings].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = merged.at(-1);
    if (!last || finding.start >= last.end) {
      merged.push(finding);
      continue;
    }
    const kind = last.kind === GENERIC_KIND ? finding.kind : last.kind;
    merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, finding.end), kind };
  }
  return merged;
}

/** The text with every finding replaced by `<kind>`. `findings` are in order, without overlaps. */
export function replaceFindings(text: string, findings: readonly Finding[]): string {
  let replaced = "";
  let at = 0;
  for (const { start, end, kind } of findings) {
    replaced += `${text.slice(at, start)}<${kind}>`;
    at = end;
  }
  return replaced + text.slice(at);
}

/**
 * Texts that follow each other in a document, each redacted by what was found in all of them together: a
 * secret that begins in one and ends in the next goes from both.
 */
export function replaceAcross(parts: readonly string[], find: (text: string) => readonly Finding[]): string[] {
  const findings = find(parts.join(""));
  let offset = 0;
  return parts.map((part) => {
    const from = offset;
    offset += part.length;
    const inPart = findings
      .filter(({ start, end }) => start < offset && end > from)
      .map(({ start, end, kind }) => ({
        start: Math.max(0, start - from),
        end: Math.min(part.length, end - from),
        kind,
      }));
    return replaceFindings(part, inPart);
  });
}
