import { AppError } from "../errors.ts";

/**
 * The part of the tar format that archives of Kept use (POSIX.1-1988 ustar): ordinary files with short
 * names. Directories, links, devices, long names and extensions are not skipped but refused: nothing in
 * an archive of Kept needs them.
 */
const BLOCK_BYTES = 512;
/** Longest name that a header has room for without extensions, bytes. */
export const MAX_NAME_BYTES = 100;
/** Largest file that eleven octal digits can name, bytes. */
const MAX_FILE_BYTES = 0o77777777777;
/** What a writer may add after the end: tar programs fill up a record of twenty blocks. */
const MAX_END_BYTES = 20 * BLOCK_BYTES;

/** One file of an archive. Its bytes have to be read to their end before the next entry is asked for. */
export interface TarEntry {
  readonly name: string;
  readonly bytes: number;
  read(): AsyncGenerator<Uint8Array>;
}

/** A header block for an ordinary file of mode 0600. `modifiedAt` in milliseconds since 1970. */
export function tarHeader(name: string, bytes: number, modifiedAt: number): Buffer {
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw new RangeError(`${name} is too long for a tar header`);
  if (bytes > MAX_FILE_BYTES) throw new RangeError(`${name} is too large for a tar header`);
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, length: number): void =>
    void header.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  header.write(name, 0, "utf8");
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(bytes, 124, 12);
  octal(Math.max(0, Math.floor(modifiedAt / 1_000)), 136, 12);
  header.write("0", 156, "latin1");
  header.write("ustar\0" + "00", 257, "latin1");
  header.write(`${checksum(header).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** What stands after a file so that the next one begins with a block. */
export const tarPadding = (bytes: number): Buffer => Buffer.alloc((BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES);

export const tarEnd = (): Buffer => Buffer.alloc(2 * BLOCK_BYTES);

/** Reads an archive from its first byte to its last, one entry after the other. @throws AppError `archive-invalid` */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const input = byteReader(source);
  for (;;) {
    const header = await input.exactly(BLOCK_BYTES);
    if (header === null) throw invalidArchive("it ends before its end");
    if (isZero(header)) break;
    const { name, bytes } = parseHeader(header);
    let left = bytes;
    yield {
      name,
      bytes,
      async *read() {
        while (left > 0) {
          const piece = await input.some(left);
          if (piece === null) throw invalidArchive(`it ends in the middle of ${name}`);
          left -= piece.length;
          yield piece;
        }
      },
    };
    if (left > 0) throw new Error(`${name} was not read to its end`);
    const padding = await input.exactly((BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES);
    if (padding === null) throw invalidArchive(`it ends after ${name}`);
    if (!isZero(padding)) throw invalidArchive(`there is something hidden after ${name}`);
  }
  let after = 0;
  for (let piece = await input.some(BLOCK_BYTES); piece !== null; piece = await input.some(BLOCK_BYTES)) {
    after += piece.length;
    if (!isZero(piece) || after > MAX_END_BYTES) throw invalidArchive("there is something behind its end");
  }
  if (after < BLOCK_BYTES) throw invalidArchive("it ends before its end");
}

export const invalidArchive = (what: string): AppError =>
  new AppError("archive-invalid", `This is no archive that can be imported: ${what}.`, {
    hint: "Nothing was changed. Write it again with `kept export archive`.",
  });

const KINDS: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a device",
  "4": "a device",
  "5": "a folder",
  "6": "a pipe",
};

function parseHeader(header: Buffer): { name: string; bytes: number } {
  const name = textField(header, 0, MAX_NAME_BYTES);
  if (name === null || name === "") throw invalidArchive("it is no tar file, or is damaged");
  const shown = JSON.stringify(name);
  if (octalField(header, 148, 8) !== checksum(header) || header.toString("latin1", 257, 262) !== "ustar")
    throw invalidArchive("it is no tar file, or is damaged");
  const kind = String.fromCharCode(header[156]!);
  if (kind !== "0" && kind !== "\0") throw invalidArchive(`${shown} is ${KINDS[kind] ?? "no ordinary file"}`);
  if (!isZero(header.subarray(157, 257))) throw invalidArchive(`${shown} is a link`);
  if (!isZero(header.subarray(345, 500))) throw invalidArchive(`${shown} has a longer name than an archive needs`);
  const bytes = octalField(header, 124, 12);
  if (bytes === null) throw invalidArchive(`${shown} has no proper size`);
  return { name, bytes };
}

/** Text up to the first NUL, after which there is nothing more; null for other bytes than UTF-8. */
function textField(header: Buffer, at: number, length: number): string | null {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  if (end >= 0 && !isZero(field.subarray(end))) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(end < 0 ? field : field.subarray(0, end));
  } catch {
    return null;
  }
}

function octalField(header: Buffer, at: number, length: number): number | null {
  const text = /^ *([0-7]+)[\0 ]*$/.exec(header.toString("latin1", at, at + length))?.[1];
  return text === undefined ? null : Number.parseInt(text, 8);
}

/** The sum of all bytes, with spaces where the sum itself stands. */
function checksum(header: Buffer): number {
  let sum = 0;
  for (let i = 0; i < BLOCK_BYTES; i += 1) sum += i >= 148 && i < 156 ? 0x20 : header[i]!;
  return sum;
}

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

interface ByteReader {
  /** Some bytes, at least one and at most `most`; null at the end. */
  some(most: number): Promise<Uint8Array | null>;
  /** So many bytes, or null when there are fewer. */
  exactly(count: number): Promise<Buffer | null>;
}

function byteReader(source: AsyncIterable<Uint8Array>): ByteReader {
  const pieces = source[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array(0);
  const some: ByteReader["some"] = async (most) => {
    while (held.length === 0) {
      const next = await pieces.next();
      if (next.done === true) return null;
      held = next.value;
    }
    const piece = held.subarray(0, most);
    held = held.subarray(piece.length);
    return piece;
  };
  return {
    some,
    async exactly(count) {
      const parts: Uint8Array[] = [];
      for (let left = count; left > 0;) {
        const piece = await some(left);
        if (piece === null) return null;
        parts.push(piece);
        left -= piece.length;
      }
      return Buffer.concat(parts);
    },
  };
}
