import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

/** A folder of its own that is gone when the test is over. */
export async function tempFolder(): Promise<AsyncDisposable & { readonly dir: string }> {
  const dir = await mkdtemp(path.join(os.tmpdir(), "kept-server-"));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}
