import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";

const MIB = 2 ** 20;

/** A look at the server's process and at its files from outside. */
export interface Sample {
  /** Since the soak began, seconds. */
  readonly at: number;
  readonly rssMib: number;
  /** Open descriptors that lead to a file: a connection comes and goes with its client. */
  readonly nFiles: number;
  /** Those of sockets and pipes. */
  readonly nOther: number;
  readonly walMib: number;
  readonly logMib: number;
  /** Worker processes that run now. */
  readonly nChildren: number;
  /** Whether a reader held its snapshot. */
  readonly isPinned: boolean;
}

/** Memory of a process that it has to itself or shares, MiB. Linux alone has it in /proc. */
export function residentMib(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1_024;
}

/** How many descriptors a process has, by what they lead to. */
export function descriptors(pid: number): { readonly nFiles: number; readonly nOther: number } {
  let [nFiles, nOther] = [0, 0];
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      if (readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("/")) nFiles += 1;
      else nOther += 1;
    } catch {
      // It was closed meanwhile.
    }
  }
  return { nFiles, nOther };
}

/** Processes whose parent this is. */
export function nChildren(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    try {
      const children = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8");
      return sum + children.split(" ").filter(Boolean).length;
    } catch {
      return sum;
    }
  }, 0);
}

/** Bytes of files that may not be there, together, MiB. */
export const sizeMib = (...files: readonly string[]): number =>
  files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0) / MIB;
