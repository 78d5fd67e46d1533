import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/**
 * Lines of a text file in order; a name that ends in `.xz` is unpacked by the `xz` program.
 *
 * @throws what the file system or `xz` has to complain about, and the signal's reason when it aborts
 */
export async function* readPackedLines(file: string, signal: AbortSignal): AsyncGenerator<string> {
  if (!file.endsWith(".xz")) {
    yield* createInterface({ input: createReadStream(file, { signal }), crlfDelay: Infinity });
    return;
  }
  const child = spawn("xz", ["--decompress", "--stdout", "--", file], { stdio: ["ignore", "pipe", "pipe"], signal });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`${file} cannot be unpacked: ${complaint.trim() || `xz: ${code}`}`)),
    );
  });
  // Awaited after the last line; a reader that stops early does not wait for it.
  ended.catch(() => undefined);
  try {
    yield* createInterface({ input: child.stdout, crlfDelay: Infinity });
    await ended;
  } finally {
    child.stdout.destroy();
  }
}
