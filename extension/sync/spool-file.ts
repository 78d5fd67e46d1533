import { open, readFile, rename, rm, writeFile, type FileHandle } from "node:fs/promises";

/**
 * One append-only file of events, a JSON text a line, and beside it `<file>.offset`: the number of
 * leading bytes that the server has answered for. Both are small promises: a lost offset only means
 * that events are sent again, and a line cut off by a crash is passed over and counted.
 */
export interface SpoolFile {
  readonly path: string;
  /** Bytes of the file, and how many of them are answered for. */
  readonly bytes: number;
  readonly offset: number;
  /** Lines after the offset that were read or written by this process and not answered for yet. */
  readonly lines: number;
  append(lines: readonly string[]): Promise<void>;
  /** The oldest lines after the offset. `bytes` is what `advance` takes. */
  read(maxLines: number, maxBytes: number): Promise<SpoolRead>;
  advance(read: SpoolRead): Promise<void>;
  /** Replace everything after the offset by the lines that `keep` leaves. Resolves with how many went. */
  filter(keep: (line: string) => boolean): Promise<number>;
  /** Shows every line after the offset. */
  scan(look: (line: string) => void): Promise<void>;
  close(): Promise<void>;
  remove(): Promise<void>;
}

export interface SpoolRead {
  readonly lines: readonly string[];
  /** Lines that are no events: garbage, or a record cut off by a crash. */
  readonly damaged: readonly string[];
  readonly bytes: number;
  /** Of the file's contents: after a `filter` the bytes stand elsewhere. */
  readonly revision: number;
}

/** Answered bytes are cut off once they are this many and more than what waits: the file stays within twice its events. */
const COMPACT_BYTES = 4 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/** Opens the file, making it when missing, and counts what waits in it. */
export async function openSpoolFile(path: string): Promise<SpoolFile> {
  let handle = await open(path, "a+", 0o600);
  let bytes = (await handle.stat()).size;
  let offset = Math.min(await readOffset(path), bytes);
  let lines = await countLines(handle, offset, bytes);
  /** The last write failed, or a crash cut the last line: the next line starts on its own. */
  let revision = 0;
  let isTorn = bytes > 0 && !(await endsWithNewline(handle, bytes));
  if (isTorn && bytes > offset) lines += 1;

  const rewrite = async (rest: string): Promise<void> => {
    const fresh = `${path}.new`;
    await rm(fresh, { force: true });
    const next = await open(fresh, "a+", 0o600);
    await next.appendFile(rest);
    await next.datasync();
    // The offset first: a crash between the two sends events again, the other order would lose them.
    await writeOffset(path, 0);
    await rename(fresh, path);
    await handle.close();
    handle = next;
    offset = 0;
    bytes = Buffer.byteLength(rest);
    isTorn = false;
  };

  const waitingLines = async (): Promise<string[]> =>
    (await readRange(handle, offset, bytes - offset))
      .toString("utf8")
      .split("\n")
      .filter((line) => line !== "");

  const filter = async (keep: (line: string) => boolean): Promise<number> => {
    revision += 1;
    const all = await waitingLines();
    const kept = all.filter(keep);
    // What was answered for may still stand before the offset.
    if (kept.length === all.length && offset === 0) return 0;
    await rewrite(kept.length === 0 ? "" : `${kept.join("\n")}\n`);
    lines = kept.length;
    return all.length - kept.length;
  };

  return {
    path,
    filter,
    get bytes() {
      return bytes;
    },
    get offset() {
      return offset;
    },
    get lines() {
      return lines;
    },
    async append(added) {
      if (added.length === 0) return;
      const text = `${isTorn ? "\n" : ""}${added.join("\n")}\n`;
      try {
        await handle.appendFile(text);
        await handle.datasync();
      } catch (error) {
        // Whole lines of a failed write may have arrived; they will be written again, which their ids make harmless.
        isTorn = true;
        bytes = await sizeOf(handle, bytes);
        lines = (await countLines(handle, offset, bytes)) + 1;
        throw error;
      }
      isTorn = false;
      bytes += Buffer.byteLength(text);
      lines += added.length;
    },
    async read(maxLines, maxBytes) {
      const wanted = Math.min(bytes - offset, Math.max(maxBytes, CHUNK_BYTES));
      let text = await readRange(handle, offset, wanted);
      if (text.length < wanted) {
        // Somebody cut the file: what is not there cannot be sent.
        bytes = offset + text.length;
        lines = await countLines(handle, offset, bytes);
      }
      // One line longer than the batch is still one line: read until it ends.
      for (let more = wanted; !text.includes(NEWLINE) && offset + more < bytes;) {
        more = Math.min(bytes - offset, more * 2);
        text = await readRange(handle, offset, more);
      }
      return { ...batchOf(text, offset + text.length >= bytes, maxLines, maxBytes), revision };
    },
    async advance(read) {
      if (read.revision !== revision) {
        const answered = new Set(read.lines);
        await filter((line) => !answered.has(line));
        return;
      }
      offset += read.bytes;
      lines = Math.max(0, lines - read.lines.length - read.damaged.length);
      if (offset >= bytes) {
        await writeOffset(path, 0);
        await handle.truncate(0);
        [offset, bytes, lines, isTorn] = [0, 0, 0, false];
      } else if (offset > COMPACT_BYTES && offset > bytes - offset) {
        await rewrite((await readRange(handle, offset, bytes - offset)).toString("utf8"));
      } else {
        await writeOffset(path, offset);
      }
    },
    async scan(look) {
      (await waitingLines()).forEach(look);
    },
    async close() {
      await handle.close();
    },
    async remove() {
      await handle.close().catch(() => {});
      await rm(path, { force: true });
      await rm(`${path}.offset`, { force: true });
      await rm(`${path}.new`, { force: true });
    },
  };
}

