import { findRandomStrings } from "./redaction/random-strings.ts";
import { mergeFindings, replaceFindings, type Finding } from "./redaction/findings.ts";
import { findAssignedSecrets } from "./redaction/assignments.ts";
import { findTokenShapes } from "./redaction/token-shapes.ts";

/**
 * Replaces what looks like a credential by a typed placeholder such as `<github-token>`. Token formats
 * of known issuers are matched exactly; values given to secret-looking names and long strings of high
 * entropy by rule. Length and line structure may change; the text around a secret does not.
 */
export function redactSecrets(text: string): string {
  return replaceFindings(text, findSecrets(text));
}

/** The places of what looks like a credential, in order, without overlaps. Offsets in UTF-16 units. */
export function findSecrets(text: string): readonly Finding[] {
  if (text.length < SHORTEST_SECRET) return [];
  return mergeFindings([...findTokenShapes(text), ...findAssignedSecrets(text), ...findRandomStrings(text)]);
}

const SHORTEST_SECRET = 8;
