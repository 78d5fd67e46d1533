import type { ArtefactFile, Deployment } from "../../protocol/api.ts";
import { sendProven } from "./proven-http.ts";
import type { ServerConnection } from "./server-discovery.ts";
import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";

export interface LocalAdapter {
  readonly version: string;
  readonly dir: string;
}

/** Files of an adapter that the engine reads; anything else in a version is left on the server. */
const ADAPTER_FILES = new Set(["adapter_model.safetensors", "adapter_config.json", "README.md", "MANIFEST.json"]);
const DOWNLOAD_DEADLINE_MS = 60_000;
/** The one served, and the one before it for a rollback. */
const ADAPTERS_KEPT = 3;

/**
 * Brings an adapter's files into `<dir>/<version>/` and checks every byte against its sha256 before
 * the folder gets its name: a folder with a version's name is always complete and verified.
 */
export async function fetchAdapter(
  dir: string,
  connection: ServerConnection,
  adapter: NonNullable<Deployment["adapter"]>,
  signal: AbortSignal,
  /** Versions that are in use beside it. */
  inUse: readonly string[] = [],
): Promise<LocalAdapter> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(adapter.version))
    throw new Error("The adapter's version is no file name.");
  const target = path.join(dir, adapter.version);
  const files = adapter.files.filter(({ name }) => ADAPTER_FILES.has(name));
  if (await isVerified(target, files)) return { version: adapter.version, dir: target };
  const fresh = `${target}.new-${process.pid}`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true, mode: 0o700 });
  try {
    for (const file of files) await download(connection, file, path.join(fresh, file.name), signal);
    await rm(target, { recursive: true, force: true });
    await rename(fresh, target);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    // Another window may have brought the same version meanwhile.
    if (!(await isVerified(target, files))) throw error;
  }
  await dropOldAdapters(dir, [adapter.version, ...inUse]);
  return { version: adapter.version, dir: target };
}

async function download(
  connection: ServerConnection,
  file: ArtefactFile,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const response = await sendProven(
    connection,
    { method: "GET", route: `/v1/files/${file.sha256}`, body: null },
    AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_DEADLINE_MS)]),
  );
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`${file.name} was refused with status ${response.statusCode}.`);
  }
  const hash = createHash("sha256");
  let bytes = 0;
  const handle = await open(target, "wx", 0o600);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > file.bytes) throw new Error(`${file.name} is longer than its version says.`);
      hash.update(chunk);
      await handle.write(chunk);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (hash.digest("hex") !== file.sha256) throw new Error(`${file.name} does not have the hash that its version says.`);
}

async function isVerified(dir: string, files: readonly ArtefactFile[]): Promise<boolean> {
  try {
    for (const file of files) {
      const bytes = await readFile(path.join(dir, file.name));
      if (createHash("sha256").update(bytes).digest("hex") !== file.sha256) return false;
    }
    return files.length > 0;
  } catch {
    return false;
  }
}

/** Removes all but the newest few; the engine has read its adapter into memory. */
async function dropOldAdapters(dir: string, current: readonly string[]): Promise<void> {
  const names = (await readdir(dir)).filter((name) => !current.includes(name) && !name.includes(".new-")).sort();
  for (const name of names.slice(0, Math.max(0, names.length - (ADAPTERS_KEPT - 1)))) {
    await rm(path.join(dir, name), { recursive: true, force: true });
  }
}
