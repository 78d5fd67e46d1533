import type { DatasetRow } from "../../core/dataset-row.ts";
import type { HistoryPoint } from "../../core/history-point.ts";
import { redactPlace } from "../../core/redaction/place.ts";
import { gitCommand } from "../../tracker/git-command.ts";
import { mineHistory } from "../../tracker/history.ts";
import { type PointLife, historyLives } from "./history-lives.ts";
import { followHistory } from "./earlier-examples.ts";
import { realpath } from "node:fs/promises";

/** The newest points of a history: what a developer writes now, within a few minutes of mining. */
const MAX_HISTORY_POINTS = 4_000;
/** Committed code is likely what was wanted, but nobody was asked: it counts less than feedback. */
const HISTORY_WEIGHT = 0.3;

export interface MinedHistory {
  readonly root: string;
  /** Commit that the workspace stood at. */
  readonly head: string;
  readonly rows: readonly DatasetRow[];
}

/** Rows from the git history of a workspace folder, of some languages or of all. Throws GitError when it is no repository. */
export async function historyRows(
  workspace: string,
  signal: AbortSignal,
  languages: readonly string[] = [],
): Promise<MinedHistory> {
  const root = await realpath(workspace);
  const head = (await gitCommand(root, ["rev-parse", "HEAD"], signal)).trim();
  const rows: DatasetRow[] = [];
  const points: HistoryPoint[] = [];
  for await (const mined of mineHistory({
    repo: root,
    limit: MAX_HISTORY_POINTS,
    signal,
    ...(languages.length === 0 ? {} : { languages }),
  }))
    points.push(mined);
  const lives = await historyLives(root, head, points, signal);
  const examples = followHistory(root);
  for (const mined of points) {
    const life = lives.get(mined.id) ?? { kind: "good" };
    // A secret that was once committed must not be learnt.
    const { prefix, written, suffix } = redactPlace({ ...mined, written: mined.target });
    const point = { ...mined, prefix, suffix, target: written };
    const row: DatasetRow = {
      id: point.id,
      suggestionId: null,
      source: "history",
      root,
      path: point.path,
      language: point.language,
      prefix: point.prefix,
      suffix: point.suffix,
      examples: examples.next(point, life.kind === "good"),
      completion: point.target,
      good: true,
      weight: HISTORY_WEIGHT,
      writtenAt: point.writtenAt,
      group: point.commit,
    };
    if (life.kind === "good") rows.push(row);
    else if (life.kind === "unknown") rows.push({ ...row, weight: 0 });
    else rows.push(...badRows(row, mined, life));
  }
  return { root, head, rows };
}

/**
 * Code that went soon, and what was written in its place: as old as the commit that took it away, because before
 * that nobody could know. So nothing that came later than the training rows says what is learnt.
 */
function badRows(
  row: DatasetRow,
  mined: HistoryPoint,
  { loss, lostAt, confidence, instead }: Extract<PointLife, { kind: "bad" }>,
): DatasetRow[] {
  const known = { ...row, writtenAt: lostAt, group: loss.commit };
  const bad = { ...known, id: `${row.id}:bad`, good: false, weight: HISTORY_WEIGHT * confidence, loss };
  if (instead === undefined) return [bad];
  const { written } = redactPlace({ ...mined, written: instead });
  return [bad, { ...known, id: `${row.id}:instead`, completion: written }];
}
