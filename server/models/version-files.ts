import type { ArtefactFile } from "../../protocol/api.ts";
import type { ServerClient } from "../cli/client.ts";
import { hashOf } from "../content-hash.ts";
import { fetchOwnServer } from "../egress/own-server.ts";
import { AppError } from "../errors.ts";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";

/** Longest wait for one file of the server on this machine, milliseconds. */
const FILE_DEADLINE_MS = 60_000;

/** Brings the files of a version into a folder, each checked against its hash. @throws AppError `invalid` */
export async function fetchVersionFiles(
  server: ServerClient,
  files: readonly ArtefactFile[],
  folder: string,
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const { name, sha256 } of files) {
    const response = await fetchOwnServer(server.runtime.port, `/v1/files/${sha256}`, {
      headers: { Authorization: `Bearer ${server.runtime.token}` },
      signal: AbortSignal.timeout(FILE_DEADLINE_MS),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    if (!response.ok || hashOf(bytes) !== sha256)
      throw new AppError("invalid", `The server did not give ${name} of the version.`);
    await writeFile(path.join(folder, path.basename(name)), bytes, { mode: 0o600 });
  }
}
