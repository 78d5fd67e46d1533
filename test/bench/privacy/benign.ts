import { createHash } from "node:crypto";

/** Numbers in [0, 1). */
type Random = () => number;

const HEX = "0123456789abcdef";
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const WORDS =
  "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua enim ad minim veniam quis nostrud exercitation".split(
    " ",
  );
const NAMES =
  "get set user account order item index render update handler token secret password key value event parse".split(" ");
/** First bytes of PNG, JPEG, GIF, WebP, SVG and WOFF2 in base64. */
const FILE_HEADS = [
  "iVBORw0KGgoAAAANSUhEUg",
  "/9j/4AAQSkZJRgABAQ",
  "R0lGODlhAQABAIAAAP",
  "UklGRh4AAABXRUJQ",
  "PHN2ZyB4bWxucz",
  "d09GMgABAAAAA",
];

interface Draw {
  text(alphabet: string, length: number): string;
  pick<T>(values: readonly T[]): T;
  below(n: number): number;
}
const hash = (draw: Draw, algorithm: string, encoding: "hex" | "base64") =>
  createHash(algorithm).update(draw.text(HEX, 16)).digest(encoding);
const capital = (word: string) => word[0]!.toUpperCase() + word.slice(1);
const identifier = (draw: Draw) =>
  draw.pick(NAMES) + Array.from({ length: 1 + draw.below(4) }, () => capital(draw.pick(NAMES))).join("");

/** Text of great entropy, or with the words of secrets, that opens nothing. */
const KINDS: readonly ((draw: Draw) => string)[] = [
  (d) => `commit ${hash(d, "sha1", "hex")}\n`,
  (d) => `const base = "${hash(d, "sha1", "hex")}";`,
  (d) => `"sha256": "${hash(d, "sha256", "hex")}",`,
  (d) => `const digest = '${hash(d, "md5", "hex")}';`,
  (d) => `const checksum = "${hash(d, "sha512", "hex")}";`,
  (d) => `  integrity sha512-${hash(d, "sha512", "base64")}\n`,
  (d) => `"integrity": "sha512-${hash(d, "sha512", "base64")}",`,
  (d) => `<script src="a.js" integrity="sha384-${hash(d, "sha384", "base64")}"></script>`,
  (d) => `id: "${uuid(d)}"`,
  (d) => `const requestId = '${uuid(d).toUpperCase()}';`,
  (d) => `background: url(data:image/png;base64,iVBORw0KGgo${d.text(BASE64, 120 + d.below(400))});`,
  (d) => `const icon = "data:image/svg+xml;base64,PHN2Zy${d.text(BASE64, 150)}";`,
  (d) => `const pixel = "${d.pick(FILE_HEADS)}${d.text(BASE64, 60 + d.below(120))}";`,
  (d) => minified(d),
  (d) => `// ${Array.from({ length: 12 }, () => d.pick(WORDS)).join(" ")}\n`,
  (d) => `const ${identifier(d)} = ${identifier(d)}(${identifier(d)}, "${d.pick(WORDS)} ${d.pick(WORDS)}");`,
  (d) => `const token = await ${identifier(d)}();\nconst password = process.env.${identifier(d).toUpperCase()};`,
  (d) => `import { ${identifier(d)} } from "../${d.pick(WORDS)}/${identifier(d)}/${d.pick(WORDS)}.ts";`,
  (d) => `https://example.com/${d.pick(WORDS)}/${d.below(9999)}/${d.pick(WORDS)}-${d.pick(WORDS)}?page=${d.below(99)}`,
  (d) => `expect(result).toBe("${identifier(d)}${capital(identifier(d))}WithSeveralWords${d.below(99)}");`,
  (d) => `color: #${d.text(HEX, 6)}; transform: matrix(0.${d.below(99999)}, 0.${d.below(99999)});`,
  (d) => `password: string; secretKey?: Buffer; tokenCount = ${d.below(9999)};`,
  (d) => `const ADDRESS = 0x${d.text(HEX, 16)}n; const MASK = 0b1010101010101010;`,
  (d) =>
    `"node_modules/@scope/${d.pick(WORDS)}-${d.pick(WORDS)}": { "version": "${d.below(9)}.${d.below(99)}.${d.below(9)}" },`,
];

function uuid(d: Draw): string {
  const part = (length: number) => d.text(HEX, length);
  return `${part(8)}-${part(4)}-4${part(3)}-a${part(3)}-${part(12)}`;
}

function minified(d: Draw): string {
  const letter = () => d.text("abcdefghijklmnop", 1);
  return Array.from(
    { length: 8 },
    () =>
      `var ${letter()}${letter()}=function(${letter()},${letter()}){return ${letter()}[${d.below(999)}]||"${letter()}${d.below(9)}"};`,
  ).join("");
}

/** `n` texts that have to stay as they are, the kinds in turn. */
export function benignTexts(n: number, random: Random): string[] {
  const below = (limit: number) => Math.floor(random() * limit);
  const draw: Draw = {
    below,
    text: (alphabet, length) => Array.from({ length }, () => alphabet[below(alphabet.length)]).join(""),
    pick: (values) => values[below(values.length)]!,
  };
  return Array.from({ length: n }, (_, i) => KINDS[i % KINDS.length]!(draw));
}
