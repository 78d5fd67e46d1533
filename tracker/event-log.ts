import { type FileHandle, mkdir, open, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type PlaceSeen, SURVIVAL_RECORD_VERSION, type SurvivalRecord } from "../core/survival/survival-record.ts";
import { createTurns } from "./turns.ts";

/** The append-only log of one repository's tracker, in monthly segments. Appends are in order. */
export interface EventLog {
  /** Writes records and, for those that must not get lost, waits until the disk has them. */
  append(records: readonly SurvivalRecord[]): Promise<void>;
  /** Keeps what the records give, which is null for those that go: what a person asked to be forgotten leaves the disk. */
  rewrite(keep: (record: SurvivalRecord) => SurvivalRecord | null): Promise<void>;
  close(): Promise<void>;
}

/** A longer line is refused: readers hold one line at a time. */
export const MAX_LINE_BYTES = 65_536;
/** Records that a power cut must not take. */
const SYNCED: ReadonlySet<SurvivalRecord["kind"]> = new Set(["accept", "snap", "loss", "head", "places"]);
const KINDS: ReadonlySet<string> = new Set([
  "accept",
  "rename",
  "buf",
  "save",
  "head",
  "places",
  "snap",
  "loss",
  "gain",
  "dormant",
  "censor",
]);

/** Places of a snapshot that are those of the last one of another snippet, before that one's id. */
const SAME_AS = "=";

export interface OpenedLog {
  readonly log: EventLog;
  readonly records: readonly SurvivalRecord[];
}

/**
 * Opens the log in a folder, made when it is not there, and reads what it holds. A torn last line is ended
 * and passed over, as are lines of unknown kinds and later versions.
 *
 * @throws what the file system has to complain about
 */
export const openEventLog = async (folder: string): Promise<OpenedLog> => {
  await mkdir(folder, { recursive: true });
  const segments = (await readdir(folder)).filter((name) => SEGMENT.test(name)).sort();
  const records: SurvivalRecord[] = [];
  let lastByte = NEWLINE;
  for (const name of segments) {
    const bytes = await readFile(join(folder, name));
    for (const record of await parseInTurns(bytes.toString("utf8"))) records.push(record);
    lastByte = bytes.at(-1) ?? NEWLINE;
  }
  let file: { name: string; handle: FileHandle; ino: number } | null = null;
  let work: Promise<void> = Promise.resolve();
  const last = segments.at(-1);

  const write = async (given: readonly SurvivalRecord[]): Promise<void> => {
    for (const [name, text] of await bySegment(given)) {
      // Another window that forgets puts a file of its own in the place of the one that is open here.
      const isSame = file?.name === name && (await inodeOf(join(folder, name))) === file.ino;
      if (!isSame) {
        await file?.handle.close();
        // The folder goes when nothing was left in it.
        await mkdir(folder, { recursive: true });
        const handle = await open(join(folder, name), "a", 0o600);
        file = { name, handle, ino: (await handle.stat()).ino };
        // A line that a crash tore must not swallow the first new one.
        if (name === last && lastByte !== NEWLINE) await handle.appendFile("\n");
        lastByte = NEWLINE;
      }
      await file?.handle.appendFile(text);
    }
    if (given.some(({ kind }) => SYNCED.has(kind))) await file?.handle.datasync();
  };

  return {
    records,
    log: {
      append(given) {
        if (given.length === 0) return work;
        const next = work.then(() => write(given));
        // A failed write is told to its caller; the next one is tried all the same.
        work = next.catch(() => undefined);
        return next;
      },
      rewrite(keep) {
        const next = work.then(async () => {
          await file?.handle.close();
          file = null;
          lastByte = NEWLINE;
          for (const name of (await readdir(folder)).filter((entry) => SEGMENT.test(entry))) {
            const kept = parseLog(await readFile(join(folder, name), "utf8")).flatMap((record) => keep(record) ?? []);
            const text = kept.map((record) => `${JSON.stringify(record)}\n`).join("");
            await writeFile(join(folder, `${name}.new`), text, { mode: 0o600, flush: true });
            await rename(join(folder, `${name}.new`), join(folder, name));
          }
        });
        work = next.catch(() => undefined);
        return next;
      },
      async close() {
        await work;
        await file?.handle.close();
        file = null;
      },
    },
  };
};

