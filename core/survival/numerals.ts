/**
 * Where a number that begins at `start` ends: `1_000`, `.5`, `5.`, `1.5e-7`, `0xFF`, `10n`, `1.5em`, and versions such
 * as `1.20.3`. The whole word is taken, so no number ends inside one. What is behind a dot of a word (`pair.0`) is read
 * without its dot.
 */
export const numeralEnd = (text: string, start: number): number => {
  let end = start;
  /** Whether nothing but digits and dots was met. */
  let isPlain = true;
  let nDots = 0;
  for (;;) {
    const from = end;
    while (end < text.length && isDigit(text.charCodeAt(end))) end += 1;
    const digits = end;
    end = wordEnd(text, end);
    if (end > digits) {
      const isExponent = isPlain && nDots < 2 && (text.charCodeAt(end - 1) | 32) === LETTER_E;
      if (isExponent && isGrouped(text, from, end - 1) && isSigned(text, end)) return wordEnd(text, end + 1);
      isPlain = isPlain && isGrouped(text, from, end);
    }
    if (!isPlain || text.charCodeAt(end) !== DOT) return end;
    const next = text.charCodeAt(end + 1);
    if (isDigit(next)) {
      nDots += 1;
      end += 1;
    } else return nDots === 0 && end > start ? trailingDot(text, end) : end;
  }
};

/** Whether a number begins here: a digit that no word holds, or a dot before one that joins nothing. */
export const isNumeralStart = (text: string, at: number): boolean => {
  const code = text.charCodeAt(at);
  if (code !== DOT) return isDigit(code);
  return isDigit(text.charCodeAt(at + 1)) && (at === 0 || !isDotted(text, at - 1));
};

/**
 * What a number is compared by: the same for all ways to write one value in one base, so that `.50em`, `0.5em` and
 * `0.5EM` are one number, and `1e3`, `1_000` and `1000.0` another. No two values share a key. A version, a number with
 * zeros in front, and one that holds letters which are neither exponent nor unit is compared as it is written.
 */
export const numeralKey = (written: string): string => {
  if (PLAIN.test(written)) return written;
  if (BASED.test(written)) return written.toLowerCase();
  const { whole = "", part = "", exponent = "0", unit = "" } = DECIMAL.exec(written)?.groups ?? {};
  if (whole + part === "" || WITH_ZEROS.test(whole) || exponent.length > MAX_EXPONENT_CHARS) return written;
  const suffix = UNITS.has(unit.toLowerCase()) ? unit.toLowerCase() : unit;
  return valueKey(whole.replaceAll("_", ""), part.replaceAll("_", ""), Number(exponent.replaceAll("_", ""))) + suffix;
};

const valueKey = (whole: string, part: string, exponent: number): string => {
  const written = (whole + part).replace(/^0+/, "");
  const digits = written.replace(/0+$/, "");
  if (digits === "") return "0";
  /** The value is `digits` times ten to this power. */
  const power = exponent - part.length + written.length - digits.length;
  if (power >= 0 && digits.length + power <= MAX_PLAIN_DIGITS) return digits + "0".repeat(power);
  if (power >= 0 || -power > MAX_PLAIN_DIGITS) return `${digits}e${power}`;
  const point = digits.length + power;
  return point > 0 ? `${digits.slice(0, point)}.${digits.slice(point)}` : `0.${"0".repeat(-point)}${digits}`;
};

/** As most are written, and as they are compared. */
const PLAIN = /^(?:0|[1-9]\d{0,15})$/;
const BASED = /^0(?:x[\da-f_]+|o[0-7_]+|b[01_]+)n?$/i;
const DECIMAL =
  /^(?<whole>(?:\d[\d_]*)?)(?:\.(?<part>(?:\d[\d_]*)?))?(?:e(?<exponent>[+-]?\d[\d_]*))?(?<unit>[\p{L}_$]*)$/iu;
const WITH_ZEROS = /^0[\d_]/;
/** A larger exponent is no number's that somebody computes with. */
const MAX_EXPONENT_CHARS = 6;
/** Numbers of more digits are compared by digits and exponent. */
const MAX_PLAIN_DIGITS = 40;
/** Units of CSS, whose case does not matter. */
const UNITS: ReadonlySet<string> = new Set(
  (
    "em rem ex rex cap rcap ch rch ic ric lh rlh vw svw lvw dvw vh svh lvh dvh vi svi lvi dvi vb svb lvb dvb " +
    "vmin svmin lvmin dvmin vmax svmax lvmax dvmax cm mm q in pt pc px deg grad rad turn s ms hz khz dpi dpcm dppx x " +
    "cqw cqh cqi cqb cqmin cqmax fr"
  ).split(" "),
);

const DOT = 0x2e;
const LETTER_E = 0x65;

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

/** Digits in groups, as in `1_000`. */
const isGrouped = (text: string, from: number, end: number): boolean => {
  for (let at = from; at < end; at += 1)
    if (!isDigit(text.charCodeAt(at)) && text.charCodeAt(at) !== UNDERSCORE) return false;
  return end > from;
};
const UNDERSCORE = 0x5f;

const isSigned = (text: string, at: number): boolean => {
  const sign = text.charCodeAt(at);
  return (sign === 0x2b || sign === 0x2d) && isDigit(text.charCodeAt(at + 1));
};

/** `5.` and `5.e3` are numbers, and so is the first part of `5..toFixed()`; in `5.max()` and `0..n` the dot is none's. */
const trailingDot = (text: string, end: number): number => {
  const next = end + 1;
  if (text.charCodeAt(next) === DOT) return LETTER.test(text.charAt(next + 1)) ? next : end;
  if (!isWordAt(text, next)) return next;
  EXPONENT.lastIndex = next;
  return EXPONENT.test(text) ? wordEnd(text, EXPONENT.lastIndex) : end;
};
const LETTER = /[\p{L}_$]/u;
/** Stateful. */
const EXPONENT = /e[+-]?\d/iy;

const isDotted = (text: string, at: number): boolean => text.charCodeAt(at) === DOT || endsInWord(text, at);

/** Stateful. */
const WORD = /[\p{L}\p{N}_$]+/uy;

const wordEnd = (text: string, start: number): number => {
  let end = start;
  while (end < text.length && IS_WORD[text.charCodeAt(end)] === 1) end += 1;
  if (end === text.length || text.charCodeAt(end) < 128) return end;
  WORD.lastIndex = end;
  return WORD.test(text) ? wordEnd(text, WORD.lastIndex) : end;
};

const isWordAt = (text: string, at: number): boolean => wordEnd(text, at) > at;

/** Whether a letter or digit ends at a place, which may be the second half of a pair of surrogates. */
const endsInWord = (text: string, at: number): boolean => {
  const code = text.charCodeAt(at);
  if (code < 128) return IS_WORD[code] === 1;
  return ENDS_IN_WORD.test(text.slice(Math.max(0, at - 1), at + 1));
};
const ENDS_IN_WORD = /[\p{L}\p{N}_$]$/u;

const IS_WORD = Uint8Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9_$]/.test(String.fromCharCode(code)) ? 1 : 0,
);
