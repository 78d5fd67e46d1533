import assert from "node:assert/strict";
import { fateOf, holdsTogether, indexLines } from "../../bench/survival-accuracy/truth.ts";
import {
  editDistance,
  fourGramSimilarity,
  type Followed,
  PUBLISHED_MEASURES,
} from "../../bench/survival-accuracy/published-measures.ts";

const close = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

const BEFORE = "first();\n";
const INSERTED = "const alpha = 1;\nconst beta = 2;\n";
const AFTER = "last();\nof();\nall();\nlines();\n";
const follow = (after: string | null): Followed => ({
  inserted: INSERTED,
  before: BEFORE + INSERTED + AFTER,
  line: 1,
  nLines: 2,
  after,
});

describe("published measures", () => {
  const check = (what: string, after: string | null, expected: Record<string, number>): void => {
    it(what, () => {
      for (const [name, value] of Object.entries(expected)) {
        close(PUBLISHED_MEASURES[name as keyof typeof PUBLISHED_MEASURES](follow(after)), value);
      }
    });
  };
  check("of code that nobody touched", `${BEFORE}${INSERTED}${AFTER}`, {
    arc: 1,
    stillInCode: 1,
    fourGram: 1,
    levenshtein: 1,
    lines: 1,
  });
  check("of code under new lines", `new();\n${BEFORE}${INSERTED}${AFTER}`, {
    arc: 1,
    stillInCode: 1,
    fourGram: 1,
    lines: 1,
  });
  check("of a deleted file", null, { arc: 0, stillInCode: 0, fourGram: 0, levenshtein: 0, lines: 0 });
  check("of deleted code", `${BEFORE}${AFTER}`, { arc: 0, fourGram: 0, levenshtein: 0, lines: 0 });
  // One line of 17 characters of 33 stays; of the other, `const beta = ` and `;` and the line's end do.
  check("of one edited line", `${BEFORE}const alpha = 1;\nconst beta = 9;\n${AFTER}`, {
    arc: 32 / 33,
    levenshtein: 1 - 1 / 33,
    lines: 0.5,
  });
  check("of code at the end of the file", `${BEFORE}${AFTER}${INSERTED}`, { stillInCode: 1 });

  it("count edits and groups of four characters", () => {
    assert.equal(editDistance("kitten", "sitting"), 3);
    assert.equal(editDistance("", "abc"), 3);
    close(fourGramSimilarity("abcde", "abcdf"), 0.5);
    assert.equal(fourGramSimilarity("abc", "abc"), 1);
  });
});

describe("what became of an insertion", () => {
  const insertion = {
    commit: "c",
    index: 0,
    path: "a.ts",
    line: 1,
    nLines: 2,
    text: INSERTED,
    file: BEFORE + INSERTED + AFTER,
  };
  const at = (...lines: [origin: number, line: number][]) => lines.map(([origin, line]) => ({ origin, line }));
  const check = (what: string, traced: Parameters<typeof fateOf>[1], expected: string): void => {
    it(what, () => assert.equal(fateOf(insertion, traced), expected));
  };
  const text = `new();\n${insertion.file}`;
  check("untouched under a new line", { lines: at([1, 2], [2, 3]), path: "a.ts", text }, "untouched");
  check("in a renamed file", { lines: at([1, 2], [2, 3]), path: "b.ts", text }, "moved-file");
  check(
    "at another place",
    { lines: at([1, 2], [2, 3]), path: "a.ts", text: BEFORE + AFTER + INSERTED },
    "moved-inside",
  );
  check("one of two lines left", { lines: at([1, 2]), path: "a.ts", text }, "partial");
  check("nothing left", { lines: [], path: "a.ts", text: BEFORE + AFTER }, "deleted");

  it("stands whole elsewhere when its lines are near each other", () => {
    const far = `const alpha = 1;\n${"x\n".repeat(40)}const beta = 2;\n`;
    const index = indexLines(new Map([["near.ts", `y\n${INSERTED}`]]));
    assert.equal(index.find(INSERTED), "near.ts");
    assert.equal(indexLines(new Map([["far.ts", far]])).find(INSERTED), null);
    const half = INSERTED.split("\n").filter((_, at) => at % 2 === 0);
    const halved = indexLines(new Map([["half.ts", half.join("\n")]]));
    assert.equal(halved.find(INSERTED), null);
    assert.equal(halved.find(INSERTED, 0.5), "half.ts");
    assert.equal(holdsTogether([[3], [4, 90]]), true);
  });
});
