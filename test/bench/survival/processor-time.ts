import { readFileSync } from "node:fs";

/** Clock ticks of a second on Linux. */
const TICKS_PER_SECOND = 100;

/** Processor time, milliseconds: of this process, and of the processes that it started and that have ended. */
export const processorTime = (): { own: number; children: number } => {
  const { user, system } = process.cpuUsage();
  // Fields behind the name, which may hold spaces: 16 and 17 of the line are those of children.
  const fields = readFileSync("/proc/self/stat", "latin1")
    .replace(/^.*\) /s, "")
    .split(" ");
  const ticks = Number(fields[13]) + Number(fields[14]);
  return { own: (user + system) / 1000, children: (ticks * 1000) / TICKS_PER_SECOND };
};
