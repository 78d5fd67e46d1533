import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { linesOf } from "../../../server/replay/text-lines.ts";

/**
 * Lines of a text file in order, without their ends; a name that ends in `.xz` is unpacked by the `xz` program.
 *
 * @throws what the file system or `xz` has to complain about, and the signal's reason when it aborts
 */
export async function* readPackedLines(file: string, signal: AbortSignal): AsyncGenerator<string> {
  if (!file.endsWith(".xz")) {
    yield* linesOf(createReadStream(file, { signal }));
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
    yield* linesOf(child.stdout);
    await ended;
  } finally {
    child.stdout.destroy();
  }
}
