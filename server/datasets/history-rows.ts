import type { DatasetRow } from "../../core/dataset-row.ts";
import { redactPlace } from "../../core/redaction/place.ts";
import { gitCommand } from "../../tracker/git-command.ts";
import { mineHistory } from "../../tracker/history.ts";
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
  const examples = followHistory(root);
  for await (const mined of mineHistory({
    repo: root,
    limit: MAX_HISTORY_POINTS,
    signal,
    ...(languages.length === 0 ? {} : { languages }),
  })) {
    // A secret that was once committed must not be learnt.
    const { prefix, written, suffix } = redactPlace({ ...mined, written: mined.target });
    const point = { ...mined, prefix, suffix, target: written };
    rows.push({
      id: point.id,
      suggestionId: null,
      source: "history",
      root,
      path: point.path,
      language: point.language,
      prefix: point.prefix,
      suffix: point.suffix,
      examples: examples.next(point),
      completion: point.target,
      good: true,
      weight: HISTORY_WEIGHT,
      writtenAt: point.writtenAt,
      group: point.commit,
    });
  }
  return { root, head, rows };
}
