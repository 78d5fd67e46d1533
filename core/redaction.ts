/**
 * First-pass secret redaction: replaces what looks like a credential by a typed placeholder, before
 * text is written anywhere. Well-known token shapes are matched exactly; assignments to secret-looking
 * names and long high-entropy strings are matched by rule. Length and line structure may change; the
 * text around a secret does not.
 */
export function redactSecrets(text: string): string {
  if (text.length < SHORTEST_SECRET) return text;
  let redacted = text;
  for (const { kind, pattern } of KNOWN_SHAPES) redacted = redacted.replace(pattern, `<${kind}>`);
  redacted = redacted.replace(ASSIGNMENT, (whole, head: string, quote: string, value: string) =>
    isPlaceholder(value) ? whole : `${head}${quote}<secret>${quote}`,
  );
  return redacted.replace(LONG_STRING, (whole, quote: string, value: string) =>
    looksRandom(value) ? `${quote}<secret>${quote}` : whole,
  );
}

const SHORTEST_SECRET = 8;

/** Published token formats of well-known issuers. */
const KNOWN_SHAPES: readonly { readonly kind: string; readonly pattern: RegExp }[] = [
  {
    kind: "private-key",
    pattern:
      /-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----[\s\S]{1,8000}?(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|$)/g,
  },
  { kind: "aws-key", pattern: /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b/g },
  { kind: "github-token", pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{40,255})/g },
  { kind: "gitlab-token", pattern: /\bgl(?:pat|ptt|dt|rt|cbt)-[A-Za-z0-9_-]{20,}/g },
  { kind: "openai-key", pattern: /\bsk-(?:proj-|svcacct-|ant-|or-v1-)?[A-Za-z0-9_-]{20,}/g },
  { kind: "slack-token", pattern: /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/g },
  { kind: "slack-webhook", pattern: /https:\/\/hooks\.slack\.com\/(?:services|workflows)\/[A-Za-z0-9/_-]{20,}/g },
  { kind: "stripe-key", pattern: /\b[spr]k_(?:live|test)_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9]{24,}/g },
  { kind: "google-key", pattern: /\bAIza[A-Za-z0-9_-]{35}|\bGOCSPX-[A-Za-z0-9_-]{20,}|\bya29\.[A-Za-z0-9_-]{20,}/g },
  { kind: "npm-token", pattern: /\bnpm_[A-Za-z0-9]{36}\b/g },
  { kind: "pypi-token", pattern: /\bpypi-[A-Za-z0-9_-]{50,}/g },
  { kind: "huggingface-token", pattern: /\bhf_[A-Za-z0-9]{30,}\b/g },
  { kind: "sendgrid-key", pattern: /\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}/g },
  { kind: "twilio-key", pattern: /\b(?:SK|AC)[0-9a-f]{32}\b/g },
  { kind: "digitalocean-token", pattern: /\bdo[opr]_v1_[0-9a-f]{64}\b/g },
  { kind: "shopify-token", pattern: /\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b/g },
  { kind: "telegram-token", pattern: /\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b/g },
  { kind: "jwt", pattern: /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]+)?/g },
  { kind: "credentials", pattern: /(?<=\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:@/'"]{0,64}:)[^\s@/'"]{3,128}(?=@)/gi },
];

/** `password = "…"`, `apiKey: '…'`, `TOKEN="…"`: a literal given to a name that says what it is. */
const ASSIGNMENT =
  /((?:pass(?:word|wd|phrase)|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|auth[_-]?key)[A-Za-z0-9_]{0,20}["']?\s{0,4}[:=]{1,2}\s{0,4})(["'`])([^"'`\s]{8,256})\2/gi;

/** Quoted strings of a length and alphabet that keys have. */
const LONG_STRING = /(["'`])([A-Za-z0-9+/=_-]{28,256})\1/g;

/** Values that a person writes where the secret will be put later. */
function isPlaceholder(value: string): boolean {
  return (
    /^(?:<|\$\{|%|\{\{|x{4,}|\*{4,}|your|example|changeme|placeholder|process\.env)/i.test(value) ||
    /^[a-z]+(?:[-_. ][a-z]+)*$/.test(value)
  );
}

/** Bits a character: English words and identifiers stay below, random base64 and hex above. */
const RANDOM_BITS_PER_CHAR = 4.1;
const RANDOM_HEX_BITS_PER_CHAR = 3.3;
/** Lower-case hexadecimal of exactly these lengths names content (git, SHA-256), it opens nothing. */
const HASH_LENGTHS = new Set([32, 40, 64]);

function looksRandom(value: string): boolean {
  if (/^[0-9a-f]+$/.test(value) && HASH_LENGTHS.has(value.length)) return false;
  if (/^[0-9a-fA-F]+$/.test(value)) return shannonBits(value) >= RANDOM_HEX_BITS_PER_CHAR;
  const hasDigits = /\d/.test(value);
  const hasBothCases = /[a-z]/.test(value) && /[A-Z]/.test(value);
  if (!hasDigits || !hasBothCases || isPathLike(value)) return false;
  return shannonBits(value) >= RANDOM_BITS_PER_CHAR;
}

/** Parts between slashes that are mostly words: a route or a file, not base64. */
function isPathLike(value: string): boolean {
  const parts = value.split("/");
  const nWords = parts.filter((part) => /^[A-Z]?[a-z_-]{3,}$/.test(part)).length;
  return parts.length >= 3 && nWords * 2 >= parts.length;
}

/** Shannon entropy of the character distribution, bits a character. */
function shannonBits(value: string): number {
  const counts = new Map<string, number>();
  for (const char of value) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length);
  return bits;
}
