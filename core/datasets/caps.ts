import type { DatasetRow } from "../dataset-row.ts";
import { hashText } from "../statistics/random.ts";

export interface Caps {
  /** Largest share of the rows that one file may have. */
  readonly perFile: number;
  /** Largest share that one repository may have, where there is more than one. */
  readonly perRepository: number;
}

export const DEFAULT_CAPS: Caps = { perFile: 0.05, perRepository: 0.4 };

/** A cap never goes below this many rows, so that a small project keeps its few files. */
const MIN_CAPPED_ROWS = 20;

export interface Capped {
  readonly rows: readonly DatasetRow[];
  readonly droppedByFile: readonly DatasetRow[];
  readonly droppedByRepository: readonly DatasetRow[];
}

/**
 * Keeps one file or repository from dominating. Shares are of the rows given, at least 20 rows; which rows
 * stay is chosen by a hash of their id, evenly over time, and the order of the rows is kept. Rows from
 * feedback go before rows mined from history.
 */
export const capRows = (rows: readonly DatasetRow[], caps: Caps = DEFAULT_CAPS): Capped => {
  const byFile = cap(rows, caps.perFile, (row) => `${row.root}\0${row.path}`);
  const nRepositories = new Set(rows.map((row) => row.root)).size;
  if (nRepositories < 2) return { rows: byFile.kept, droppedByFile: byFile.dropped, droppedByRepository: [] };
  const byRepository = cap(byFile.kept, caps.perRepository, (row) => row.root);
  return { rows: byRepository.kept, droppedByFile: byFile.dropped, droppedByRepository: byRepository.dropped };
};

const cap = (rows: readonly DatasetRow[], share: number, keyOf: (row: DatasetRow) => string) => {
  const limit = Math.max(MIN_CAPPED_ROWS, Math.ceil(rows.length * share));
  const groups = new Map<string, DatasetRow[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group === undefined) groups.set(keyOf(row), [row]);
    else group.push(row);
  }
  const dropped = new Set<DatasetRow>();
  for (const group of groups.values()) {
    if (group.length <= limit) continue;
    for (const row of [...group].sort(byPreference).slice(limit)) dropped.add(row);
  }
  return { kept: rows.filter((row) => !dropped.has(row)), dropped: [...dropped] };
};

const byPreference = (left: DatasetRow, right: DatasetRow): number =>
  Number(left.source === "history") - Number(right.source === "history") ||
  hashText(left.id) - hashText(right.id) ||
  (left.id < right.id ? -1 : 1);