/** Cuts whole lines out of a chunk, within the limits, but never none where there is one. */
function batchOf(chunk: Buffer, isEnd: boolean, maxLines: number, maxBytes: number): Omit<SpoolRead, "revision"> {
  const lines: string[] = [];
  const damaged: string[] = [];
  let at = 0;
  let size = 0;
  while (at < chunk.length && lines.length < maxLines) {
    const newline = chunk.indexOf(NEWLINE, at);
    if (newline === -1 && !isEnd) break;
    const end = newline === -1 ? chunk.length : newline;
    const text = chunk.toString("utf8", at, end);
    const next = newline === -1 ? chunk.length : newline + 1;
    if (isEvent(text)) {
      if (lines.length > 0 && size + (next - at) > maxBytes) break;
      size += next - at;
      lines.push(text);
    } else if (text !== "") damaged.push(text);
    at = next;
  }
  return { lines, damaged, bytes: at };
}

function isEvent(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && typeof (value as { id?: unknown }).id === "string";
  } catch {
    return false;
  }
}

async function readRange(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.max(0, length));
  let read = 0;
  while (read < buffer.length) {
    const { bytesRead } = await handle.read(buffer, read, buffer.length - read, from + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return buffer.subarray(0, read);
}

async function countLines(handle: FileHandle, from: number, to: number): Promise<number> {
  let lines = 0;
  for (let at = from; at < to; at += CHUNK_BYTES) {
    const chunk = await readRange(handle, at, Math.min(CHUNK_BYTES, to - at));
    for (let i = chunk.indexOf(NEWLINE); i !== -1; i = chunk.indexOf(NEWLINE, i + 1)) lines += 1;
  }
  return lines;
}

async function endsWithNewline(handle: FileHandle, bytes: number): Promise<boolean> {
  return (await readRange(handle, bytes - 1, 1))[0] === NEWLINE;
}

async function sizeOf(handle: FileHandle, otherwise: number): Promise<number> {
  try {
    return (await handle.stat()).size;
  } catch {
    return otherwise;
  }
}

/** 0 when the file is missing or damaged. */
async function readOffset(path: string): Promise<number> {
  try {
    const value = Number(await readFile(`${path}.offset`, "utf8"));
    return Number.isSafeInteger(value) && value >= 0 ? value : 0;
  } catch {
    return 0;
  }
}

async function writeOffset(path: string, offset: number): Promise<void> {
  await writeFile(`${path}.offset.new`, String(offset), { mode: 0o600 });
  await rename(`${path}.offset.new`, `${path}.offset`);
}
