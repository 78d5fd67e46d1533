import { editSimilarity } from "../../core/evaluation/similarity.ts";
import type { HistoryPoint } from "../../core/history-point.ts";
import { table } from "../cli/output.ts";
import type { ReplayOutcome } from "./replay-events.ts";

/** What became of one point; `silent` when the model suggested nothing. */
export interface ReplayCase {
  readonly pointId: string;
  readonly commit: string;
  readonly kind: HistoryPoint["kind"];
  readonly isRewrite: boolean;
  readonly outcome: ReplayOutcome | "silent";
  /** 0 to 1 over the first lines. */
  readonly similarity: number;
}

export interface Acceptance {
  readonly points: number;
  readonly shown: number;
  /** Points whose first line was suggested exactly. */
  readonly accepted: number;
  /** accepted / points, 0 to 1. Replay acceptance: nobody was asked, a history stood in. */
  readonly acceptedAtLine: number;
  readonly editSimilarity: number;
}

export interface AcceptanceReport {
  readonly all: Acceptance;
  readonly lines: Acceptance;
  readonly blocks: Acceptance;
  readonly insertions: Acceptance;
  readonly rewrites: Acceptance;
}

export function replayCase(point: HistoryPoint, completion: string, outcome: ReplayCase["outcome"]): ReplayCase {
  return {
    pointId: point.id,
    commit: point.commit,
    kind: point.kind,
    isRewrite: point.nHunkDeleted > 0,
    outcome,
    similarity: editSimilarity(completion, point.target),
  };
}

export function summarise(cases: readonly ReplayCase[]): AcceptanceReport {
  return {
    all: acceptance(cases),
    lines: acceptance(cases.filter(({ kind }) => kind === "line")),
    blocks: acceptance(cases.filter(({ kind }) => kind === "block")),
    insertions: acceptance(cases.filter(({ isRewrite }) => !isRewrite)),
    rewrites: acceptance(cases.filter(({ isRewrite }) => isRewrite)),
  };
}

function acceptance(cases: readonly ReplayCase[]): Acceptance {
  const points = cases.length;
  const shown = cases.filter(({ outcome }) => outcome !== "silent").length;
  const accepted = cases.filter(({ outcome }) => outcome === "accepted" || outcome === "partially-accepted").length;
  const similarity = cases.reduce((sum, one) => sum + one.similarity, 0);
  return {
    points,
    shown,
    accepted,
    acceptedAtLine: points === 0 ? 0 : accepted / points,
    editSimilarity: points === 0 ? 0 : similarity / points,
  };
}

/** The report as a table for people. */
export function acceptanceTable(report: AcceptanceReport): string {
  return table(
    ["", "points", "shown", "accepted", "replay acceptance", "edit similarity"],
    Object.entries(report).map(([name, value]: [string, Acceptance]) => [
      name,
      value.points,
      value.shown,
      value.accepted,
      percent(value.acceptedAtLine),
      value.editSimilarity.toFixed(3),
    ]),
  );
}

export const percent = (fraction: number): string => `${(100 * fraction).toFixed(1)} %`;
