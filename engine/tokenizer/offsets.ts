/** Where a token lies in its text: UTF-16 code units, from `start` up to `end`. */
export type TokenRange = readonly [start: number, end: number];

/**
 * Ranges of tokens, given how many bytes each of them stands for in the UTF-8 form of the text. They
 * cover the text without gap or overlap: a character whose bytes are spread over tokens belongs to the
 * last of them, and a lone surrogate counts as the three bytes of U+FFFD that it is encoded as. Null when
 * the bytes are not those of the text, as with a tokenizer that rewrites it.
 */
export function tokenRanges(text: string, tokenBytes: readonly number[], form: "as is" | "NFC"): TokenRange[] | null {
  const ends = form === "NFC" ? composedEnds(text) : characterEnds(text, 0, 0);
  const ranges: TokenRange[] = [];
  let bytes = 0;
  let at = 0;
  let start = 0;
  for (const count of tokenBytes) {
    bytes += count;
    let end = start;
    while (at < ends.length && ends[at]!.byte <= bytes) end = ends[at++]!.unit;
    ranges.push([start, end]);
    start = end;
  }
  return bytes === (ends.at(-1)?.byte ?? 0) && start === text.length ? ranges : null;
}

/** Where a character of the encoded text ends: in its bytes, and in the code units of the source. */
interface CharacterEnd {
  readonly byte: number;
  readonly unit: number;
}

function characterEnds(text: string, firstByte: number, firstUnit: number): CharacterEnd[] {
  let byte = firstByte;
  let unit = firstUnit;
  return Array.from(text, (character) => {
    byte += utf8Bytes(character.codePointAt(0)!);
    unit += character.length;
    return { byte, unit };
  });
}

const utf8Bytes = (codePoint: number): number =>
  codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x1_0000 ? 3 : 4;

/** Canonical composition never crosses the border of a user-perceived character. */
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Character ends of the text's NFC form; what composition changed ends as one. */
function composedEnds(text: string): CharacterEnd[] {
  if (text.normalize("NFC") === text) return characterEnds(text, 0, 0);
  const ends: CharacterEnd[] = [];
  for (const { segment, index } of graphemes.segment(text)) {
    const composed = segment.normalize("NFC");
    const kept = commonStart(segment, composed);
    ends.push(...characterEnds(kept, ends.at(-1)?.byte ?? 0, index));
    const firstByte = ends.at(-1)?.byte ?? 0;
    const changed = characterEnds(composed.slice(kept.length), firstByte, 0).at(-1);
    if (changed) ends.push({ byte: changed.byte, unit: index + segment.length });
  }
  return ends;
}

/** The characters that two texts begin with together. */
function commonStart(one: string, other: string): string {
  let length = 0;
  for (const character of one) {
    if (!other.startsWith(character, length)) break;
    length += character.length;
  }
  return one.slice(0, length);
}
