import { replaceAcross, replaceFindings, type Finding } from "../../core/redaction/findings.ts";
import { withheldSizes, withoutText } from "../../core/capture-level.ts";
import type { EventKind, SuggestionContext } from "../../protocol/events.ts";
import type { PlaceKey } from "./place-key.ts";
import type { SecretScan } from "./secret-scan.ts";

/** Fields of an event, whatever its kind. */
export type Fields = Readonly<Record<string, unknown>>;

/** Longest texts that the protocol takes, characters: a placeholder may be longer than its secret. */
const MAX_PREFIX_CHARS = 16_384;
const MAX_TEXT_CHARS = 8_192;
const MAX_COMMENT_CHARS = 2_000;
/** Code around a text that says whether it is a secret, characters. */
const CONTEXT_CHARS = 400;

/** The event's fields without any text, for the level of outcomes. */
export function outcomeFields(kind: EventKind, fields: Fields, hidden: PlaceKey): Fields {
  const stripped = withoutText(fields, hidden);
  if (kind === "shown") {
    const { completion, context } = fields as unknown as { completion: string; context: SuggestionContext };
    return { ...stripped, withheld: withheldSizes(completion, context) };
  }
  if (kind === "typed-instead") return { ...stripped, withheldCharacters: String(fields["text"]).length };
  return stripped;
}

/**
 * The event's fields with every secret replaced. Texts that stand beside each other in the document are
 * looked at together, because a secret may begin in one and end in the next. `around` is the code before
 * and after a text that the developer wrote in a suggestion's place.
 */
export async function redactedFields(
  kind: EventKind,
  fields: Fields,
  around: { readonly prefix: string; readonly suffix: string } | null,
  scan: SecretScan,
): Promise<Fields> {
  if (kind === "shown") {
    const { completion, context } = fields as unknown as { completion: string; context: SuggestionContext };
    const [prefix = "", text = "", suffix = ""] = await across([context.prefix, completion, context.suffix], scan);
    const examples = [];
    for (const example of context.examples) {
      examples.push({ ...example, text: (await redacted(example.text, scan)).slice(0, MAX_TEXT_CHARS) });
    }
    return {
      ...fields,
      completion: text.slice(0, MAX_TEXT_CHARS),
      context: {
        ...context,
        prefix: prefix.slice(-MAX_PREFIX_CHARS),
        suffix: suffix.slice(0, MAX_TEXT_CHARS),
        examples,
      },
    };
  }
  if (kind === "typed-instead") {
    const before = around?.prefix.slice(-CONTEXT_CHARS) ?? "";
    const after = around?.suffix.slice(0, CONTEXT_CHARS) ?? "";
    const [, text = ""] = await across([before, String(fields["text"]), after], scan);
    return { ...fields, text: text.slice(0, MAX_TEXT_CHARS) };
  }
  return (await walk(fields, scan)) as Fields;
}

async function across(parts: readonly string[], scan: SecretScan): Promise<string[]> {
  const findings: readonly Finding[] = await scan(parts.join(""));
  return replaceAcross(parts, () => findings);
}

const redacted = async (text: string, scan: SecretScan): Promise<string> => replaceFindings(text, await scan(text));

/** Every text of a value, at whatever depth. */
async function walk(value: unknown, scan: SecretScan): Promise<unknown> {
  if (typeof value === "string") return (await redacted(value, scan)).slice(0, MAX_TEXT_CHARS);
  if (Array.isArray(value)) {
    const inner = [];
    for (const one of value) inner.push(await walk(one, scan));
    return inner;
  }
  if (typeof value === "object" && value !== null) {
    const entries: [string, unknown][] = [];
    for (const [key, field] of Object.entries(value)) {
      const clean = VERBATIM.has(key) ? field : await walk(field, scan);
      entries.push([key, key === "comment" ? String(clean).slice(0, MAX_COMMENT_CHARS) : clean]);
    }
    return Object.fromEntries(entries);
  }
  return value;
}

/** Identifiers and hashes: no text of a person, and they must stay what they are. */
const VERBATIM = new Set(["id", "base", "adapter", "commit", "suggestionId", "root", "path", "language"]);
