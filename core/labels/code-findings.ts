/** What a test, an error, a measurement or a reviewer said of lines that hold a suggestion's tokens. */
export interface CodeVerdictSeen {
  readonly verdict: "test-passed" | "test-failed" | "error" | "slower" | "faster" | "approved" | "changes-requested";
  /** Of the test, the error, the benchmark or the reviewer. */
  readonly name: string;
  /** Part of the tokens on those lines that are this suggestion's, 0 to 1. */
  readonly share: number;
}

export type CodeFinding =
  | "test-passed"
  | "test-failed"
  | "test-fixed"
  | Exclude<CodeVerdictSeen["verdict"], `test-${string}`>;

/** One kind of finding about a suggestion: its largest share, and all that say so. */
export interface CodeFindingSummary {
  readonly finding: CodeFinding;
  readonly share: number;
  readonly names: readonly string[];
}

/** What speaks of the same question: a later answer under the same name takes the place of an earlier one. */
const QUESTIONS: Readonly<Record<CodeVerdictSeen["verdict"], "test" | "error" | "speed" | "review">> = {
  "test-passed": "test",
  "test-failed": "test",
  error: "error",
  slower: "speed",
  faster: "speed",
  approved: "review",
  "changes-requested": "review",
};

/**
 * Findings from verdicts in the order in which they came: a test that failed and passes now is fixed, and of
 * two measurements or reviews under one name the last counts. However many names say the same, it counts
 * once, with the largest share among them.
 */
export function summariseVerdicts(seen: readonly CodeVerdictSeen[]): CodeFindingSummary[] {
  const standing = new Map<string, { finding: CodeFinding; name: string; share: number }>();
  for (const { verdict, name, share } of seen) {
    const key = `${QUESTIONS[verdict]}\0${name}`;
    const before = standing.get(key)?.finding;
    const isFixed = verdict === "test-passed" && (before === "test-failed" || before === "test-fixed");
    standing.set(key, { finding: isFixed ? "test-fixed" : verdict, name, share });
  }
  return [...Map.groupBy(standing.values(), ({ finding }) => finding)].map(([finding, all]) => ({
    finding,
    share: Math.max(...all.map(({ share }) => share)),
    names: all.map(({ name }) => name),
  }));
}

/**
 * Whether a verdict changes what is known: another answer under its name, or the first of its kind. Of tests
 * that pass, the first says that the code is covered; the others say no more until one has failed.
 */
export function isNews({ verdict, name }: CodeVerdictSeen, seen: readonly CodeVerdictSeen[]): boolean {
  const question = QUESTIONS[verdict];
  const alike = seen.filter((one) => QUESTIONS[one.verdict] === question);
  const last = alike.findLast((one) => one.name === name);
  if (last !== undefined) return last.verdict !== verdict;
  return verdict !== "test-passed" || alike.length === 0;
}
