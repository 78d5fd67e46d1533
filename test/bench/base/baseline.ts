import { existsSync } from "node:fs";
import { readPackedLines } from "../harness/packed-lines.ts";

/** Retrieval and the visible prefix, the index updated after each commit: the baseline to beat. */
export const RETRIEVAL = "cont.ret+local";

/** What a baseline without a model got at one point. */
export interface BaselineScore {
  readonly accepted: number;
  readonly similarity: number;
}

/** The file of per-point results beside a points file; null when there is none. */
export function baselineFileOf(pointsFile: string): string | null {
  const stem = pointsFile.replace(/\.jsonl(\.xz)?$/, ".baseline-points.tsv");
  return [`${stem}.xz`, stem].find((file) => existsSync(file)) ?? null;
}

/** Scores by point id of one baseline method. */
export async function readBaseline(
  file: string,
  signal: AbortSignal,
  method = RETRIEVAL,
): Promise<Map<string, BaselineScore>> {
  const scores = new Map<string, BaselineScore>();
  for await (const line of readPackedLines(file, signal)) {
    const row = parseBaselineLine(line);
    if (row?.method === method) scores.set(row.id, row);
  }
  return scores;
}

/** `id, commit, method, accepted (0 or 1), edit similarity`, separated by tabs. Null for an empty line or the head. */
export function parseBaselineLine(line: string): (BaselineScore & { id: string; method: string }) | null {
  const [id, , method, accepted, similarity] = line.split("\t");
  if (!id || !method || (accepted !== "0" && accepted !== "1")) return null;
  return { id, method, accepted: Number(accepted), similarity: Number(similarity) };
}
