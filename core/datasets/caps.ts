import type { DatasetRow } from "../dataset-row.ts";
import { hashText } from "../statistics/random.ts";

export interface Caps {
  /** Largest share of the rows that one file may have. */
  readonly perFile: number;
  /** Largest share that one repository may have, where there is more than one. */
  readonly perRepository: number;
  /** Largest share of somebody else than the store's owner, who is not capped. */
  readonly perPerson: number;
}

export const DEFAULT_CAPS: Caps = { perFile: 0.05, perRepository: 0.4, perPerson: 0.25 };

/** A cap never goes below this many rows, so that a small project keeps its few files. */
const MIN_CAPPED_ROWS = 20;

export interface Capped {
  readonly rows: readonly DatasetRow[];
  readonly droppedByFile: readonly DatasetRow[];
  readonly droppedByRepository: readonly DatasetRow[];
  readonly droppedByPerson: readonly DatasetRow[];
}

/**
 * Keeps one file or repository from dominating. Shares are of the rows given, at least 20 rows; which rows
 * stay is chosen by a hash of their id, evenly over time, and the order of the rows is kept. Rows from
 * feedback go before rows mined from history.
 *
 * The cap on a person is strict: the share is of the rows that are left, however few. What one of them sends can
 * be poison, and 20 rows of it in a dataset of 30 are no small project's files. `all` are the rows that say whose
 * store it is, when `rows` are a part of them.
 */
export const capRows = (
  rows: readonly DatasetRow[],
  caps: Caps = DEFAULT_CAPS,
  all: readonly DatasetRow[] = rows,
): Capped => {
  const byFile = cap(rows, caps.perFile, (row) => `${row.root}\0${row.path}`);
  const nRepositories = new Set(rows.map((row) => row.root)).size;
  const byRepository =
    nRepositories < 2 ? { kept: byFile.kept, dropped: [] } : cap(byFile.kept, caps.perRepository, (row) => row.root);
  const byPerson = capPersons(byRepository.kept, caps.perPerson, isOneTools(all));
  return {
    rows: byPerson.kept,
    droppedByFile: byFile.dropped,
    droppedByRepository: byRepository.dropped,
    droppedByPerson: byPerson.dropped,
  };
};

/** Lowers the largest persons together until each has at most its share of what is left. */
const capPersons = (rows: readonly DatasetRow[], share: number, isOwners: boolean) => {
  if (isOwners) return { kept: rows.map(ownersRow), dropped: [] };
  const groups = new Map<string, DatasetRow[]>();
  for (const row of rows) {
    if (row.person === undefined) continue;
    const group = groups.get(row.person);
    if (group === undefined) groups.set(row.person, [row]);
    else group.push(row);
  }
  const sizes = [...groups.values()].map((group) => group.length);
  const nOwn = rows.length - sizes.reduce((sum, size) => sum + size, 0);
  const total = (limit: number): number => sizes.reduce((sum, size) => sum + Math.min(size, limit), nOwn);
  let limit = Math.max(0, ...sizes);
  while (limit > 0 && limit > share * total(limit)) limit -= 1;
  const dropped = new Set<DatasetRow>();
  for (const group of groups.values()) {
    for (const row of [...group].sort(byPreference).slice(limit)) dropped.add(row);
  }
  return { kept: rows.filter((row) => !dropped.has(row)), dropped: [...dropped] };
};

/** Whether one tool alone fills the store, as without an editor: whoever runs it is the owner. */
const isOneTools = (all: readonly DatasetRow[]): boolean => {
  const persons = new Set(all.map(({ person }) => person));
  return persons.size === 1 && !persons.has(undefined);
};

const ownersRow = (row: DatasetRow): DatasetRow => {
  const { person: _, ...own } = row;
  return own;
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
