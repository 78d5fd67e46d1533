import { availableParallelism } from "node:os";

/** Most scenarios at once: each is a process or two, and a full run has hundreds. */
const LANES = Math.min(4, availableParallelism());

/** Plays the scenarios of `all`, in order, a few at once; each has a folder and processes of its own. Ends with the first that fails. */
export async function sideBySide<T>(all: Iterable<T>, play: (one: T) => Promise<void>): Promise<void> {
  const left = all[Symbol.iterator]();
  let hasFailed = false;
  const lane = async (): Promise<void> => {
    for (let next = left.next(); !next.done && !hasFailed; next = left.next()) {
      await play(next.value).catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    }
  };
  // Folders go away as their lane ends: nobody looks at one of a lane that still runs.
  const ended = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const one of ended) if (one.status === "rejected") throw one.reason;
}
