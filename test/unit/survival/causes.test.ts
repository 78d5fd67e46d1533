import assert from "node:assert/strict";
import fc from "fast-check";
import { readCommitMessage } from "../../../core/survival/commit-message.ts";
import {
  type BufferLoss,
  causeOfLoss,
  type CommitLoss,
  type DroppedLoss,
  type LossCause,
  type LossEvidence,
} from "../../../core/survival/causes.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const BEFORE = "const total = items.map((item) => item.price * item.count).reduce(add, 0);";

const observed = {
  afterMs: 20 * DAY,
  lost: 0.6,
  lostInAll: 0.6,
  moved: false,
  replacedBy: null,
  textBefore: null,
  textNow: null,
  fileAsBefore: false,
} as const;
const buffer = (fields: Partial<BufferLoss>): BufferLoss => ({
  ...observed,
  kind: "buffer",
  undo: false,
  committed: true,
  ...fields,
});
const commit = (fields: Partial<CommitLoss>): CommitLoss => ({
  ...observed,
  kind: "commit",
  message: "Change the price list",
  isMerge: false,
  isFirst: false,
  introducedBy: ["a".repeat(40)],
  nFiles: 2,
  nDeletedLines: 12,
  nSnippetLines: 6,
  hunks: [{ deleted: "let sum = 0;", added: "let sum = 1;", touchesSnippet: true }],
  file: "kept",
  symbolGone: false,
  neighboursLost: 0,
  ...fields,
});
const dropped: DroppedLoss = { ...observed, kind: "dropped", ref: "refs/heads/feature", lost: 1, lostInAll: 1 };

