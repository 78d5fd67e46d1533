import path from "node:path";
import { Worker } from "node:worker_threads";
import { THREAD_LIMITS } from "../../../tracker/thread/follow-in-thread.ts";

export interface BackfillFigures {
  readonly commits: number;
  readonly snippets: number;
  readonly commitsPerSecond: number;
  /** Milliseconds of the tracker's own processor time a commit. */
  readonly ownMsPerCommit: number;
  readonly peakMb: number;
  readonly processes: number;
  /** What git alone makes of the same commits, asked the same. */
  readonly gitCommitsPerSecond: number;
  /** Lines that a commit adds and deletes, on average: what a rate of commits depends on. */
  readonly changedLinesPerCommit: number;
  readonly aliveAtEnd: number;
}

export interface BackfillQuestion {
  readonly repo: string;
  readonly nSnippets: number;
}

const ENTRY = path.join(import.meta.dirname, "backfill-thread.ts");

/** Walks the first-parent line of a repository with so many snippets, in a thread like that of an editor's tracker. */
export const measureBackfill = async (
  repo: string,
  nSnippets: number,
  signal: AbortSignal,
): Promise<BackfillFigures> => {
  const workerData: BackfillQuestion = { repo, nSnippets };
  const worker = new Worker(ENTRY, { name: "backfill", workerData, resourceLimits: THREAD_LIMITS });
  const stop = (): void => void worker.terminate();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await new Promise<BackfillFigures>((resolve, reject) => {
      worker.once("message", resolve).once("error", reject);
      worker.once("exit", (code) => reject(new Error(`the walk ended with code ${code}`)));
    });
  } finally {
    signal.removeEventListener("abort", stop);
  }
};
