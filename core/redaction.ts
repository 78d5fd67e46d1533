import { findRandomStrings } from "./redaction/random-strings.ts";
import { mergeFindings, replaceFindings, type Finding } from "./redaction/findings.ts";
import { findAssignedSecrets } from "./redaction/assignments.ts";
import { TOKEN_FINDERS } from "./redaction/token-shapes.ts";

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
  return mergeFindings(SECRET_FINDERS.flatMap((find) => find(text)));
}

/** Each looks for one kind. All of them together take milliseconds on a long text: one that must not wait pauses between. */
export const SECRET_FINDERS: readonly ((text: string) => Finding[])[] = [
  ...TOKEN_FINDERS,
  findAssignedSecrets,
  findRandomStrings,
];
