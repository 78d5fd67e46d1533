import { GENERIC_KIND, type Finding } from "./findings.ts";

/** Quoted strings of a length and alphabet that keys have, and that no person or program spells. */
export function findRandomStrings(text: string): Finding[] {
  return [...text.matchAll(QUOTED)].flatMap((match) => {
    const value = match[2] ?? "";
    const start = match.index + 1;
    return looksRandom(value) && !isContentName(text.slice(Math.max(0, match.index - NAME_CHARS), match.index))
      ? [{ start, end: start + value.length, kind: GENERIC_KIND }]
      : [];
  });
}

const QUOTED = /(["'`])([A-Za-z0-9+/=_.~-]{24,256})\1/g;

/** Characters before a string that can name it. */
const NAME_CHARS = 40;
/** Names of what identifies content and opens nothing. */
const isContentName = (before: string): boolean =>
  /(?:integrity|checksum|digest|hash|sha\d{0,3}|md5|etag|fingerprint|commit|revision|mappings|nonce|uuid|guid|icon|image|font)["'\]]{0,2}\s{0,4}[:=(]{1,2}\s{0,4}$/i.test(
    before,
  );

/** Bits a character: English words and identifiers stay below, random base64 and hex above. */
const RANDOM_BITS_PER_CHAR = 3.8;
const RANDOM_HEX_BITS_PER_CHAR = 3.1;
/** Hexadecimal of exactly these lengths names content (MD5, git, SHA-2), it opens nothing. */
const HASH_LENGTHS = new Set([24, 32, 40, 56, 64, 96, 128]);

/** True for text that only a generator of random numbers writes; hashes, UUIDs and images are none. */
export function looksRandom(value: string): boolean {
  if (/^[0-9a-f]+$/i.test(value)) {
    const isOneCase = value === value.toLowerCase() || value === value.toUpperCase();
    if (isOneCase && (HASH_LENGTHS.has(value.length) || /^\d+$/.test(value))) return false;
    return shannonBits(value) >= RANDOM_HEX_BITS_PER_CHAR;
  }
  const hasDigits = /\d/.test(value);
  const hasBothCases = /[a-z]/.test(value) && /[A-Z]/.test(value);
  if (!hasDigits || !hasBothCases) return false;
  if (isContent(value) || isPathLike(value) || isWordy(value)) return false;
  return shannonBits(value) >= RANDOM_BITS_PER_CHAR;
}

/** Subresource hashes, and the first bytes of images, fonts, archives and programs in base64. */
function isContent(value: string): boolean {
  return /^(?:sha(?:1|256|384|512)-|iVBORw0KGgo|\/9j\/|R0lGOD|UklGR|PHN2Zy|PD94bWw|AAABAA|d09G|JVBERi|T1RUTw|AAEAAAA|SUkq|Qk0|UEsDB|H4sI|AGFzbQ|TVqQ|f0VMR|QVZJ|SUQz)/.test(
    value,
  );
}

/** Parts between slashes that are mostly words: a route or a file, not base64. */
function isPathLike(value: string): boolean {
  const parts = value.split(/[/.]/);
  const nWords = parts.filter((part) => /^[A-Z]?[a-z_-]{3,}$/.test(part)).length;
  return parts.length >= 3 && nWords * 2 >= parts.length;
}

/** Identifiers and names with dashes: most of their letters stand in runs that read like words. */
function isWordy(value: string): boolean {
  const inWords = (value.match(/[A-Z]?[a-z]{3,}|[A-Z]{4,}(?![a-z])/g) ?? []).filter(hasVowels).join("").length;
  return inWords >= value.length * WORDY_SHARE;
}

/** Share of characters in words: random base64 has a quarter, identifiers more than three quarters. */
const WORDY_SHARE = 0.6;
const hasVowels = (word: string): boolean => {
  const nVowels = word.match(/[aeiouy]/gi)?.length ?? 0;
  return nVowels > 0 && nVowels >= word.length / 5;
};

/** Shannon entropy of the character distribution, bits a character. */
function shannonBits(value: string): number {
  const counts = new Map<string, number>();
  for (const char of value) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length);
  return bits;
}
