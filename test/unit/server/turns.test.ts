import assert from "node:assert/strict";
import { createTurns } from "../../../server/http/turns.ts";

describe("turns", () => {
  it("are so many at once, in the order of coming, and each is given back once", async () => {
    const turns = createTurns(2);
    const began: number[] = [];
    const held: Disposable[] = [];
    const come = (n: number) =>
      turns.take().then((turn) => {
        began.push(n);
        held.push(turn);
      });
    const all = [1, 2, 3, 4].map(come);
    await Promise.all(all.slice(0, 2));
    assert.deepEqual(began, [1, 2]);
    held[1]![Symbol.dispose]();
    held[1]![Symbol.dispose]();
    await all[2];
    assert.deepEqual(began, [1, 2, 3]);
    held[0]![Symbol.dispose]();
    await all[3];
    assert.deepEqual(began, [1, 2, 3, 4]);
    for (const turn of held) turn[Symbol.dispose]();
    // All are free again: two at once, and no more.
    const late = [5, 6, 7].map(come);
    await Promise.all(late.slice(0, 2));
    assert.deepEqual(began.slice(4), [5, 6]);
    held.at(-1)![Symbol.dispose]();
    await late[2];
  });
});
