import assert from "node:assert/strict";
import fc from "fast-check";
import { createGramIndex } from "../../../core/survival/gram-index.ts";
import { gramKey, GRAM_TOKENS, indexGrams, nextGramKey } from "../../../core/survival/gram-positions.ts";
import { indexText } from "../../../core/survival/text-grams.ts";

/** Few different tokens, so that groups come again; some negative ones, which stand for no token. */
const ids = (maxLength: number): fc.Arbitrary<Int32Array> =>
  fc.array(fc.integer({ min: -1, max: 3 }), { maxLength }).map((list) => Int32Array.from(list));
const known = (maxLength: number): fc.Arbitrary<Int32Array> =>
  fc.array(fc.integer({ min: 0, max: 3 }), { maxLength }).map((list) => Int32Array.from(list));

/** Places of one group that the index lists. */
const MAX_LISTED = 64;

const gramAt = (list: Int32Array, at: number): string => list.slice(at, at + GRAM_TOKENS).join(" ");
const nGrams = (list: Int32Array): number => Math.max(0, list.length - GRAM_TOKENS + 1);

describe("tables of groups of four tokens", () => {
  it("give the places of each group, the earliest first, up to the limit", () => {
    fc.assert(
      fc.property(known(60), fc.integer({ min: 1, max: 5 }), (list, limit) => {
        const positions = indexGrams(list, limit);
        for (let at = 0; at < nGrams(list); at += 1) {
          const expected: number[] = [];
          for (let other = 0; other < nGrams(list); other += 1)
            if (gramAt(list, other) === gramAt(list, at)) expected.push(other);
          const found: number[] = [];
          for (let next = positions.first(gramKey(list, at)); next !== -1; next = positions.next(next))
            found.push(next);
          assert.deepEqual(found, expected.slice(0, limit));
        }
      }),
    );
  });

  it("roll a key from one place to the next", () => {
    fc.assert(
      fc.property(fc.int32Array({ minLength: GRAM_TOKENS + 1, maxLength: 30 }), (list) => {
        let key = gramKey(list, 0);
        for (let at = 1; at < nGrams(list); at += 1) {
          key = nextGramKey(key, list, at);
          assert.equal(key, gramKey(list, at));
        }
      }),
    );
  });

  it("know whether a text holds a group at a free place", () => {
    fc.assert(
      fc.property(ids(60), ids(12), fc.func(fc.boolean()), (text, wanted, isTaken) => {
        const taken = Uint8Array.from(text, (_, at) => (isTaken(at) ? 1 : 0));
        const isThere = (at: number, place: number): boolean =>
          [0, 1, 2, 3].every(
            (k) => wanted[at + k]! >= 0 && wanted[at + k] === text[place + k] && taken[place + k] === 0,
          );
        let expected = false;
        for (let at = 0; at < nGrams(wanted); at += 1)
          for (let place = 0; place < nGrams(text); place += 1) expected ||= isThere(at, place);
        assert.equal(indexText(text).hasAny(wanted, taken), expected);
      }),
    );
  });

  it("find the wanted snippets that hold a group, while their tables grow", () => {
    const rare = fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 4, maxLength: 40 });
    const snippets = fc.array(rare, { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(snippets, fc.nat(), (lists, salt) => {
        const index = createGramIndex();
        for (const [number, list] of lists.entries())
          index.add(number, Int32Array.from(list), new Uint16Array(list.length).fill(5));
        const isWanted = Uint8Array.from(lists, (_, number) => ((number + salt) % 3 === 0 ? 0 : 1));
        const [asked = []] = lists;
        const text = Int32Array.from([-1, ...asked, -1]);
        const isHere = Uint8Array.from(text, (_, at) => ((at + salt) % 5 === 0 ? 0 : 1));
        const found: string[] = [];
        index.find(text, isHere, isWanted, (at, snippet, token) => found.push(`${at} ${snippet} ${token}`));
        const expected: string[] = [];
        for (let at = 1; at + GRAM_TOKENS < text.length; at += 1) {
          const places = lists.flatMap((list, snippet) =>
            Array.from({ length: nGrams(Int32Array.from(list)) }, (_, token) => ({ snippet, token })).filter(
              ({ token }) => gramAt(Int32Array.from(list), token) === gramAt(text, at),
            ),
          );
          // What so many hold tells nobody from the others: only the first places are listed.
          for (const { snippet, token } of places.slice(0, MAX_LISTED))
            if (isHere[at] === 1 && isWanted[snippet] === 1) expected.push(`${at} ${snippet} ${token}`);
        }
        assert.deepEqual(found, expected);
        const snippetsFound = new Set(found.map((one) => Number(one.split(" ")[1])));
        for (const round of [1, 2])
          assert.deepEqual(index.findSnippets(text, isHere, isWanted), [...snippetsFound], `round ${round}`);
      }),
      { numRuns: 20 },
    );
  });
});