/** A log that forgets: nothing is written anywhere. */
export const openMemoryLog = (): OpenedLog => ({
  records: [],
  log: { append: () => Promise.resolve(), rewrite: () => Promise.resolve(), close: () => Promise.resolve() },
});

/** Records of a log's text, in its order. */
export const parseLog = (text: string): SurvivalRecord[] => {
  const records: SurvivalRecord[] = [];
  for (const record of readLines(text)) if (record !== null) records.push(record);
  return records;
};

/** The same in turns, for the log that an editor opens. */
const parseInTurns = async (text: string): Promise<SurvivalRecord[]> => {
  const records: SurvivalRecord[] = [];
  const turns = createTurns();
  for (const record of readLines(text)) {
    if (record !== null) records.push(record);
    if (turns.isOver()) await turns.next();
  }
  return records;
};

/** One item a whole line; null for a line that holds no known record. */
function* readLines(text: string): Generator<SurvivalRecord | null> {
  const places = new Map<string, readonly PlaceSeen[]>();
  for (let start = 0, end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
    const record = parseLine(text.slice(start, end));
    start = end + 1;
    if (record?.kind !== "snap") {
      yield record;
      continue;
    }
    const { where } = record as { readonly where: unknown };
    if (typeof where !== "string") {
      places.set(record.sid, record.where);
      yield record;
      continue;
    }
    // Places of a line that was damaged are not known, nor is what refers to them.
    const shared = places.get(where.slice(SAME_AS.length));
    yield shared === undefined ? null : { ...record, where: shared };
  }
}

/** Names of the log's files, one a month. */
export const SEGMENT = /^survival-\d{4}-\d{2}\.jsonl$/;
const NEWLINE = 0x0a;

const inodeOf = async (file: string): Promise<number | null> =>
  stat(file).then(
    ({ ino }) => ino,
    () => null,
  );

const parseLine = (line: string): SurvivalRecord | null => {
  if (line === "") return null;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { v, kind, at } = value as Partial<SurvivalRecord>;
  const isKnown =
    v === SURVIVAL_RECORD_VERSION && typeof at === "number" && typeof kind === "string" && KINDS.has(kind);
  return isKnown ? (value as SurvivalRecord) : null;
};

const bySegment = async (records: readonly SurvivalRecord[]): Promise<Map<string, string>> => {
  const segments = new Map<string, string>();
  const writers = new Map<string, (record: SurvivalRecord) => string>();
  const turns = createTurns();
  for (const record of records) {
    if (turns.isOver()) await turns.next();
    const name = `survival-${new Date(record.at).toISOString().slice(0, 7)}.jsonl`;
    const lineOf = writers.get(name) ?? createLineWriter();
    writers.set(name, lineOf);
    segments.set(name, (segments.get(name) ?? "") + lineOf(record));
  }
  return segments;
};

/** Lines of records that follow each other: places that many snippets share are written with the first of them. */
const createLineWriter = (): ((record: SurvivalRecord) => string) => {
  const writtenWith = new Map<readonly PlaceSeen[], string>();
  return (record) => {
    const first = record.kind === "snap" ? writtenWith.get(record.where) : undefined;
    if (first !== undefined) return `${JSON.stringify({ ...record, where: SAME_AS + first })}\n`;
    const line = `${JSON.stringify(record)}\n`;
    if (Buffer.byteLength(line) > MAX_LINE_BYTES) return "";
    if (record.kind === "snap" && record.where.length > 0) writtenWith.set(record.where, record.sid);
    return line;
  };
};
