import type { Followed, FolderToFollow } from "../following.ts";
import type { FolderCall } from "./messages.ts";

/** Saved files that are told again; the tracker itself remembers as many. */
const MAX_SAVED = 64;

/**
 * What a folder was told that no log holds: what was undone and saved, and where nothing may be written all of it.
 * Told again, in this order, it leads to where the folder stood.
 */
export const createCallJournal = ({ log }: FolderToFollow) => {
  const kept = new Map<string, FolderCall>();
  let nRenames = 0;
  let nSaved = 0;

  const keep = (key: string, call: FolderCall): void => {
    kept.delete(key);
    kept.set(key, call);
  };
  const keepSaved = (file: string, call: FolderCall): void => {
    const key = `saved ${file}`;
    if (!kept.has(key)) nSaved += 1;
    keep(key, call);
    if (nSaved <= MAX_SAVED) return;
    const oldest = [...kept.keys()].find((name) => name.startsWith("saved "));
    if (oldest !== undefined) kept.delete(oldest);
    nSaved -= 1;
  };

  return {
    /** A call was answered. */
    done(call: FolderCall, value: unknown): void {
      if (call.method === "undone") return keep(`undone ${call.args[0]}`, call);
      if (call.method === "saved") return keepSaved(call.args[0], call);
      if (call.method === "forget") {
        kept.delete(`undone ${call.args[0]}`);
        kept.delete(`accepted ${call.args[0]}`);
        return;
      }
      if (log !== null) return;
      if (call.method === "renamed") {
        nRenames += 1;
        return keep(`renamed ${nRenames}`, call);
      }
      if (call.method !== "accept") return;
      const { refused, head } = value as Followed;
      const now = Date.now();
      for (const code of call.args[0]) {
        if (refused.includes(code.sid)) continue;
        // HEAD and the clock go on; the code was accepted where they stood.
        keep(`accepted ${code.sid}`, { method: "accept", args: [[{ head, at: now, ...code }]] });
      }
    },
    calls: (): Iterable<FolderCall> => kept.values(),
  };
};
