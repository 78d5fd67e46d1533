import { acceptedCharacters, composeAll, retainedCharacters } from "../../../core/survival/accepted-characters.ts";
import { applyEntries, descending, lengthAfter, type JournalEntry } from "../../../core/survival/change-journal.ts";
import { causeOfLoss } from "../../../core/survival/buffer-cause.ts";
import { dueChecks, nextDueAt } from "../../../core/survival/check-schedule.ts";
import type { TextChange } from "../../../core/lifecycle/region.ts";
import assert from "node:assert/strict";
import fc from "fast-check";

const TEXT = "0123456789".repeat(6);

/** Disjoint changes of one edit, as an editor tells them: against the text before all of them, in any order. */
const edit = fc
  .array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 6 }), fc.constantFrom("", "x", "yz", "\n")), { maxLength: 4 })
  .map((parts) => {
    let at = 0;
    return parts.map(([gap, deleted, text]) => {
      const change = { offset: at + gap + 1, deleted, text };
      at = change.offset + deleted;
      return change;
    });
  });

const fitting = (changes: readonly TextChange[], length: number): TextChange[] =>
  changes.filter(({ offset, deleted }) => offset + deleted <= length).reverse();

const applyOne = (text: string, changes: readonly TextChange[]): string =>
  descending(changes).reduce(
    (now, { offset, deleted, text: put }) => now.slice(0, offset) + put + now.slice(offset + deleted),
    text,
  );

describe("the journal of a document's changes", () => {
  it("gives the text that the editor has", () => {
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 8 }), (edits) => {
        let text = TEXT;
        const entries: JournalEntry[] = [];
        for (const [idx, one] of edits.entries()) {
          const changes = fitting(one, text.length);
          text = applyOne(text, changes);
          entries.push({ kind: "changed", changes, author: "edit" });
          if (idx % 5 === 4) {
            text = TEXT.slice(idx);
            entries.push({ kind: "replaced", text, author: "edit" });
          }
        }
        assert.equal(applyEntries(TEXT, entries), text);
        assert.equal(lengthAfter(TEXT.length, entries), text.length);
      }),
    );
  });
});

describe("accepted and retained characters", () => {
  it("are those that no edit has deleted or gone over, counted one by one", () => {
    fc.assert(
      fc.property(
        fc.array(edit, { maxLength: 8 }),
        fc.nat({ max: 30 }),
        fc.nat({ max: 30 }),
        (edits, start, length) => {
          const region = { start, end: start + length };
          let characters = acceptedCharacters(region);
          let owned = Array.from({ length: TEXT.length }, (_, at) => at >= region.start && at < region.end);
          for (const one of edits) {
            const changes = fitting(one, owned.length);
            characters = composeAll(characters, descending(changes));
            for (const { offset, deleted, text } of descending(changes))
              owned = [...owned.slice(0, offset), ...text.split("").map(() => false), ...owned.slice(offset + deleted)];
          }
          const expected = length === 0 ? 1 : owned.filter(Boolean).length / length;
          assert.equal(retainedCharacters(characters), expected);
        },
      ),
    );
  });
});

describe("the cause of a loss in the buffer", () => {
  const check = (name: string, cause: string, loss: Partial<Parameters<typeof causeOfLoss>[0]>): void => {
    it(`${name}: ${cause}`, () => {
      const removed = { edit: 0, undo: 0, accept: 0, deletion: 0, ...loss.removed };
      const all = { nMissing: 10, nTokens: 20, ageMs: 1_000, isHomeEmpty: false, ...loss, removed };
      assert.equal(causeOfLoss(all).cause, cause);
    });
  };
  const by = (author: "edit" | "undo" | "accept" | "deletion", other = 0) =>
    ({ edit: other, undo: 0, accept: 0, deletion: 0, [author]: 10 }) as const;
  check("undo took it", "undo", { removed: by("undo") });
  check("undo took less of it than the developer", "quick_rewrite", { removed: by("undo", 20) });
  check("another accept took its place", "regenerate", { removed: by("accept", 5) });
  check("its file was deleted", "refactor", { removed: by("deletion"), nMissing: 20, isHomeEmpty: true });
  check("nothing stands in its place", "undo", { removed: by("edit"), nMissing: 20, isHomeEmpty: true });
  check("something else stands in its place", "quick_rewrite", { removed: by("edit"), nMissing: 20 });
  check("half was rewritten within ten minutes", "quick_rewrite", { removed: by("edit") });
  check("half was rewritten later", "other", { removed: by("edit"), ageMs: 601_000 });
  check("less than half was rewritten", "other", { removed: by("edit"), nMissing: 9 });
});

describe("the schedule of checks", () => {
  const schedule = [15_000, 30_000, 120_000];
  const check = (age: number, nextIdx: number, missed: readonly number[], look: number | null, next: number): void => {
    it(`${age / 1_000} s after the accept, from check ${nextIdx + 1}`, () => {
      const due = dueChecks({ acceptedAt: 500, nextIdx }, schedule, 500 + age);
      assert.deepEqual(due, { missed, look, nextIdx: next });
    });
  };
  check(14_999, 0, [], null, 0);
  check(15_000, 0, [], 15_000, 1);
  check(29_000, 0, [], 15_000, 1);
  check(30_100, 0, [15_000], 30_000, 2);
  check(50_000, 0, [15_000, 30_000], null, 2);
  check(119_000, 2, [], null, 2);
  check(170_000, 2, [], 120_000, 3);
  check(190_000, 2, [120_000], null, 3);
  check(1e9, 0, schedule, null, 3);
  it("is over after the last check", () => {
    assert.equal(nextDueAt({ acceptedAt: 1, nextIdx: 3 }, schedule), null);
    assert.equal(nextDueAt({ acceptedAt: 1, nextIdx: 2 }, schedule), 120_001);
  });
});
