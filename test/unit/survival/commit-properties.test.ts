import assert from "node:assert/strict";
import fc from "fast-check";
import { commitLine, type Tree } from "../../support/survival/commit-line.ts";

/** Words of nine letters or more each, none of which occurs twice. */
const words = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}Word${at}x`);

const WORDS_PER_LINE = 5;
const linesOf = (all: readonly string[]): string[] =>
  Array.from(
    { length: Math.ceil(all.length / WORDS_PER_LINE) },
    (_, at) => `${all.slice(at * WORDS_PER_LINE, (at + 1) * WORDS_PER_LINE).join(" + ")};`,
  );

const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

const SNIPPET = linesOf(words("kept", 30));
const ABOVE = linesOf(words("above", 40));
const BELOW = linesOf(words("below", 40));
const OTHER = linesOf(words("other", 60));
const TREE: Tree = { "src/a.ts": textOf([...ABOVE, ...BELOW]), "lib/b.ts": textOf(OTHER) };
const WITH_SNIPPET: Tree = { ...TREE, "src/a.ts": textOf([...ABOVE, ...SNIPPET, ...BELOW]) };

const accepted = () => {
  const line = commitLine(TREE, [{ file: "src/a.ts", text: textOf(SNIPPET) }]);
  line.commit(WITH_SNIPPET);
  assert.equal(line.tok(), 1);
  return line;
};

/** What stands between two tokens that are words: blank, or the end of a line and the next one's indentation. */
const gap = fc.constantFrom(" ", "  ", "\t", "\n", "\n    ", "\n\n\t\t", "\r\n", "  \r\n  ", " \n", "\u200b ");
const respaced = (text: string) =>
  fc.tuple(fc.array(gap, { minLength: 40, maxLength: 40 }), fc.boolean()).map(([gaps, hasMark]) => {
    let next = 0;
    const spaced = text.replace(/\s+/g, () => gaps[(next++ * 7) % gaps.length] as string);
    return `${hasMark ? "\ufeff" : ""}${spaced.trimEnd()}\n`;
  });

describe("properties of the commit step", () => {
  it("P5 text without four tokens of a snippet in a row retains nothing, whatever stood before", () => {
    const own = words("kept", 30);
    const foreign = words("strange", 12);
    /** At most three of the snippet's tokens in a row. */
    const strange = fc
      .array(
        fc.tuple(fc.nat(own.length - 1), fc.integer({ min: 1, max: 2 }), fc.nat(foreign.length - 1), fc.boolean()),
        { minLength: 1, maxLength: 30 },
      )
      .map((parts) =>
        textOf(
          parts.map(([from, count, other, isBroken]) => {
            const held = own.slice(from, from + count).join(" + ");
            return `${held}${isBroken ? "\n" : " "}${foreign[other]}`;
          }),
        ),
      );
    fc.assert(
      fc.property(fc.array(strange, { minLength: 1, maxLength: 4 }), fc.boolean(), (texts, hasStood) => {
        const line = hasStood ? accepted() : commitLine(TREE, [{ file: "src/a.ts", text: textOf(SNIPPET) }]);
        for (const [at, text] of texts.entries()) {
          line.commit({ "src/a.ts": textOf([...ABOVE, text, ...BELOW]), [`src/new${at}.ts`]: text });
          assert.deepEqual([line.tok(), line.files()], [0, []]);
        }
      }),
    );
  });

  it("P7 blanks, ends of lines and byte order marks change nothing", () => {
    const text = WITH_SNIPPET["src/a.ts"] as string;
    fc.assert(
      fc.property(fc.array(respaced(text), { minLength: 1, maxLength: 4 }), (versions) => {
        const line = accepted();
        for (const version of versions) {
          line.commit({ ...TREE, "src/a.ts": version });
          assert.equal(line.tok(), 1);
        }
      }),
    );
  });

  it("P7 code that is written with other blanks in the commit that brings it is found whole", () => {
    fc.assert(
      fc.property(respaced(textOf(SNIPPET)), (text) => {
        const line = commitLine(TREE, [{ file: "src/a.ts", text: textOf(SNIPPET) }]);
        line.commit({ ...TREE, "src/a.ts": textOf(ABOVE) + text + textOf(BELOW) });
        assert.equal(line.tok(), 1);
      }),
    );
  });

  it("loses no bar of a union where the shown lines of a change begin with it", () => {
    const members = ["Accept", "Rename", "Buffer", "Save", "Head", "Snap", "Loss", "Gain", "Dormant", "Censor"];
    const union = members.map((name) => `  | ${name}Record`);
    const file = (own: readonly string[]): Tree => ({ "src/a.ts": textOf([...ABOVE, "type Any =", ...own, ...BELOW]) });
    const line = commitLine(TREE, [{ file: "src/a.ts", text: textOf(union.slice(1)) }]);
    line.commit(file(union));
    line.commit(file(union.with(6, "  | LostRecord")));
    const nTokens = 2 * (members.length - 1) - 1;
    assert.equal(line.tok(), (nTokens - 1) / nTokens);
  });

  it("P8 another path, folder, place or indentation changes nothing", () => {
    const move = fc.record({
      path: fc.constantFrom("src/a.ts", "src/z.ts", "app/deep/c.ts", "lib/b.ts"),
      /** Lines of the file's other code that stand before it. */
      at: fc.nat(ABOVE.length),
      indent: fc.constantFrom("", "  ", "\t\t"),
      isRename: fc.boolean(),
      /** Whether the code that it stood in comes along. */
      isWithCompany: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(move, { minLength: 1, maxLength: 5 }), (moves) => {
        const line = accepted();
        let home = "src/a.ts";
        for (const { path, at, indent, isRename, isWithCompany } of moves) {
          const code = SNIPPET.map((one) => indent + one);
          const company = [...ABOVE.slice(0, at), ...code, ...ABOVE.slice(at), ...BELOW];
          const tree: Tree = isWithCompany
            ? { "lib/b.ts": textOf(OTHER), [path]: textOf(company) }
            : { ...TREE, [path]: textOf([...OTHER.slice(0, at), ...code, ...OTHER.slice(at)]) };
          const isGone = !(home in tree);
          line.commit(tree, isRename && isGone ? { [path]: home } : {});
          assert.deepEqual([line.tok(), line.files()], [1, [path]]);
          home = path;
        }
      }),
    );
  });

  it("P11, P13 what a commit took comes back with its revert, and only with it", () => {
    const taken = fc.uniqueArray(fc.nat(SNIPPET.length - 1), { minLength: 1, maxLength: SNIPPET.length });
    fc.assert(
      fc.property(fc.array(taken, { minLength: 1, maxLength: 4 }), (cuts) => {
        const line = accepted();
        const states = [{ lines: SNIPPET, tok: 1 }];
        for (const cut of cuts) {
          const lines = SNIPPET.filter((one, at) => (states.at(-1)?.lines.includes(one) ?? false) && !cut.includes(at));
          line.commit({ ...TREE, "src/a.ts": textOf([...ABOVE, ...lines, ...BELOW]) });
          assert.ok(line.tok() <= (states.at(-1)?.tok ?? 0));
          states.push({ lines, tok: line.tok() });
          // A commit about something else brings nothing back.
          line.commit({
            ...TREE,
            "src/a.ts": textOf([...ABOVE, ...lines, ...BELOW]),
            "lib/b.ts": textOf(OTHER.slice(1)),
          });
          assert.equal(line.tok(), states.at(-1)?.tok);
        }
        for (const { lines, tok } of states.toReversed()) {
          line.commit({ ...TREE, "src/a.ts": textOf([...ABOVE, ...lines, ...BELOW]) });
          assert.equal(line.tok(), tok);
        }
      }),
    );
  });

  it("P12 no place belongs to two snippets, however alike they are", () => {
    const copies = fc.array(fc.nat(ABOVE.length), { minLength: 0, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(copies, { minLength: 1, maxLength: 4 }), (steps) => {
        const text = textOf(SNIPPET);
        const twins = commitLine(TREE, [
          { file: "src/a.ts", text },
          { file: "src/a.ts", text },
        ]);
        for (const places of steps) {
          const lines = ABOVE.flatMap((line, at) => [
            ...places.filter((place) => place === at).flatMap(() => SNIPPET),
            line,
          ]);
          twins.commit({ ...TREE, "src/a.ts": textOf(lines) });
          const held = twins.heldPlaces();
          assert.equal(new Set(held).size, held.length);
          const nCopies = places.filter((place) => place < ABOVE.length).length;
          assert.ok(twins.tok(0) + twins.tok(1) <= nCopies + 1e-9);
        }
      }),
    );
  });
});
