import { GENERIC_KIND, type Finding } from "./findings.ts";
import { looksRandom } from "./random-strings.ts";

/** Values that are given to a name which says that they are secret. */
export function findAssignedSecrets(text: string): Finding[] {
  return [...quotedValues(text), ...bareValues(text)];
}

const NAME =
  "pass(?:word|wd|phrase|code)?|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key|master[_-]?key|account[_-]?key|client[_-]?key[_-]?data|credential|auth[_-]?key|app[_-]?key|license[_-]?key|salt|dsn";

/** `password = "…"`, `"apiKey": '…'`, `secret: String = "…"`: a literal given to a name that says what it is. */
const QUOTED = new RegExp(
  `(?:${NAME})[A-Za-z0-9_]{0,20}["'\\]]{0,2}(?:[ \\t]{0,4}:[ \\t]{0,4}[A-Za-z&' ]{1,16})?[ \\t]{0,4}(?:[:=]{1,2}|=>|,|\\()[ \\t]{0,4}(["'\`])([^"'\`\\s]{8,256})\\1`,
  "gi",
);

function quotedValues(text: string): Finding[] {
  return [...text.matchAll(QUOTED)].flatMap((match) => {
    const value = match[2] ?? "";
    const end = match.index + match[0].length - 1;
    return isPlaceholder(value) ? [] : [{ start: end - value.length, end, kind: GENERIC_KIND }];
  });
}

/** `DB_PASSWORD=…` in a shell or an env file, `password: …` in YAML: only what no code would say. */
const BARE = new RegExp(
  `(?:${NAME})[A-Za-z0-9_]{0,20}[ \\t]{0,4}[:=][ \\t]{0,4}([A-Za-z0-9+/=_!@#%^&*~-]{12,256})(?=[\\s,;]|$)`,
  "gi",
);

function bareValues(text: string): Finding[] {
  return [...text.matchAll(BARE)].flatMap((match) => {
    const value = match[1] ?? "";
    const end = match.index + match[0].length;
    const isMixed = /\d/.test(value) && /[A-Za-z]/.test(value) && (/[!@#%^&*~+/]/.test(value) || looksRandom(value));
    return isPlaceholder(value) || !isMixed ? [] : [{ start: end - value.length, end, kind: GENERIC_KIND }];
  });
}

/** Values that a person writes where the secret will be put later, and plain words. */
function isPlaceholder(value: string): boolean {
  return (
    /^(?:<|\$\{|\$\(|%|\{\{|x{4,}|\*{4,}|your|my[-_]|example|changeme|placeholder|process\.env|os\.environ|https?:\/\/|\.{0,2}\/|#|--)/i.test(
      value,
    ) ||
    /^[A-Za-z]+(?:[-_. :/][A-Za-z]+)*$/.test(value) ||
    // A path, a template or an expression, not a value.
    /\$\{|\(\)|=>/.test(value)
  );
}
