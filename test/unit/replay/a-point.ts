import type { HistoryPoint } from "../../../core/history-point.ts";

/** A point with what the case is about; everything else is plain. */
export function aPoint(fields: Partial<HistoryPoint> = {}): HistoryPoint {
  return {
    id: "p1",
    commit: "c1",
    writtenAt: 1_700_000_000_000,
    path: "src/basket.ts",
    language: "typescript",
    line: 3,
    column: 2,
    prefix: "export function total(items: Item[]) {\n  ",
    suffix: "\n}\n",
    target: "return sum(items);",
    kind: "line",
    nHunkDeleted: 0,
    ...fields,
  };
}
