import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runtimeFile } from "../../../protocol/api.ts";

export interface Stall {
  readonly maxMs: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** The built server in a process of its own, with its fsyncs counted and its main thread watched. */
export interface MeasuredServer extends AsyncDisposable {
  readonly port: number;
  readonly token: string;
  readonly dir: string;
  /** Successful fsync and fdatasync calls so far. */
  nSyncs(): number;
  /** Ends the server and tells how long its main thread was held up at the longest. */
  stop(): Promise<Stall>;
}

const root = path.resolve(import.meta.dirname, "../../..");
const START_MS = 20_000;

/** @throws when there is no C compiler to build the counter with */
export async function startMeasuredServer(): Promise<MeasuredServer> {
  const dir = mkdtempSync(path.join(tmpdir(), "kept-ingest-"));
  const counter = path.join(dir, "syncs");
  writeFileSync(counter, Buffer.alloc(8));
  const library = path.join(dir, "count-syncs.so");
  execFileSync("cc", [
    "-O2",
    "-shared",
    "-fPIC",
    "-o",
    library,
    path.join(import.meta.dirname, "count-syncs.c"),
    "-ldl",
  ]);
  const stallFile = path.join(dir, "stall.json");
  const dataDir = path.join(dir, "data");
  const errors = openSync(path.join(dir, "stderr.log"), "w");
  const child = spawn(
    process.execPath,
    [
      "--import",
      path.join(import.meta.dirname, "stall-probe.mjs"),
      path.join(root, "dist/server.cjs"),
      "--data-dir",
      dataDir,
      "--log",
      "file",
      "--log-level",
      "debug",
    ],
    {
      env: { ...process.env, LD_PRELOAD: library, KEPT_SYNC_COUNTER: counter, KEPT_STALL_FILE: stallFile },
      stdio: ["ignore", "pipe", errors],
    },
  );
  closeSync(errors);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const listening = new Promise<void>((resolve, reject) => {
    child.stdout!.once("data", () => resolve());
    child.once("exit", (code) => reject(new Error(`the server ended with code ${code}`)));
    setTimeout(() => reject(new Error("the server did not start in time")), START_MS).unref();
  });
  await listening;
  const { port, token } = runtimeFile.parse(JSON.parse(readFileSync(path.join(dataDir, "server.json"), "utf8")));
  const end = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
  };
  return {
    port,
    token,
    dir,
    nSyncs: () => Number(readFileSync(counter).readBigUInt64LE()),
    async stop() {
      await end();
      return JSON.parse(readFileSync(stallFile, "utf8")) as Stall;
    },
    async [Symbol.asyncDispose]() {
      await end();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
