import { createCodeMemory, MAX_MATCH, MIN_MATCH } from "../../../engine/generate/code-memory.ts";
import assert from "node:assert/strict";
import fc from "fast-check";

/** Every place of the runs, the newest first, by looking at all of them. */
function slowMatches(runs: readonly (readonly number[])[], recent: readonly number[]) {
  const found: { next: number; length: number }[] = [];
  for (const run of runs) {
    for (let at = MIN_MATCH; at < run.length; at++) {
      let length = 0;
      while (
        length < MAX_MATCH &&
        length < at &&
        length < recent.length &&
        run[at - 1 - length] === recent.at(-1 - length)
      )
        length++;
      if (length >= MIN_MATCH) found.push({ next: run[at]!, length });
    }
  }
  return found.reverse();
}

const runsOf = fc.array(fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 20 }), { maxLength: 5 });

describe("code memory", () => {
  it("finds what looking everywhere finds, whatever was removed and replaced", () => {
    const change = fc.record({ id: fc.constantFrom("a", "b", "c"), run: fc.option(runsOf.map((runs) => runs.flat())) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), runsOf, (changes, [recent = []]) => {
        const memory = createCodeMemory();
        const held = new Map<string, readonly number[]>();
        for (const { id, run } of changes) {
          held.delete(id);
          if (run === null) memory.remove(id);
          else {
            held.set(id, run);
            memory.add(id, run);
          }
        }
        assert.deepEqual(memory.matches(recent), slowMatches([...held.values()], recent));
      }),
    );
  });

  it("packs itself when most of what it holds was removed, and grows", () => {
    const memory = createCodeMemory();
    const run = Array.from({ length: 50_000 }, (_, i) => i % 40_000);
    for (let round = 0; round < 6; round++) memory.add(`run ${round % 2}`, [...run, round]);
    assert.equal(memory.size, 2 * (run.length + 2));
    assert.deepEqual(memory.matches(run.slice(-3)).slice(0, 2), [
      { next: 5, length: 3 },
      { next: run[10_000]!, length: 3 },
    ]);
  });

  it("says nothing for fewer tokens than it looks up", () => {
    const memory = createCodeMemory();
    memory.add("a", [1, 2, 3, 4]);
    assert.deepEqual(memory.matches([2, 3]), []);
    assert.deepEqual(memory.matches([1, 2, 3]), [{ next: 4, length: 3 }]);
  });
});
