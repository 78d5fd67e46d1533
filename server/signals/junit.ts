import { SaxesParser } from "saxes";
import { AppError } from "../errors.ts";

/** One test of a report. Skipped ones are not in it. */
export interface TestResult {
  /** `classname name`, or the name alone. */
  readonly name: string;
  readonly passed: boolean;
}

/** Tests of one report; whoever has more splits them by file. */
const MAX_TESTS = 100_000;

/**
 * Reads a JUnit report as the common runners write it: `<testcase>` with a `<failure>` or an `<error>` has
 * failed, with a `<skipped>` it did not run. A test named twice has failed when one of them has.
 * Entities other than XML's own five are refused, so a document cannot grow.
 * @throws AppError `report-invalid`
 */
export function parseJunit(text: string): TestResult[] {
  const results = new Map<string, boolean>();
  let test: { name: string; passed: boolean; ran: boolean } | null = null;
  let sawSuite = false;
  const parser = new SaxesParser();
  parser.on("error", ({ message }) => {
    throw new AppError("report-invalid", `This is no JUnit report: ${message}`);
  });
  parser.on("opentag", ({ name, attributes }) => {
    if (name === "testsuite" || name === "testsuites") sawSuite = true;
    else if (name === "testcase") {
      const of = (attribute: string) => attributes[attribute]?.trim() ?? "";
      test = { name: [of("classname"), of("name")].filter((part) => part !== "").join(" "), passed: true, ran: true };
    } else if (test !== null && (name === "failure" || name === "error")) test.passed = false;
    else if (test !== null && name === "skipped") test.ran = false;
  });
  parser.on("closetag", ({ name }) => {
    if (name !== "testcase" || test === null) return;
    if (test.ran && test.name !== "") results.set(test.name, (results.get(test.name) ?? true) && test.passed);
    test = null;
    if (results.size > MAX_TESTS) {
      throw new AppError("too-large", `The report has more than ${MAX_TESTS} tests.`, { hint: "Report it in parts." });
    }
  });
  parser.write(text).close();
  if (!sawSuite) throw new AppError("report-invalid", "This is no JUnit report: there is no <testsuite> in it.");
  return [...results].map(([name, passed]) => ({ name, passed }));
}
