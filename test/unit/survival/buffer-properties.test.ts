import { openBuffer, type BufferDocument } from "./buffer-document.ts";
import { placesInVersion } from "../../../core/survival/saved-buffer.ts";
import { significantTokens, strictTokens } from "../../../core/survival/tokens.ts";
import { diffWithin } from "../../../tracker/sequence-diff.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import { format } from "oxfmt";

/** Words that occur once: what is found is never another copy. */
const line = (from: number): string =>
  `const word${from} = load${from}("name${from}", count${from} + ${from}).value${from};\n`;
const lines = (from: number, count: number): string =>
  Array.from({ length: count }, (_, at) => line(from + at)).join("");

interface Edit {
  readonly at: number;
  readonly deleted: number;
  readonly text: string;
}

/** Where, how much and what; places are fractions of the text as it is then. */
const edits = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    deleted: fc.nat({ max: 60 }),
    text: fc.oneof(
      fc.constantFrom("", " ", "\n", ";\n", "x", "word1", "// a remark\n"),
      fc.integer({ min: 0, max: 40 }).map(line),
    ),
  }),
  { maxLength: 12 },
);

const apply = (file: BufferDocument, { at, deleted, text }: Edit): void => {
  const offset = Math.floor(at * file.text.length);
  file.edit([{ offset, deleted: Math.min(deleted, file.text.length - offset), text }]);
};

/**
 * Whether a line stands in the text as it is, and nothing else of it does: what is left of a line and a copy of it
 * elsewhere may share its tokens. A letter typed right before or behind it makes another word of it.
 */
const standsIn = (text: string, code: string): boolean => {
  if (code.match(/[a-z]+\d+/g)?.some((word) => countWord(text, word) !== countWord(code, word))) return false;
  for (let at = text.indexOf(code); at !== -1; at = text.indexOf(code, at + 1))
    if (!/[\w$]/.test(text[at - 1] ?? " ") && !/[\w$]/.test(text[at + code.length] ?? " ")) return true;
  return false;
};

const countWord = (text: string, word: string): number => text.split(new RegExp(`${word}(?!\\d)`)).length - 1;

/** Two snippets of four lines, one accepted under the other. */
const twoSnippets = (same: boolean): BufferDocument => {
  const file = openBuffer(lines(0, 10));
  file.accept("s", lines(0, 3).length, lines(20, 4));
  file.accept("t", lines(0, 3).length + lines(20, 4).length, lines(same ? 20 : 30, 4));
  return file;
};

