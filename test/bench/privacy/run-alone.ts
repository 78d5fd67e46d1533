import type { LoopAlone } from "./loop-alone.ts";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** What `alone.c` ends with where the system lets nobody have a network of their own. */
const NOT_ALLOWED = 71;

/**
 * Runs the loop in a network namespace of its own. Null where the system allows none: then nothing was
 * measured. @throws when there is no C compiler, or the loop fails
 */
export async function runAlone(signal: AbortSignal): Promise<LoopAlone | null> {
  const dir = mkdtempSync(path.join(tmpdir(), "kept-alone-"));
  try {
    const alone = path.join(dir, "alone");
    execFileSync("cc", ["-O2", "-Wall", "-Werror", "-o", alone, path.join(import.meta.dirname, "alone.c")]);
    const child = spawn(alone, [process.execPath, path.join(import.meta.dirname, "loop-alone.ts"), dir], {
      stdio: ["ignore", "pipe", "pipe"],
      // Whatever asks a server elsewhere by itself must be seen, not kept from it.
      env: { PATH: process.env["PATH"], HOME: dir, TMPDIR: dir },
      signal,
    });
    let [said, complaint] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-4_000)));
    const [code] = (await once(child, "close")) as [number];
    if (code === NOT_ALLOWED) return null;
    if (code !== 0) throw new Error(`The loop ended with ${code}: ${complaint}`);
    return JSON.parse(said.trimEnd().split("\n").at(-1)!) as LoopAlone;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
