import assert from "node:assert/strict";
import fc from "fast-check";
import { mostElsewhere, mostReturned } from "../../../core/survival/lost-tokens.ts";
import { maximalRuns, type TokenRun } from "../../../core/survival/maximal-runs.ts";
import { MIN_RUN_TOKENS } from "../../../core/survival/token-runs.ts";

/** Few different tokens, so that groups come again; some places of the text hold none, and of the code some stand. */
const text = fc.array(fc.integer({ min: -1, max: 4 }), { maxLength: 120 });
const code = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 16 });

const isSame = (from: Int32Array, to: Int32Array, at: number, place: number): boolean =>
  at >= 0 && at < from.length && from[at]! >= 0 && from[at] === to[place];

describe("what is looked up of lost code", () => {
  it("is found in runs that cannot be lengthened, longest first, then earliest", () => {
    fc.assert(
      fc.property(text, code, fc.nat(15), (all, own, hole) => {
        const [from, to] = [Int32Array.from(own), Int32Array.from(all)];
        if (hole < from.length / 2) from[hole] = -2;
        const expected: TokenRun[] = [];
        for (let place = 0; place < to.length; place += 1) {
          for (let at = 0; at < from.length; at += 1) {
            if (isSame(from, to, at - 1, place - 1)) continue;
            let length = 0;
            while (isSame(from, to, at + length, place + length)) length += 1;
            if (length >= MIN_RUN_TOKENS) expected.push({ from: at, to: place, length });
          }
        }
        expected.sort((left, right) => right.length - left.length || left.to - right.to || left.from - right.from);
        assert.deepEqual(maximalRuns(from, to), expected);
      }),
    );
  });

  it("is never more in a text where it never stood than its rarest tokens allow", () => {
    const token = fc.record({
      id: fc.integer({ min: 0, max: 40 }),
      size: fc.integer({ min: 0, max: 60 }),
      loss: fc.constantFrom(0, 1, 2, 3, 0xffff),
    });
    fc.assert(
      fc.property(
        fc.array(token, { minLength: 4, maxLength: 30 }),
        fc.array(fc.boolean()),
        fc.boolean(),
        (own, has, isDead) => {
          const ids = Int32Array.from(own, ({ id }) => id);
          const sizes = Uint16Array.from(own, ({ size }) => size);
          const lost = Uint16Array.from(own, ({ loss }) => loss);
          const nAlive = isDead ? 0 : own.filter(({ loss }) => loss === 0).length;
          const sought = ids.map((id, at) => (nAlive > 0 && lost[at] === 0 ? -2 : id));
          const isInText = Uint8Array.from({ length: 41 }, (_, id) => (has[id] === true ? 1 : 0));
          const most = mostReturned({ lost, sizes, isHome: false }, sought, isInText);
          assert.ok(mostElsewhere(0, lost, { ids, sizes }, nAlive, isInText) >= most);
        },
      ),
    );
  });
});
