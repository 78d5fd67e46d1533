import { hashOf } from "../../content-hash.ts";
import { syncDirectory } from "../../durable-file.ts";
import { AppError } from "../../errors.ts";
import type { S3Client, UploadedPart } from "./s3-client.ts";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";

/** What can be pushed. */
export const REMOTE_KINDS = ["datasets", "adapters", "backups"] as const;
export type RemoteKind = (typeof REMOTE_KINDS)[number];

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const FILE = /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]{0,255}$/;

/** `<kind>/<name>.json`: the files of a thing, each stored once as `blobs/<sha256>`. */
const manifest = z.object({
  format: z.literal(1),
  kind: z.enum(REMOTE_KINDS),
  name: z.string().regex(NAME),
  pushedAt: z.string(),
  files: z
    .array(
      z.object({
        path: z.string().regex(FILE),
        bytes: z.int().nonnegative(),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .min(1)
    .max(100_000),
});
export type RemoteManifest = z.infer<typeof manifest>;

export type RemoteProgress = (done: number, all: number) => void;

/** Parts of a file that is sent in parts, bytes; S3 takes no smaller ones than 5 MiB, and at most 10,000. */
export const PART_BYTES = 8 * 2 ** 20;
/** A manifest of 100,000 files has a fifth of it. */
const MAX_MANIFEST_BYTES = 64 * 2 ** 20;
const MAX_LISTED = 10_000;

const blobKey = (sha256: string): string => `blobs/${sha256}`;
const manifestKey = (kind: RemoteKind, name: string): string => `${kind}/${name}.json`;

/**
 * Sends every file of a folder that is not there yet, then the manifest that names them: a thing is listed only
 * when it is whole. Run again it goes on with the part that is missing. @throws AppError `invalid`, and the client's
 */
export async function pushFolder(
  client: S3Client,
  thing: { readonly kind: RemoteKind; readonly name: string; readonly dir: string },
  nowIso: string,
  onProgress: RemoteProgress = () => {},
): Promise<RemoteManifest> {
  const { kind, name, dir } = thing;
  checkName(name);
  const files: RemoteManifest["files"] = [];
  for (const file of await filesIn(dir)) {
    const full = path.join(dir, ...file.split("/"));
    files.push({ path: file, bytes: (await stat(full)).size, sha256: await hashFile(full) });
  }
  const made = manifest.safeParse({ format: 1, kind, name, pushedAt: nowIso, files });
  if (!made.success) throw new AppError("invalid", `${dir} has no files, or names that cannot be pushed.`);
  const all = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  onProgress(0, all);
  for (const { path: file, bytes, sha256 } of files) {
    const onBytes = (more: number): void => onProgress((done += more), all);
    await pushBlob(client, path.join(dir, ...file.split("/")), sha256, bytes, onBytes);
  }
  await client.put(manifestKey(kind, name), Buffer.from(`${JSON.stringify(made.data, null, 2)}\n`));
  return made.data;
}

async function pushBlob(
  client: S3Client,
  file: string,
  sha256: string,
  bytes: number,
  onBytes: (n: number) => void,
): Promise<void> {
  const key = blobKey(sha256);
  if ((await client.size(key)) === bytes) return onBytes(bytes);
  const handle = await open(file, "r");
  try {
    const piece = async (at: number): Promise<Uint8Array> => {
      const buffer = Buffer.alloc(Math.min(PART_BYTES, bytes - at));
      let have = 0;
      while (have < buffer.length) {
        const { bytesRead } = await handle.read(buffer, have, buffer.length - have, at + have);
        if (bytesRead === 0) throw new AppError("invalid", `${file} changed while it was sent.`);
        have += bytesRead;
      }
      return buffer;
    };
    if (bytes <= PART_BYTES) {
      const whole = await piece(0);
      if (hashOf(whole) !== sha256) throw new AppError("invalid", `${file} changed while it was sent.`);
      await client.put(key, whole);
      return onBytes(bytes);
    }
    const upload = await client.openUpload(key);
    const hash = createHash("sha256");
    const parts: UploadedPart[] = [];
    for (let number = 1, at = 0; at < bytes; number++, at += PART_BYTES) {
      const part = await piece(at);
      hash.update(part);
      const there = upload.parts.get(number);
      parts.push(there && isSame(there, part) ? there : await client.putPart(key, upload.id, number, part));
      onBytes(part.length);
    }
    if (hash.digest("hex") !== sha256) throw new AppError("invalid", `${file} changed while it was sent.`);
    await client.completeUpload(key, upload.id, parts);
  } finally {
    await handle.close();
  }
}

/** A part's tag is the MD5 of its bytes, unless the bucket encrypts with keys of its own: then it is sent again. */
const isSame = ({ etag, bytes }: UploadedPart, part: Uint8Array): boolean =>
  bytes === part.length && etag.replaceAll('"', "") === createHash("md5").update(part).digest("hex");

/**
 * Brings a thing into a folder that does not exist yet. What an earlier attempt brought is kept; the folder gets
 * its name when every file has the hash of the manifest. @throws AppError `invalid`, `remote-invalid`, and the client's
 */
export async function pullFolder(
  client: S3Client,
  thing: { readonly kind: RemoteKind; readonly name: string; readonly out: string },
  onProgress: RemoteProgress = () => {},
): Promise<RemoteManifest> {
  const { kind, name } = thing;
  checkName(name);
  const out = path.resolve(thing.out);
  if ((await readdir(out).catch(() => [])).length > 0)
    throw new AppError("invalid", `${out} is not empty.`, { hint: "Choose a folder that does not exist yet." });
  const found = await readManifest(client, kind, name);
  const waiting = `${out}.pulling`;
  await mkdir(waiting, { recursive: true, mode: 0o700 });
  const all = found.files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  onProgress(0, all);
  for (const file of found.files) {
    const target = path.join(waiting, ...file.path.split("/"));
    await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
    await pullBlob(client, target, file, (more) => onProgress((done += more), all));
  }
  // What another manifest of that name had left there is no part of this one.
  const wanted = new Set(found.files.map((one) => one.path));
  for (const file of await filesIn(waiting)) if (!wanted.has(file)) await rm(path.join(waiting, ...file.split("/")));
  await rm(out, { recursive: true, force: true });
  await rename(waiting, out);
  syncDirectory(path.dirname(out));
  return found;
}

async function pullBlob(
  client: S3Client,
  target: string,
  { path: name, bytes, sha256 }: RemoteManifest["files"][number],
  onBytes: (n: number) => void,
): Promise<void> {
  const size = async (file: string): Promise<number> => (await stat(file).catch(() => null))?.size ?? -1;
  if ((await size(target)) === bytes && (await hashFile(target)) === sha256) return onBytes(bytes);
  const partial = `${target}.part`;
  const have = Math.max(0, await size(partial));
  let at = have > bytes ? 0 : have;
  onBytes(at);
  const handle = await open(partial, at > 0 ? "r+" : "w", 0o600);
  try {
    await handle.truncate(at);
    if (at < bytes) {
      for await (const piece of await client.read(blobKey(sha256), at, bytes - at)) {
        await handle.write(piece, 0, piece.length, at);
        at += piece.length;
        onBytes(piece.length);
      }
      if (at < bytes)
        throw new AppError("remote-unreachable", `The download of ${name} ended early.`, {
          hint: "Run the command again: it goes on where it stopped.",
        });
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  if ((await hashFile(partial)) !== sha256) {
    await rm(partial, { force: true });
    throw new AppError(
      "remote-invalid",
      `${name} does not have the hash that it was pushed with; it was thrown away.`,
      {
        hint: "Run the command again, or push it anew.",
      },
    );
  }
  await rename(partial, target);
}

async function readManifest(client: S3Client, kind: RemoteKind, name: string): Promise<RemoteManifest> {
  const pieces: Uint8Array[] = [];
  for await (const piece of await client.read(manifestKey(kind, name), 0, MAX_MANIFEST_BYTES)) pieces.push(piece);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(pieces).toString("utf8"));
  } catch {
    value = null;
  }
  const parsed = manifest.safeParse(value);
  const paths = parsed.success ? new Set(parsed.data.files.map((one) => one.path)) : null;
  if (
    !parsed.success ||
    parsed.data.kind !== kind ||
    parsed.data.name !== name ||
    paths!.size !== parsed.data.files.length
  )
    throw new AppError("remote-invalid", `The manifest of ${kind}/${name} cannot be trusted.`, {
      hint: "Push it anew.",
    });
  return parsed.data;
}

/** What is there of a kind, or of all. */
export async function listRemote(
  client: S3Client,
  kind: RemoteKind | null,
): Promise<{ kind: RemoteKind; name: string }[]> {
  const found: { kind: RemoteKind; name: string }[] = [];
  for (const one of kind === null ? REMOTE_KINDS : [kind]) {
    for (const { key } of await client.list(`${one}/`, MAX_LISTED)) {
      const name = key.slice(one.length + 1).replace(/\.json$/, "");
      if (key === manifestKey(one, name) && NAME.test(name)) found.push({ kind: one, name });
    }
  }
  return found;
}

function checkName(name: string): void {
  if (!NAME.test(name) || name.includes(".."))
    throw new AppError("invalid", `${name.slice(0, 100)} is no name for something that is pushed.`);
}

/** Files of a folder, relative to it with forward slashes. A link is none. */
async function filesIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .filter((name) => !name.endsWith(".part"))
    .toSorted();
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(file)) hash.update(piece as Uint8Array);
  return hash.digest("hex");
}
