import { startEngineProcess, type EngineProcess } from "../../engine/process/host.ts";
import { modelVersionRow } from "../../protocol/api.ts";
import type { ServerClient } from "../cli/client.ts";
import { fetchOwnServer } from "../egress/own-server.ts";
import { AppError } from "../errors.ts";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";

/** More threads than this do not make a small model faster. */
const MAX_THREADS = 4;
/** Longest wait for one adapter file, milliseconds. */
const FILE_DEADLINE_MS = 60_000;

/** The engine process, as the editor starts it. */
export function startReplayEngine(
  modelDir: string,
  threads = Math.min(availableParallelism(), MAX_THREADS),
): Promise<EngineProcess> {
  const onNotice = (message: string): void => void process.stderr.write(`${message}\n`);
  return startEngineProcess({ entry: engineEntry(), modelDir, threads, onNotice });
}

/** The bundle beside this one, or the source when this runs from source. */
function engineEntry(): string {
  const here = import.meta.dirname;
  if (path.basename(here) !== "replay") return path.join(here, "engine.cjs");
  return path.join(here, "..", "..", "engine", "process", "main.ts");
}

/** Fetches a version's files from the server, checks their hashes, and lets the engine serve with them. */
export async function serveWith(engine: EngineProcess, server: ServerClient, version: string): Promise<void> {
  const { files } = await server.get(`/v1/models/${encodeURIComponent(version)}`, modelVersionRow);
  const dir = await mkdtemp(path.join(tmpdir(), "kept-adapter-"));
  try {
    for (const { name, sha256 } of files) {
      await writeFile(path.join(dir, path.basename(name)), await fetchFile(server, sha256), { mode: 0o600 });
    }
    await engine.setAdapter({ version, dir });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function fetchFile(server: ServerClient, sha256: string): Promise<Buffer> {
  const response = await fetchOwnServer(server.runtime.port, `/v1/files/${sha256}`, {
    headers: { Authorization: `Bearer ${server.runtime.token}` },
    signal: AbortSignal.timeout(FILE_DEADLINE_MS),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (response.ok && createHash("sha256").update(bytes).digest("hex") === sha256) return bytes;
  throw new AppError("invalid", `The server did not give the adapter's file ${sha256.slice(0, 12)}.`);
}
