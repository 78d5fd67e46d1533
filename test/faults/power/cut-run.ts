import type { DiskFaults, PoweredFolder } from "./power.ts";
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
  faults: DiskFaults,
): Promise<string[]> {
  const { said, code, complaint } = await runOnDisk(folder, program, faults);
  if (!folder.isCut && code !== 0) throw new Error(`The program ended with ${code}: ${complaint}`);
  return said;
}

/** Runs a program to its end, however that comes, and answers the whole lines that it said. */
export async function runOnDisk(
  folder: PoweredFolder,
  program: readonly string[],
  faults: DiskFaults,
): Promise<{ said: string[]; code: number | string; complaint: string }> {
  const child = folder.start(program, faults);
  let said = "";
  let complaint = "";
  child.stdout!.on("data", (chunk: Buffer) => (said += chunk.toString()));
  child.stderr!.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  const limit = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  clearTimeout(limit);
  // A line that the end fell into was not said.
  return { said: said.split("\n").slice(0, -1), code: code ?? signal ?? "", complaint };
}
