/** Escapes of git's C-style quoting with one letter behind the backslash. */
const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, "\\": 92 };

/**
 * A path as git prints it, `"…"` with C escapes when it holds quotes, backslashes or control characters,
 * plain otherwise. Bytes that are no UTF-8 become U+FFFD, as everywhere in Node.
 */
export const unquotePath = (printed: string): string => {
  if (!printed.startsWith('"') || !printed.endsWith('"') || printed.length < 2) return printed;
  const bytes: Buffer[] = [];
  const inner = printed.slice(1, -1);
  for (const match of inner.matchAll(/\\([0-7]{3})|\\(.)|[^\\]+/gs)) {
    const [all, octal, letter] = match;
    if (octal !== undefined) bytes.push(Buffer.of(Number.parseInt(octal, 8) & 0xff));
    else if (letter !== undefined) bytes.push(Buffer.of(ESCAPES[letter] ?? letter.charCodeAt(0)));
    else bytes.push(Buffer.from(all, "utf8"));
  }
  return Buffer.concat(bytes).toString("utf8");
};
