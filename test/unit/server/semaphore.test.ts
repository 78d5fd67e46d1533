import assert from "node:assert/strict";
import { createSemaphore } from "../../../server/http/semaphore.ts";

describe("a semaphore", () => {
  it("lets so many in at once, in the order of coming, and takes each back once", async () => {
    const semaphore = createSemaphore(2);
    const began: number[] = [];
    const held: Disposable[] = [];
    const come = (n: number) =>
      semaphore.acquire().then((permit) => {
        began.push(n);
        held.push(permit);
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
    for (const permit of held) permit[Symbol.dispose]();
    // All are free again: two at once, and no more.
    const late = [5, 6, 7].map(come);
    await Promise.all(late.slice(0, 2));
    assert.deepEqual(began.slice(4), [5, 6]);
    held.at(-1)![Symbol.dispose]();
    await late[2];
  });
});
