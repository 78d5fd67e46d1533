import type { CodeFinding } from "./code-findings.ts";
import type { LossCause } from "../survival/causes.ts";

/** What each signal is worth, in log-odds of a good suggestion (learning.md section 2), and where the classes begin. */
export interface LabelTable {
  /** Names the table in every label made with it. A changed number is a new version. */
  readonly version: string;
  readonly goodFrom: number;
  readonly badUpTo: number;
  readonly ratedUp: number;
  readonly ratedDown: number;
  readonly accepted: number;
  /** Times the accepted fraction. */
  readonly partiallyAccepted: number;
  readonly typedThrough: number;
  readonly rejectedAfterRead: number;
  readonly typedOverAfterRead: number;
  readonly ignoredAfterRead: number;
  readonly undone: number;
  /** Errors introduced and left two minutes, however many. */
  readonly errorsLeft: number;
  /** Times the share of the tokens on the lines that are spoken of. */
  readonly findings: Readonly<Record<CodeFinding, number>>;
  /** Times (2q - 1) and the weight of the survival quality q. */
  readonly survival: number;
  /** Share of a loss that counts against the suggestion, by cause (survival.md section 2.3). */
  readonly blame: Readonly<Record<LossCause, number>>;
}

export const DEFAULT_LABEL_TABLE: LabelTable = {
  version: "3",
  goodFrom: 0.7,
  badUpTo: 0.3,
  ratedUp: 2.5,
  ratedDown: -2.5,
  accepted: 1,
  partiallyAccepted: 1,
  typedThrough: 1.2,
  rejectedAfterRead: -1.2,
  typedOverAfterRead: -0.8,
  ignoredAfterRead: -0.3,
  undone: -1.5,
  errorsLeft: -0.8,
  findings: {
    "test-passed": 0.4,
    "test-failed": -1.5,
    "test-fixed": 0.8,
    error: -2,
    slower: -1,
    faster: 0.8,
    approved: 0.5,
    "changes-requested": -1,
  },
  survival: 2,
  blame: {
    undo: 1,
    revert: 1,
    regenerate: 0.9,
    quick_rewrite: 0.8,
    fix: 0.8,
    other: 0.35,
    refactor: 0.1,
    abandoned: 0,
    format: 0,
    moved: 0,
  },
};
