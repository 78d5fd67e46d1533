import assert from "node:assert/strict";
import fc from "fast-check";
import { shiftRegion, shiftRegionByAll } from "../../../core/lifecycle/region.ts";

/** `document` marks the region with [ ]; after the change the region must hold exactly `inside`. */
function check(
  name: string,
  document: string,
  change: { at: number; deleted?: number; text?: string },
  inside: string,
  atEnd: "grow" | "keep" = "keep",
) {
  it(name, () => {
    const start = document.indexOf("[");
    const end = document.indexOf("]") - 1;
    const text = document.replace("[", "").replace("]", "");
    const edit = { offset: change.at, deleted: change.deleted ?? 0, text: change.text ?? "" };
    const after = text.slice(0, edit.offset) + edit.text + text.slice(edit.offset + edit.deleted);
    const region = shiftRegion({ start, end }, edit, atEnd);
    assert.equal(after.slice(region.start, region.end), inside);
  });
}

describe("region", () => {
  check("moves with text typed above", "ab[cde]f", { at: 0, text: "xx" }, "cde");
  check("moves with text typed at its start", "ab[cde]f", { at: 2, text: "xx" }, "cde");
  check("takes in text typed inside", "ab[cde]f", { at: 3, text: "xx" }, "cxxde");
  check("keeps out text typed at its end", "ab[cde]f", { at: 5, text: "xx" }, "cde");
  check("grows at its end when asked to", "ab[cde]f", { at: 5, text: "xx" }, "cdexx", "grow");
  check("does not see text typed below", "ab[cde]f", { at: 6, text: "xx" }, "cde");
  check("shrinks by what is deleted inside", "ab[cde]f", { at: 3, deleted: 1 }, "ce");
  check("shrinks by what is deleted across its start", "ab[cde]f", { at: 1, deleted: 2 }, "de");
  check("shrinks by what is deleted across its end", "ab[cde]f", { at: 4, deleted: 2 }, "cd");
  check("is empty when all of it is deleted", "ab[cde]f", { at: 1, deleted: 5 }, "");
  check("takes in what replaces it", "ab[cde]f", { at: 2, deleted: 3, text: "new" }, "new");
  check("an empty region grows with what is typed", "ab[]f", { at: 2, text: "x" }, "x", "grow");

  it("is never negative and never outside the document", () => {
    const change = fc.record({ offset: fc.nat(20), deleted: fc.nat(6), text: fc.string({ maxLength: 5 }) });
    fc.assert(
      fc.property(
        fc.nat(20),
        fc.nat(10),
        fc.array(change, { maxLength: 10 }),
        fc.constantFrom("grow" as const, "keep" as const),
        (start, length, changes, atEnd) => {
          let documentLength = 40;
          let region = { start, end: Math.min(start + length, documentLength) };
          for (const one of changes) {
            const edit = {
              ...one,
              offset: Math.min(one.offset, documentLength),
              deleted: Math.min(one.deleted, Math.max(0, documentLength - one.offset)),
            };
            documentLength += edit.text.length - edit.deleted;
            region = shiftRegion(region, edit, atEnd);
            assert.ok(
              0 <= region.start && region.start <= region.end && region.end <= documentLength,
              JSON.stringify({ region, edit, documentLength }),
            );
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("changes of one edit do not disturb each other, whatever their order", () => {
    const changes = [
      { offset: 0, deleted: 0, text: "aa" },
      { offset: 10, deleted: 2, text: "" },
      { offset: 4, deleted: 1, text: "bbb" },
    ];
    const expected = { start: 10, end: 12 };
    assert.deepEqual(shiftRegionByAll({ start: 6, end: 8 }, changes, "keep"), expected);
    assert.deepEqual(shiftRegionByAll({ start: 6, end: 8 }, [...changes].reverse(), "keep"), expected);
  });
});
