import assert from "node:assert/strict";
import { locateReport, readReport } from "../../../core/survival/reported-place.ts";

const DOCUMENT = "import a;\n\nfunction b() {\n  return a + 1;\n}\nfunction c() {\n  return a + 1;\n}\n";

describe("a report of generated code", () => {
  /** The stretch that it means, `refused`, or `nowhere`. */
  const check = (what: string, argument: unknown, expected: string): void => {
    it(what, () => {
      const report = readReport(argument);
      const place = report === null ? null : locateReport(report, DOCUMENT);
      assert.equal(
        report === null ? "refused" : place === null ? "nowhere" : DOCUMENT.slice(place.start, place.end),
        expected,
      );
    });
  };
  const at = (line: number, character: number) => ({ line, character });
  const BODY = "function b() {\n  return a + 1;\n}\n";
  check("names lines", { tool: "copilot", lines: [3, 5] }, BODY);
  check("names lines as an object", { tool: "copilot", lines: { first: 3, last: 5 } }, BODY);
  check("names a range", { tool: "copilot", range: { start: at(3, 2), end: at(3, 15) } }, "return a + 1;");
  check("names a text that stands once", { tool: "cursor", model: "x", text: "import a;" }, "import a;");
  check("names a text that stands twice", { tool: "cursor", text: "return a + 1;" }, "nowhere");
  check(
    "names one of two by its place",
    { tool: "cursor", text: "return a + 1;", range: { start: at(6, 2), end: at(6, 2) } },
    "return a + 1;",
  );
  check("finds a text that has moved", { tool: "cursor", text: "import a;", lines: [4, 4] }, "import a;");
  check("names lines behind the end", { tool: "cursor", lines: [8, 12] }, "nowhere");
  check("names an empty range", { tool: "cursor", range: { start: at(0, 0), end: at(0, 0) } }, "nowhere");
  check(
    "names a character behind the line's end",
    { tool: "x", range: { start: at(0, 0), end: at(0, 500) } },
    "import a;\n",
  );
  for (const argument of [
    undefined,
    null,
    "copilot",
    {},
    { tool: "x" },
    { tool: "", text: "a" },
    { tool: "x\u001b[2J", text: "a" },
    { tool: "x".repeat(65), text: "a" },
    { tool: "x", text: "  " },
    { tool: "x", text: 4 },
    { tool: "x", model: 3, text: "a" },
    { tool: "x", lines: [0, 2] },
    { tool: "x", lines: [3, 2] },
    { tool: "x", lines: "3-4" },
    { tool: "x", range: { start: at(3, 0), end: at(2, 0) } },
    { tool: "x", range: { start: at(-1, 0), end: at(2, 0) } },
    { tool: "x", range: { start: at(0.5, 0), end: at(2, 0) } },
  ]) {
    check(`is refused: ${JSON.stringify(argument)}`, argument, "refused");
  }
});
