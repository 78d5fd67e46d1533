import { fakeClock } from "./fake-clock.ts";
import { createCodePlaces } from "../../../extension/observe/code-places.ts";
import assert from "node:assert/strict";
import fc from "fast-check";

const DOCUMENT = "file:///a.ts";
const places = () => createCodePlaces(fakeClock(), () => {});

describe("code places", () => {
  it("move with edits above, and are found by offset", () => {
    const here = places();
    here.follow("one", DOCUMENT, { start: 10, end: 20 });
    here.changed(DOCUMENT, [{ offset: 0, deleted: 0, text: "12345" }]);
    assert.deepEqual(here.of("one")?.region, { start: 15, end: 25 });
    assert.equal(here.at(DOCUMENT, 25)?.suggestionId, "one");
    assert.equal(here.at(DOCUMENT, 26), null);
  });

  it("go when all of their code is deleted, as by an undo", () => {
    const here = places();
    here.follow("one", DOCUMENT, { start: 10, end: 20 });
    here.changed(DOCUMENT, [{ offset: 10, deleted: 10, text: "" }]);
    assert.equal(here.of("one"), null);
    assert.deepEqual(here.in(DOCUMENT), []);
  });

  it("come back with a redo, where their code went meanwhile", () => {
    const here = places();
    here.follow("one", DOCUMENT, { start: 10, end: 20 });
    here.changed(DOCUMENT, [{ offset: 10, deleted: 10, text: "" }]);
    here.changed(DOCUMENT, [{ offset: 0, deleted: 0, text: "12345" }]);
    here.changed(DOCUMENT, [{ offset: 15, deleted: 0, text: "0123456789" }]);
    here.restore("one");
    assert.deepEqual(here.of("one")?.region, { start: 15, end: 25 });
  });

  it("the newest goes first where two overlap, and a longer accept replaces a shorter one", () => {
    const here = places();
    here.follow("one", DOCUMENT, { start: 0, end: 5 });
    here.follow("two", DOCUMENT, { start: 3, end: 9 });
    here.follow("one", DOCUMENT, { start: 0, end: 7 });
    assert.deepEqual(
      here.in(DOCUMENT).map(({ suggestionId }) => suggestionId),
      ["one", "two"],
    );
    assert.equal(here.at(DOCUMENT, 4)?.suggestionId, "one");
  });

  it("tell of code that came or went, not of code that moved", async () => {
    let nTold = 0;
    const clock = fakeClock();
    const here = createCodePlaces(clock, () => (nTold += 1));
    here.follow("one", DOCUMENT, { start: 10, end: 20 });
    here.changed(DOCUMENT, [{ offset: 0, deleted: 0, text: "12345" }]);
    await clock.pass(1_000);
    assert.equal(nTold, 1);
    here.changed(DOCUMENT, [{ offset: 10, deleted: 20, text: "" }]);
    await clock.pass(1_000);
    assert.equal(nTold, 2);
    assert.equal(clock.timers, 0);
  });

  it("are right at every moment, however many edits have come since they were asked for", () => {
    const one = places();
    const other = places();
    for (const here of [one, other])
      for (let n = 0; n < 5; n += 1) here.follow(`${n}`, DOCUMENT, { start: n * 100, end: n * 100 + 50 });
    for (let n = 0; n < 500; n += 1) {
      const change = { offset: (n * 37) % 500, deleted: n % 3, text: "ab".repeat(n % 2) };
      for (const here of [one, other]) here.changed(DOCUMENT, [change]);
      other.in(DOCUMENT);
    }
    assert.deepEqual(one.in(DOCUMENT), other.in(DOCUMENT));
  });

  it("are forgotten with their document", () => {
    const here = places();
    here.follow("one", DOCUMENT, { start: 0, end: 5 });
    here.closed(DOCUMENT);
    assert.deepEqual(here.in(DOCUMENT), []);
  });

  it("cover the same text after any edits outside of it", () => {
    const code = "KEPT_CODE";
    const edit = fc.record({
      isBefore: fc.boolean(),
      at: fc.nat(),
      deleted: fc.nat(5),
      text: fc.string({ maxLength: 8 }),
    });
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.array(edit, { maxLength: 20 }), (before, after, edits) => {
        const here = places();
        let [head, tail] = [before, after];
        here.follow("one", DOCUMENT, { start: head.length, end: head.length + code.length });
        for (const { isBefore, at, deleted, text } of edits) {
          const side = isBefore ? head : tail;
          // Right behind the code somebody goes on typing; right before it something is put in front.
          const offset = side.length === 0 ? 0 : at % side.length;
          const nDeleted = Math.min(deleted, side.length - offset);
          const changed = side.slice(0, offset) + text + side.slice(offset + nDeleted);
          here.changed(DOCUMENT, [
            { offset: isBefore ? offset : head.length + code.length + offset, deleted: nDeleted, text },
          ]);
          if (isBefore) head = changed;
          else tail = changed;
        }
        const region = here.of("one")!.region;
        assert.equal((head + code + tail).slice(region.start, region.end), code);
      }),
    );
  });
});
