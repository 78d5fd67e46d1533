import { findSecrets } from "../redaction.ts";
import { replaceAcross } from "./findings.ts";

/** A place in code: what stands before the cursor, what is written there, and what follows. */
export interface RedactedPlace {
  readonly prefix: string;
  readonly written: string;
  readonly suffix: string;
}

/**
 * The three texts with every secret replaced. They are looked at as the one text that they are: what makes a
 * value a secret, such as the name it is given to, often stands before the cursor.
 */
export const redactPlace = ({ prefix, written, suffix }: RedactedPlace): RedactedPlace => {
  const [before = "", text = "", after = ""] = replaceAcross([prefix, written, suffix], findSecrets);
  return { prefix: before, written: text, suffix: after };
};
