import { type FileHandle, mkdir, open, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SURVIVAL_RECORD_VERSION, type SurvivalRecord } from "../core/survival/survival-record.ts";

/** The append-only log of one repository's tracker, in monthly segments. Appends are in order. */
export interface EventLog {
  /** Writes records and, for those that must not get lost, waits until the disk has them. */
  append(records: readonly SurvivalRecord[]): Promise<void>;
  /** Keeps only some of the records: what a person asked to be forgotten leaves the disk. */
  rewrite(isKept: (record: SurvivalRecord) => boolean): Promise<void>;
  close(): Promise<void>;
}

/** A longer line is refused: readers hold one line at a time. */
export const MAX_LINE_BYTES = 65_536;
/** Records that a power cut must not take. */
const SYNCED: ReadonlySet<SurvivalRecord["kind"]> = new Set(["accept", "snap", "loss", "head"]);
const KINDS: ReadonlySet<string> = new Set([
  "accept",
  "rename",
  "buf",
  "save",
  "head",
  "snap",
  "loss",
  "gain",
  "dormant",
  "censor",
]);

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
    records.push(...parseLog(bytes.toString("utf8")));
    lastByte = bytes.at(-1) ?? NEWLINE;
  }
  let file: { name: string; handle: FileHandle; ino: number } | null = null;
  let work: Promise<void> = Promise.resolve();
  const last = segments.at(-1);

  const write = async (given: readonly SurvivalRecord[]): Promise<void> => {
    for (const [name, text] of bySegment(given)) {
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
      rewrite(isKept) {
        const next = work.then(async () => {
          await file?.handle.close();
          file = null;
          lastByte = NEWLINE;
          for (const name of (await readdir(folder)).filter((entry) => SEGMENT.test(entry))) {
            const kept = parseLog(await readFile(join(folder, name), "utf8")).filter(isKept);
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
  const end = text.lastIndexOf("\n") + 1;
  return text
    .slice(0, end)
    .split("\n")
    .flatMap((line) => {
      const record = parseLine(line);
      return record === null ? [] : [record];
    });
};

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

const bySegment = (records: readonly SurvivalRecord[]): Map<string, string> => {
  const segments = new Map<string, string>();
  for (const record of records) {
    const line = `${JSON.stringify(record)}\n`;
    if (Buffer.byteLength(line) > MAX_LINE_BYTES) continue;
    const name = `survival-${new Date(record.at).toISOString().slice(0, 7)}.jsonl`;
    segments.set(name, (segments.get(name) ?? "") + line);
  }
  return segments;
};
