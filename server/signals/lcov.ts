import { AppError } from "../errors.ts";

/** Lines that ran, of one file. */
export interface CoveredFile {
  /** As the tracefile names it: relative, or absolute on the machine that ran the tests. */
  readonly file: string;
  readonly lines: readonly number[];
}

/** Covered code by the test that ran it; "" for tests that the tracefile does not tell apart. */
export type Coverage = ReadonlyMap<string, readonly CoveredFile[]>;

/** Lines of one tracefile. */
const MAX_LINES = 5_000_000;

/**
 * Reads an lcov tracefile (geninfo(1)): `TN` names the test of the records after it, `SF` a file, `DA` a line
 * and how often it ran.
 * @throws AppError `report-invalid`
 */
export function parseLcov(text: string): Coverage {
  const coverage = new Map<string, CoveredFile[]>();
  let test = "";
  let current: { file: string; lines: number[] } | null = null;
  let nLines = 0;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const invalid = (what: string) =>
      new AppError("report-invalid", `This is no lcov tracefile: ${what} in line ${index + 1}.`);
    const colon = line.indexOf(":");
    const [key, value] = colon === -1 ? [line.trim(), ""] : [line.slice(0, colon), line.slice(colon + 1)];
    if (key === "TN") test = value.trim();
    else if (key === "SF") {
      if (current !== null) throw invalid("a file within another");
      current = { file: value.trim(), lines: [] };
    } else if (key === "DA") {
      const [at, hits] = value.split(",").map(Number);
      if (current === null || !Number.isSafeInteger(at) || at! < 1 || !Number.isFinite(hits))
        throw invalid("a wrong DA");
      if (hits! > 0) current.lines.push(at!);
      nLines += 1;
      if (nLines > MAX_LINES) throw new AppError("too-large", `The tracefile has more than ${MAX_LINES} lines.`);
    } else if (key === "end_of_record") {
      if (current === null) throw invalid("an end without a file");
      const files = coverage.get(test) ?? [];
      files.push(current);
      coverage.set(test, files);
      current = null;
    }
  }
  if (current !== null) throw new AppError("report-invalid", "This lcov tracefile ends in the middle of a file.");
  if (coverage.size === 0) throw new AppError("report-invalid", "This is no lcov tracefile: it names no file.");
  return coverage;
}
