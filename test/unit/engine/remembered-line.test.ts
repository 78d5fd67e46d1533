import { NO_DOUBT, type Decoded } from "../../../engine/generate/decode.ts";
import { LINE_FEATURES } from "../../../engine/generate/line-choice.ts";
import type { FoundText } from "../../../engine/generate/line-options.ts";
import { rememberedLine } from "../../../engine/generate/remembered-line.ts";
import type { FoundLine } from "../../../engine/retrieve/line-index.ts";
import assert from "node:assert/strict";
import fc from "fast-check";

const LIKELY = 0;
const SHARE = 19;

/** Weights of which only the named features count. */
const weights = (only: Readonly<Record<number, number>>): number[] =>
  Array.from({ length: LINE_FEATURES }, (_, i) => only[i] ?? 0);

const foundText = (text: string, fields: Partial<FoundLine> = {}): FoundText => {
  const none = { likeAbove: 0, likeAboveThat: 0, isSameAbove: false, isSameFile: false, isRenamed: false };
  const line = { ...none, rest: text, nPlaces: 1, share: 0, rank: 0, rankByVotes: 0, id: `of ${text}`, ...fields };
  return { text, remembered: line, visible: null, isNear: true };
};

const writtenText = (text: string): Decoded => ({
  text,
  finish: "stop",
  ids: [],
  logProbability: 0,
  doubt: NO_DOUBT,
});

/** Each character is a token; its probability stands in the table. Says what was read. */
function choice(found: readonly FoundText[], written: string, table: Readonly<Record<string, number>>) {
  const read: string[] = [];
  const characterOf = (id: number) => table[String.fromCodePoint(id)] ?? -1;
  return {
    read,
    choose: (all: readonly number[], signal = new AbortController().signal) =>
      rememberedLine({
        request: { prefix: "above\n", suffix: "" },
        written: writtenText(written),
        found,
        reading: {
          score: (ids) => {
            read.push(String.fromCodePoint(...ids));
            return Promise.resolve(ids.map(characterOf));
          },
          scoreFirst: characterOf,
        },
        encode: (text) => Array.from(text, (character) => character.codePointAt(0)!),
        weights: all,
        signal,
      }),
  };
}

describe("a remembered line", () => {
  it("is offered where it scores higher than what was written, and says where it is from", async () => {
    const { choose } = choice([foundText("ab")], "xy", { x: -2, y: -2, a: -1, b: -1 });
    const line = await choose(weights({ [LIKELY]: 1 }));
    assert.deepEqual([line?.text, line?.logProbability, line?.copiedFrom], ["ab", -2, "of ab"]);
    assert.equal(await choose(weights({ [LIKELY]: -1 })), null);
  });

  it("is not read where its first token alone makes it worse", async () => {
    const { choose, read } = choice([foundText("ab"), foundText("cd")], "xy", { x: -1, y: -1, a: -3, c: -0.5 });
    assert.equal((await choose(weights({ [LIKELY]: 1 })))?.text, "cd");
    assert.deepEqual(read, ["xy", "cd"]);
  });

  it("is none when the signal has ended it, or there is nothing but what was written", async () => {
    assert.equal(await choice([foundText("ab")], "xy", {}).choose(weights({}), AbortSignal.abort()), null);
    const { choose, read } = choice([foundText("xy")], "xy", {});
    assert.equal(await choose(weights({ [LIKELY]: 1 })), null);
    assert.deepEqual(read, []);
  });

  it("is the same as if every line were read", async () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c", "d"), minLength: 1, maxLength: 4 });
    const weight = fc.integer({ min: -4, max: 8 });
    const probability = fc.integer({ min: -6, max: -1 });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.record({ text, share: fc.integer({ min: 0, max: 4 }) }), {
          selector: (one) => one.text,
          maxLength: 5,
        }),
        text,
        fc.record({ a: probability, b: probability, c: probability, d: probability }),
        weight,
        weight,
        async (lines, written, table, likely, share) => {
          const found = lines.map((one) => foundText(one.text, { share: one.share }));
          const line = await choice(found, written, table).choose(weights({ [LIKELY]: likely, [SHARE]: share }));
          const scoreOf = (of: string) =>
            likely * Array.from(of).reduce((sum, character) => sum + table[character as "a"], 0) +
            share * (lines.find((one) => one.text === of)?.share ?? 0);
          const best = Math.max(...[written, ...lines.map((one) => one.text)].map(scoreOf));
          assert.equal(scoreOf(line?.text ?? written), best);
        },
      ),
    );
  });
});
