import { AppError } from "../errors.ts";
import {
  anyManifest,
  ARCHIVE_FORMAT,
  archiveManifest,
  isMemberName,
  MANIFEST_MEMBER,
  MAX_MANIFEST_BYTES,
  MAX_RATIO,
  RATIO_FROM_BYTES,
  type ArchiveManifest,
} from "./layout.ts";
import { NEEDED_MEMBERS, RECORD_MEMBERS } from "./records.ts";
import { invalidArchive, readTar, type TarEntry } from "./tar.ts";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";

export interface ReadRequest {
  readonly file: string;
  /** An empty folder of this process: the files get numbers for names there, never those of the archive. */
  readonly to: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Hears how many bytes of the packed file were read, of how many. */
  readonly onProgress: (done: number, all: number) => void;
}

export interface UnpackedArchive {
  readonly manifest: ArchiveManifest;
  /** Where the bytes of a member lie; throws for one that is not there. */
  fileOf(member: string): string;
}

/**
 * Unpacks an archive into a folder and compares every byte with its manifest. The manifest comes first and
 * says what follows, in order: another file, another size, another hash or one more is refused there and
 * then, and so is a size or a number above the limits.
 * @throws AppError `not-found`, `archive-invalid`, `archive-newer`, `too-large`
 */
export async function readArchive(request: ReadRequest): Promise<UnpackedArchive> {
  const { to, signal } = request;
  const entries = readTar(await unpacked(request));
  const first = await entries.next();
  if (first.done === true || first.value.name !== MANIFEST_MEMBER) {
    throw invalidArchive(`it does not begin with ${MANIFEST_MEMBER}`);
  }
  const manifest = await readManifest(first.value, request.maxBytes);
  const places = new Map<string, string>();
  let at = 0;
  for await (const entry of entries) {
    const shown = JSON.stringify(entry.name);
    if (!isMemberName(entry.name)) throw invalidArchive(`it holds ${shown}, which no archive has`);
    if (places.has(entry.name)) throw invalidArchive(`it holds ${shown} twice`);
    const expected = manifest.members[at];
    if (expected?.path !== entry.name) throw invalidArchive(`${shown} is not what its manifest names next`);
    if (expected.bytes !== entry.bytes) throw invalidArchive(`${shown} has another size than its manifest says`);
    const place = path.join(to, `member-${at}`);
    if ((await unpackMember(entry, place, signal)) !== expected.sha256) {
      throw invalidArchive(`${shown} has other bytes than its manifest says`);
    }
    places.set(entry.name, place);
    at += 1;
  }
  const missing = manifest.members[at];
  if (missing !== undefined) throw invalidArchive(`${missing.path} is missing`);
  return {
    manifest,
    fileOf(member) {
      const place = places.get(member);
      if (place === undefined) throw invalidArchive(`${member} is missing`);
      return place;
    },
  };
}

const GZIP = Buffer.from([0x1f, 0x8b]);

/** The bytes of the tar file, whether it is packed or not, with an eye on how many they become. */
async function unpacked(request: ReadRequest): Promise<AsyncGenerator<Uint8Array>> {
  const { file, maxBytes, signal, onProgress } = request;
  const found = await stat(file).catch(() => null);
  if (found === null) throw new AppError("not-found", `There is no file ${file}.`);
  if (!found.isFile()) throw invalidArchive("it is no ordinary file");
  const isGzip = await beginsWithGzip(file);
  async function* packed(): AsyncGenerator<Buffer> {
    let nRead = 0;
    for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      onProgress((nRead += piece.length), found!.size);
      yield piece;
    }
  }
  const source: AsyncIterable<Buffer> = isGzip ? pipeline(packed, createGunzip(), () => {}) : packed();
  return (async function* () {
    let nUnpacked = 0;
    try {
      for await (const piece of source) {
        nUnpacked += piece.length;
        // Headers and padding come on top of the members' own bytes, which the manifest has to name.
        if (nUnpacked > 2 * maxBytes) throw tooLarge(maxBytes);
        if (nUnpacked > RATIO_FROM_BYTES && nUnpacked > MAX_RATIO * found.size) {
          throw new AppError("too-large", `It unpacks to more than ${MAX_RATIO} times its size: it is not unpacked.`);
        }
        yield piece;
      }
    } catch (error) {
      if (!String((error as { code?: unknown }).code).startsWith("Z_")) throw error;
      throw invalidArchive("it is cut off, or its packing is damaged");
    }
  })();
}

async function beginsWithGzip(file: string): Promise<boolean> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(GZIP.length), 0, GZIP.length, 0);
    return bytesRead === GZIP.length && buffer.equals(GZIP);
  } finally {
    await handle.close();
  }
}

async function readManifest(entry: TarEntry, maxBytes: number): Promise<ArchiveManifest> {
  if (entry.bytes > MAX_MANIFEST_BYTES) throw invalidArchive("its manifest is too large");
  const pieces: Uint8Array[] = [];
  for await (const piece of entry.read()) pieces.push(Buffer.from(piece));
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(pieces).toString("utf8"));
  } catch {
    throw invalidArchive("its manifest cannot be read");
  }
  const any = anyManifest.safeParse(value);
  if (any.success && any.data.format > ARCHIVE_FORMAT) {
    throw new AppError(
      "archive-newer",
      `The archive has format ${any.data.format}; this Kept reads ${ARCHIVE_FORMAT}.`,
      {
        hint: "Update Kept. Nothing was changed.",
      },
    );
  }
  const parsed = archiveManifest.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalidArchive(
      `its manifest is wrong at ${issue?.path.join(".") || "its top"}: ${issue?.message ?? "shape"}`,
    );
  }
  const manifest = parsed.data;
  const names = manifest.members.map(({ path: name }) => name);
  // Where upper and lower case are one, two such names would be one file.
  if (new Set(names.map((name) => name.toLowerCase())).size < names.length) {
    throw invalidArchive("its manifest names a file twice");
  }
  const unknown = names.find(
    (name) => !name.includes("/") && name.endsWith(".jsonl") && !RECORD_MEMBERS.includes(name),
  );
  if (unknown !== undefined) throw invalidArchive(`it holds ${unknown}, which no archive has`);
  for (const member of NEEDED_MEMBERS) {
    if (!names.includes(member)) throw invalidArchive(`${member} is missing`);
  }
  if (manifest.members.reduce((sum, { bytes }) => sum + bytes, 0) > maxBytes) throw tooLarge(maxBytes);
  return manifest;
}

const tooLarge = (maxBytes: number): AppError =>
  new AppError("too-large", `The archive unpacks to more than ${Math.round(maxBytes / 2 ** 20)} MiB.`, {
    hint: "If you know where it comes from, allow more with --max-mb.",
  });

/** Writes a file and answers the sha256 of its bytes. */
async function unpackMember(entry: TarEntry, place: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const handle = await open(place, "wx", 0o600);
  try {
    for await (const piece of entry.read()) {
      signal.throwIfAborted();
      hash.update(piece);
      await handle.writeFile(piece);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return hash.digest("hex");
}
