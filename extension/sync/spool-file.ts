import { readFile } from "node:fs/promises";

/** What a left-behind outbox file still holds. */
export interface Spool {
  /** Events not yet answered for, as JSON texts. */
  readonly lines: readonly string[];
  /** Lines that were no JSON objects with an id: garbage, or a record cut off by a crash. */
  readonly damaged: number;
}

/** Reads the lines after the cursor. The last line of a crash may be half written: it is counted, not sent. */
export async function readSpool(file: string): Promise<Spool> {
  const [text, cursor] = await Promise.all([readFile(file, "utf8"), readCursor(file)]);
  const all = text.split("\n");
  const waiting = all.slice(Math.min(cursor, all.length)).filter((line) => line.length > 0);
  const lines = waiting.filter(isEvent);
  return { lines, damaged: waiting.length - lines.length };
}

/** The number of leading lines that the server has answered for; 0 when the cursor is missing or damaged. */
async function readCursor(file: string): Promise<number> {
  try {
    const value = Number(await readFile(`${file}.cursor`, "utf8"));
    return Number.isSafeInteger(value) && value >= 0 ? value : 0;
  } catch {
    return 0;
  }
}

function isEvent(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && typeof (value as { id?: unknown }).id === "string";
  } catch {
    return false;
  }
}
