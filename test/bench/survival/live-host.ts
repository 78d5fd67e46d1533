import { survivedFields } from "../../../extension/survive/survived-event.ts";
import type { SurvivalNews } from "../../../tracker/following.ts";
import { findRepository } from "../../../tracker/repository.ts";
import { watchRepository } from "../../../tracker/repository-watch.ts";
import { type AcceptedSnippet, openTracker } from "../../../tracker/tracker.ts";
import { threadOfTracker } from "../../support/survival/thread-of-tracker.ts";

/** A tracker that looks when it is told to. */
export interface LiveTracker {
  accept(codes: readonly AcceptedSnippet[]): Promise<unknown>;
  /** Settles when the state is known. */
  look(): Promise<unknown>;
  /** Settles when the editor was told what came of the looks. */
  told(): Promise<void>;
  /** Compares git's files as the poll does. */
  poll(): Promise<void>;
  close(): Promise<void>;
}

export type LiveHost = (root: string, log: string, signal: AbortSignal) => Promise<LiveTracker>;

const POLL_MS = 5;
const QUIET_MS = 600_000;

export const trackHere: LiveHost = async (root, folder, signal) => {
  const found = await findRepository(root, signal);
  if (!found.ok) throw new Error(found.reason);
  const { repository } = found;
  const tracker = await openTracker({ repository, folder, now: Date.now });
  let watch: ReturnType<typeof watchRepository> | null = null;
  return {
    accept: (codes) => tracker.accept(codes),
    look: () => tracker.observe(signal),
    told: async () => undefined,
    async poll() {
      watch ??= watchRepository(repository, (stop) => tracker.observe(stop), { pollMs: POLL_MS });
      await watch.ready;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    },
    async close() {
      watch?.[Symbol.dispose]();
      await tracker.close();
    },
  };
};

/** As an editor does: told of all that changes, it makes an event of each. */
export const trackInThread: LiveHost = async (root, log) => {
  const following = threadOfTracker((message) => {
    throw new Error(message);
  });
  let nEvents = 0;
  const changed = (news: readonly SurvivalNews[]): void => {
    for (const { survival, records } of news) if (survivedFields(survival, records, Date.now()) !== null) nEvents += 1;
  };
  const failed = (message: string): void => {
    throw new Error(message);
  };
  // Only looks that are asked for.
  const wanted = { root, log, debounceMs: QUIET_MS };
  const folder = await following.open(wanted, { openText: () => null, changed, failed });
  if (folder === null) throw new Error(`${root} is in no repository`);
  return {
    accept: (codes) => folder.accept(codes),
    look: () => folder.lookNow(),
    told: () => folder.told(),
    poll: async () => undefined,
    async close() {
      if (nEvents === 0) throw new Error("nothing was told");
      await following.close();
    },
  };
};
