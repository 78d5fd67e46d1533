import type { TrainingProgress } from "../../protocol/api.ts";

const COLUMNS = ["step", "totalSteps", "loss", "validationLoss", "tokensPerSecond", "secondsLeft"] as const;

/** The curve as CSV (RFC 4180), one row a step; an absent validation loss is an empty field. What is no number is left out: a spreadsheet would run it. */
export function curveCsv(points: readonly TrainingProgress[]): string {
  const rows = points.map((point) =>
    COLUMNS.map((column) => (Number.isFinite(point[column]) ? String(point[column]) : "")).join(","),
  );
  return [COLUMNS.join(","), ...rows, ""].join("\r\n");
}

/** The curve as JSON, with the run's id once. */
export function curveJson(runId: string, points: readonly TrainingProgress[]): string {
  const rows = points.map((point) => Object.fromEntries(COLUMNS.map((column) => [column, point[column]])));
  return `${JSON.stringify({ runId, points: rows }, null, 1)}\n`;
}

/** At most `max` points, evenly spaced, with the first, the last and every one that has a validation loss. */
export function sampledPoints(points: readonly TrainingProgress[], max: number): readonly TrainingProgress[] {
  if (points.length <= max) return points;
  const stride = Math.ceil(points.length / max);
  return points.filter(
    (point, index) => index % stride === 0 || index === points.length - 1 || point.validationLoss !== null,
  );
}
