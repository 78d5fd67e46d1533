import { threadOfTracker } from "./thread-of-tracker.ts";
import { openTrackerFeed, type TrackerFeed } from "../../../extension/survive/tracker-feed.ts";

/** The extension's tracker of one folder, at level code, where no editor opens, saves or renames anything. */
export const feedWithoutEditor = (dir: string, root: string, log: (message: string) => void): TrackerFeed =>
  openTrackerFeed({
    dir,
    following: () => threadOfTracker(log),
    levelOf: () => "code",
    roots: () => [root],
    record: () => {},
    log,
    around: () => ({ before: "", after: "" }),
    onDidRename: () => ({ dispose() {} }),
    onDidSave: () => ({ dispose() {} }),
    savedBuffer: async () => null,
    unsavedText: () => null,
  });
