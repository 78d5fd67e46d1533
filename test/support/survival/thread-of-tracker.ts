import type { Following } from "../../../tracker/following.ts";
import { followInThread } from "../../../tracker/thread/follow-in-thread.ts";
import path from "node:path";

const SOURCE = path.resolve(import.meta.dirname, "../../../tracker/thread/main.ts");

/** The tracker in a thread of its own, from its source. */
export const threadOfTracker = (log: (message: string) => void, entry = SOURCE): Following =>
  followInThread({ entry, log });