describe("properties of the buffer follower", () => {
  it("P1: fractions are between 0 and 1, the strict one never above, and 1 right after the accept", () => {
    fc.assert(
      fc.property(edits, (all) => {
        const file = twoSnippets(false);
        assert.equal(file.tokens("s"), 1);
        assert.equal(file.tokens("t"), 1);
        for (const edit of all) {
          apply(file, edit);
          file.look();
          for (const id of ["s", "t"]) {
            const measure = file.follower.measure(id);
            assert.ok(measure);
            for (const value of Object.values(measure) as number[]) assert.ok(value >= 0 && value <= 1, String(value));
            assert.ok(measure.strictTokens <= measure.tokens);
          }
        }
      }),
    );
  });

  it("P4: finds no token whose word is gone, and every line that is there", () => {
    fc.assert(
      fc.property(edits, fc.array(fc.boolean(), { maxLength: 12 }), (all, looks) => {
        const file = twoSnippets(false);
        for (const [idx, edit] of all.entries()) {
          apply(file, edit);
          if (looks[idx] === true) file.look();
        }
        file.look();
        const current = new Set(strictTokens(file.text));
        for (const { text, intervals } of file.follower.places()) {
          const tokens = significantTokens(text);
          const owned = intervals.reduce((sum, { nTokens }) => sum + nTokens, 0);
          const nThere = tokens.filter((token) => current.has(token)).length;
          assert.ok(owned <= nThere, `${owned} of ${tokens.length} found, ${nThere} are there`);
          const whole = text.split("\n").filter((one) => one !== "" && standsIn(file.text, one));
          const least = whole.reduce((sum, one) => sum + significantTokens(one).length, 0);
          assert.ok(owned >= least, `${owned} of ${tokens.length} found, ${least} stand in whole lines`);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("P6: any style of a formatter keeps every measure of tokens at exactly 1", async () => {
    const style = fc.record({
      printWidth: fc.constantFrom(20, 40, 80, 200),
      tabWidth: fc.constantFrom(1, 2, 4, 8),
      useTabs: fc.boolean(),
      semi: fc.boolean(),
      singleQuote: fc.boolean(),
      bracketSpacing: fc.boolean(),
      trailingComma: fc.constantFrom("all" as const, "es5" as const, "none" as const),
      arrowParens: fc.constantFrom("always" as const, "avoid" as const),
      endOfLine: fc.constantFrom("lf" as const, "crlf" as const),
    });
    const code = (await format("file.ts", CODE)).code;
    await fc.assert(
      fc.asyncProperty(style, style, fc.nat(), fc.nat(), async (first, second, from, length) => {
        const all = code.split("\n");
        const start = from % all.length;
        const snippet = all.slice(start, start + 1 + (length % (all.length - start))).join("\n");
        const before = all
          .slice(0, start)
          .map((one) => `${one}\n`)
          .join("");
        const file = openBuffer(before + code.slice(before.length + snippet.length));
        file.accept("s", before.length, snippet);
        for (const options of [first, second]) {
          const formatted = (await format("file.ts", file.text, options)).code;
          file.edit([{ offset: 0, deleted: file.text.length, text: formatted }]);
          file.look();
          const measure = file.follower.measure("s");
          assert.equal(measure?.tokens, 1);
          assert.equal(measure?.fourGrams, 1);
        }
        assert.deepEqual(file.facts, []);
      }),
      { numRuns: 60 },
    );
  });

  it("P7: white space, line ends and a byte order mark change nothing", () => {
    const blanks = fc.array(
      fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(" ", "\n", "\t", "\r\n", "\n\n   ")),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(blanks, fc.boolean(), (all, isReplaced) => {
        const file = twoSnippets(false);
        for (const [at, blank] of all) {
          // Only between tokens: inside one it would be two.
          const gaps = [...file.text.matchAll(/\s|[;()]/g)].map(({ index }) => index);
          file.edit([{ offset: gaps[Math.floor(at * (gaps.length - 1))] as number, deleted: 0, text: blank }]);
        }
        if (isReplaced) {
          const text = `\ufeff${file.text.replaceAll("\n", "\r\n")}`;
          file.edit([{ offset: 0, deleted: file.text.length, text }]);
        }
        assert.equal(file.tokens("s"), 1);
        assert.equal(file.tokens("t"), 1);
        assert.deepEqual(file.facts, []);
      }),
    );
  });

  it("P8: a snippet that is moved whole is whole", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean(), (to, isLooked) => {
        const file = openBuffer(lines(0, 30));
        const code = lines(40, 5);
        file.accept("s", lines(0, 10).length, code);
        file.replace(code, "");
        if (isLooked) assert.equal(file.tokens(), 0);
        const breaks = [0, ...[...file.text.matchAll(/\n/g)].map(({ index }) => index + 1)];
        file.edit([{ offset: breaks[Math.floor(to * (breaks.length - 1))] as number, deleted: 0, text: code }]);
        assert.equal(file.tokens(), 1);
      }),
    );
  });

  it("P11: undoing everything and redoing it leaves every fraction as it was", () => {
    fc.assert(
      fc.property(edits, fc.boolean(), fc.array(fc.boolean(), { maxLength: 6 }), (all, same, looks) => {
        const file = twoSnippets(same);
        for (const edit of all) apply(file, edit);
        const before = ["s", "t"].map((id) => file.tokens(id));
        const text = file.text;
        for (let at = 0; at < all.length; at += 1) {
          file.undo();
          if (looks[at] === true) file.look();
        }
        // Back at the accept: both are whole.
        assert.deepEqual(
          ["s", "t"].map((id) => file.tokens(id)),
          [1, 1],
        );
        for (let at = 0; at < all.length; at += 1) {
          file.redo();
          if (looks[at] === true) file.look();
        }
        assert.equal(file.text, text);
        assert.deepEqual(
          ["s", "t"].map((id) => file.tokens(id)),
          before,
        );
      }),
    );
  });

  it("P12: no place belongs to two tokens, also of two equal snippets", () => {
    fc.assert(
      fc.property(edits, fc.boolean(), (all, same) => {
        const file = twoSnippets(same);
        for (const edit of all) {
          apply(file, edit);
          file.look();
          const owned = file.follower
            .places()
            .flatMap(({ intervals }) => intervals)
            .sort((a, b) => a.start - b.start);
          for (let at = 1; at < owned.length; at += 1)
            assert.ok(owned[at]!.start >= owned[at - 1]!.end, JSON.stringify(owned));
          for (const { suggestionId, intervals } of file.follower.places()) {
            const tokens = intervals.flatMap(({ token, nTokens }) =>
              Array.from({ length: nTokens }, (_, k) => token + k),
            );
            assert.equal(new Set(tokens).size, tokens.length, suggestionId);
          }
        }
      }),
    );
  });

  it("looking often and looking once agree about untouched and removed code", () => {
    fc.assert(
      fc.property(edits, (all) => {
        const often = twoSnippets(false);
        const once = twoSnippets(false);
        for (const edit of all) {
          apply(often, edit);
          often.look();
          apply(once, edit);
        }
        for (const id of ["s", "t"]) {
          const seen = often.tokens(id);
          const late = once.tokens(id);
          if (late === 1) assert.equal(seen, 1);
        }
      }),
    );
  });

  it("a saved text is found in any later version of the file that holds it", () => {
    fc.assert(
      fc.property(fc.nat({ max: 10 }), fc.nat({ max: 10 }), fc.boolean(), (above, below, isIndented) => {
        const file = twoSnippets(false);
        file.look();
        const saved = { text: file.text, places: file.follower.places() };
        const body = isIndented ? file.text.replaceAll(/^/gm, "    ") : file.text;
        const version = lines(50, above) + body + lines(70, below);
        const found = placesInVersion(saved, version, (before, after) => diffWithin(before, after, 60_000));
        assert.equal(found.length, 2);
        for (const { text, intervals } of found) {
          const [first] = intervals;
          assert.equal(intervals.length, 1);
          assert.ok(version.slice(first!.start).startsWith("const"), text);
        }
      }),
    );
  });
});

const CODE = `import { a, b as c } from "./a.ts";
type Shade = "dark" | "light" | { readonly name: string; readonly rest: readonly number[] };
export const table: Record<string, Shade> = { "a-b": "dark", other: "light", third: { name: 'it\\'s "x"', rest: [1, 2, 3] } };
export async function* walk<T>(items: readonly T[], visit: (item: T) => Promise<void>): AsyncGenerator<T, void, undefined> {
  for (const item of items) {
    if (item === undefined || (await visit(item)) !== undefined) continue;
    const text = \`\${String(item)} of \${items.length}\`;
    try { yield item; } catch (error) { console.error(text, error instanceof Error ? error.message : String(error)); }
  }
}
export class Point { constructor(readonly x = 0, readonly y = 0) {} get length() { return Math.hypot(this.x, this.y); } }
const pick = (x) => (x ? a(x, (y) => y * 2) : c.filter((one) => one.length > 3).map(({ name, ...rest }) => [name, rest]));
label: while (true) { switch (pick(1)) { case 1: break label; default: if (a) b2(); else if (c) { d(); } } }
`;
