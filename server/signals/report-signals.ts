import type { CodeLines, CodeSignal } from "../../protocol/signals.ts";
import type { ErrorEvent } from "./error-events.ts";
import type { TestResult } from "./junit.ts";
import type { CoveredFile, Coverage } from "./lcov.ts";
import { declarationLines, type Measurement, verdictOf } from "./measurements.ts";
import type { TreePaths } from "./tree-paths.ts";

/** What a report says of lines of the repository, and what in it speaks of no file there. */
export interface ReportSignals {
  readonly signals: readonly CodeSignal[];
  /** Files, frames and functions that the commit does not have, as the report names them. */
  readonly unknown: readonly string[];
}

/**
 * Tests with the lines that each covers. Where the tracefile tells tests apart (`TN`), a test has its own
 * lines; the others share those of the records without a name. A test without any covered line says nothing.
 */
export function testSignals(tests: readonly TestResult[], coverage: Coverage, paths: TreePaths): ReportSignals {
  const unknown = new Set<string>();
  const known = new Map<string, CodeLines[]>();
  const linesOf = (test: string): CodeLines[] => {
    const before = known.get(test);
    if (before !== undefined) return before;
    const lines = (coverage.get(test) ?? []).flatMap((covered) => coveredRanges(covered, paths, unknown));
    known.set(test, lines);
    return lines;
  };
  const ownName = nameFinder(coverage);
  const signals = tests.flatMap(({ name, passed }): CodeSignal[] => {
    const lines = linesOf(ownName(name) ?? "");
    return lines.length === 0 ? [] : [{ verdict: passed ? "test-passed" : "test-failed", name: oneLine(name), lines }];
  });
  // What fails first, so that it is told before what passes.
  signals.sort((left, right) => Number(left.verdict === "test-passed") - Number(right.verdict === "test-passed"));
  return { signals, unknown: [...unknown] };
}

/** A tracefile's names have no characters but letters, digits and underscores (geninfo(1)). */
function nameFinder(coverage: Coverage): (test: string) => string | null {
  const plain = (name: string): string => name.replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_+|_+$/g, "");
  const names = new Map([...coverage.keys()].filter((name) => name !== "").map((name) => [plain(name), name]));
  return (test) => names.get(plain(test)) ?? null;
}

function coveredRanges({ file, lines }: CoveredFile, paths: TreePaths, unknown: Set<string>): CodeLines[] {
  const path = paths.find(file);
  if (path === null) {
    unknown.add(file);
    return [];
  }
  const ranges: { path: string; first: number; last: number }[] = [];
  for (const line of [...new Set(lines)].sort((left, right) => left - right)) {
    const before = ranges.at(-1);
    if (before !== undefined && line === before.last + 1) before.last = line;
    else ranges.push({ path, first: line, last: line });
  }
  return ranges;
}

/** Errors with the lines of their frames that are in the repository. */
export function errorSignals(errors: readonly ErrorEvent[], paths: TreePaths): ReportSignals {
  const unknown = new Set<string>();
  const signals = errors.flatMap(({ name, frames }): CodeSignal[] => {
    const lines = frames.flatMap(({ file, line }): CodeLines[] => {
      const path = paths.find(file);
      if (path === null) unknown.add(file);
      return path === null ? [] : [{ path, first: line, last: line }];
    });
    return lines.length === 0 ? [] : [{ verdict: "error", name: oneLine(name), lines }];
  });
  return { signals, unknown: [...unknown] };
}

/** Measurements that got worse or better with the lines of what they measured; `textOf` reads a file of the commit. */
export async function measurementSignals(
  measurements: readonly Measurement[],
  paths: TreePaths,
  textOf: (path: string) => Promise<string | null>,
): Promise<ReportSignals> {
  const unknown = new Set<string>();
  const signals: CodeSignal[] = [];
  for (const one of measurements) {
    const verdict = verdictOf(one);
    if (verdict === null) continue;
    const path = paths.find(one.path);
    const range = path === null ? null : await rangeOf(one, path, textOf);
    if (path === null || range === null)
      unknown.add(one.function === undefined ? one.path : `${one.path} ${one.function}`);
    else signals.push({ verdict, name: oneLine(one.name), lines: [{ path, ...range }] });
  }
  return { signals, unknown: [...unknown] };
}

async function rangeOf(
  { lines, function: name }: Measurement,
  path: string,
  textOf: (path: string) => Promise<string | null>,
): Promise<{ first: number; last: number } | null> {
  if (lines !== undefined) {
    const [first, last = first] = lines.split("-").map(Number);
    return { first: first!, last: Math.max(first!, last!) };
  }
  const text = await textOf(path);
  return text === null || name === undefined ? null : declarationLines(text, name);
}

/** Names of tests may hold anything; what a terminal or a log would act on becomes a space. */
const oneLine = (name: string): string =>
  name
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()
    .slice(0, 256) || "unnamed";
