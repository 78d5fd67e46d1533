import { findCode } from "../../../extension/ui/code-search.ts";
import assert from "node:assert/strict";

const TEXT = `function a() {
  return compute(1, 2);
}

function b() {
    const sum = compute(1, 2);
    return sum;
}
`;

const check = (name: string, code: string, nearLine: number, expected: [number, number] | null) =>
  it(name, () => {
    const found = findCode(TEXT, code, nearLine);
    assert.deepEqual(found === null ? null : [found.first, found.last], expected);
  });

describe("code search", () => {
  check("finds the end of a line", "compute(1, 2);", 1, [1, 1]);
  check("prefers what is near", "compute(1, 2);", 6, [5, 5]);
  check("finds several lines, whatever their indent", "= compute(1, 2);\n  return sum;\n}", 0, [5, 7]);
  check(
    "finds the longest line of code that was changed around it",
    "const sum = compute(1, 2);\nreturn 7;",
    0,
    [5, 5],
  );
  check("does not find what is gone", "const product = compute(3, 4);", 2, null);
  check("does not take a brace for a find", "x();\n}", 2, null);
  check("does not look for nothing", "\n  \n", 2, null);
});
