import type { PoweredFolder } from "./power.ts";
import { once } from "node:events";

/** A program that takes longer hangs, milliseconds. */
const DEADLINE_MS = 60_000;

/**
 * Runs a program until its power fails (or it ends), and answers the lines that it said before: each is a
 * promise that it made.
 */
export async function runUntilCut(
  folder: PoweredFolder,
  program: readonly string[],
  options: { cutAfter: number; ignoresFolders?: boolean },
): Promise<string[]> {
  const child = folder.start(program, options);
  let said = "";
  let complaint = "";
  child.stdout!.on("data", (chunk: Buffer) => (said += chunk.toString()));
  child.stderr!.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  const limit = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  clearTimeout(limit);
  if (!folder.isCut && code !== 0) throw new Error(`The program ended with ${code ?? signal}: ${complaint}`);
  // A line that the cut fell into was not said.
  return said.split("\n").slice(0, -1);
}