describe("causeOfLoss", () => {
  const check = (what: string, loss: LossEvidence, cause: LossCause): void => {
    it(`${what}: ${cause}`, () => {
      const found = causeOfLoss(loss);
      assert.equal(found.cause, cause, found.evidence);
      assert.ok(found.confidence > 0 && found.confidence <= 1);
      assert.notEqual(found.evidence, "");
    });
  };
  check("the editor's undo", buffer({ undo: true, afterMs: 2_000 }), "undo");
  check("the document is as before", buffer({ fileAsBefore: true }), "undo");
  check("an undo after a commit too", buffer({ undo: true, committed: true }), "undo");
  check("git revert", commit({ message: `Revert "Add it"\n\nThis reverts commit ${"a".repeat(40)}.` }), "revert");
  check("a revert that names it by a short id", commit({ message: "Oops\n\nThis reverts commit aaaaaaaa." }), "revert");
  check(
    "a revert of another commit",
    commit({ message: `Revert "X"\n\nThis reverts commit ${"b".repeat(40)}.` }),
    "other",
  );
  check("a revert that names nothing", commit({ message: 'Revert "Add it"' }), "revert");
  check("conventional revert", commit({ message: "revert: add the list" }), "revert");
  check("a commit that brings the old file back", commit({ fileAsBefore: true }), "revert");
  check("the old text is back", commit({ textBefore: BEFORE, textNow: BEFORE.replaceAll(" ", "\n") }), "revert");
  check("another text than before", commit({ textBefore: BEFORE, textNow: "return items.length;" }), "other");
  check("nothing where nothing was", commit({ textBefore: "", textNow: "" }), "other");
  check("another generation", buffer({ replacedBy: "ai", afterMs: MINUTE }), "regenerate");
  check("half of it within ten minutes", buffer({ afterMs: 10 * MINUTE, lostInAll: 0.5, lost: 0.1 }), "quick_rewrite");
  check("less than half within ten minutes", buffer({ afterMs: MINUTE, lostInAll: 0.4, lost: 0.4 }), "other");
  check("after ten minutes, never committed", buffer({ afterMs: 3 * DAY, committed: false }), "quick_rewrite");
  check("after ten minutes, committed", buffer({ afterMs: 3 * DAY }), "other");
  check("before the first commit", commit({ isFirst: true, message: "fix: x" }), "quick_rewrite");
  check("a fix by its type", commit({ message: "fix(price): count the items" }), "fix");
  check("a fix by its issue", commit({ message: "Count the items\n\nCloses #12" }), "fix");
  check("a fix by a word", commit({ message: "Mend the crash on empty lists" }), "fix");
  check("a fix of something else in the file", commit({ message: "fix: x", hunks: [] }), "other");
  check(
    "a fix that reformats it",
    commit({ message: "fix: x", hunks: [{ deleted: "a( b )", added: "a(b);", touchesSnippet: true }] }),
    "other",
  );
  check("a fix after 91 days", commit({ message: "fix: x", afterMs: 91 * DAY }), "other");
  check("a merge that speaks of a fix", commit({ message: "fix: x", isMerge: true }), "other");
  check("a fix in 11 files about it", commit({ message: "fix: x", nFiles: 11, nDeletedLines: 30 }), "fix");
  check("a fix in 11 files, not about it", commit({ message: "fix: x", nFiles: 11, nDeletedLines: 31 }), "refactor");
  check("ten files", commit({ nFiles: 10 }), "refactor");
  check("a deleted file", commit({ file: "deleted" }), "refactor");
  check("a renamed file", commit({ file: "renamed" }), "refactor");
  check("a whole function with its neighbours", commit({ symbolGone: true, neighboursLost: 0.5 }), "refactor");
  check("a whole function alone", commit({ symbolGone: true, neighboursLost: 0.4 }), "other");
  check("a dropped branch", dropped, "abandoned");
  check("nothing lost", commit({ lost: 0, message: "fix: x" }), "format");
  check("nothing lost, elsewhere", commit({ lost: 0, moved: true }), "moved");
  check("nothing lost though the editor undid it", buffer({ lost: 0, undo: true }), "format");

  it("loses nothing to format and moved, and only to them when something was lost", () => {
    const texts = fc.constantFrom(null, "", BEFORE, "return 1;");
    const loss = fc.record({
      lost: fc.constantFrom(0, 0.2, 1),
      lostInAll: fc.constantFrom(0.2, 0.7, 1),
      moved: fc.boolean(),
      afterMs: fc.constantFrom(0, 11 * MINUTE, DAY, 200 * DAY),
      replacedBy: fc.constantFrom(null, "user" as const, "ai" as const, "formatter" as const),
      textBefore: texts,
      textNow: texts,
      message: fc.constantFrom("Revert it", "fix: it", "Change it"),
      nFiles: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(loss, (fields) => {
        for (const evidence of [buffer(fields), commit(fields), { ...dropped, ...fields }]) {
          const { cause } = causeOfLoss(evidence);
          assert.equal(cause === "format" || cause === "moved", fields.lost === 0);
        }
      }),
    );
  });
});

describe("readCommitMessage", () => {
  const check = (message: string, expected: string): void => {
    it(`${JSON.stringify(message)} is ${expected || "neither"}`, () => {
      const { revert, fix } = readCommitMessage(message);
      assert.equal([revert ? "revert" : "", fix ?? ""].filter((word) => word !== "").join(" "), expected);
    });
  };
  check('Revert "Add x"', "revert");
  check('Revert "Revert "Add x""', "");
  check('Reapply "Add x"\n\nThis reverts commit 1234567.', "");
  check("Back out the change", "revert");
  check("Change x\n\nThis reverts commit 1234567", "revert");
  check("revert: feat: x", "revert");
  check("fix: x", "type");
  check("fix!: x", "type");
  check("hotfix(core): x", "type");
  check("feat: fix the x", "");
  check("chore: x\n\nfixes #4", "");
  check("Use y\n\nFixes: kept/kept#12", "issue");
  check("Use y (fixes https://example.org/a/b/issues/9)", "issue");
  check("Fix typo in a message", "");
  check("fix lint", "");
  check("Avoid a crash when x is missing", "keyword");
  check("Add prefix to names", "");
  check("Fixture for the parser", "");
  check("", "");

  it("takes time linear in the message", () => {
    const message = `fix ${"a".repeat(50)} `.repeat(20_000);
    assert.equal(readCommitMessage(message).fix, "keyword");
  });
});
