import type { EventFields } from "../observe/event-recorder.ts";
import { survivalInHead, type HeadSurvival } from "../../tracker/head-survival.ts";
import { watchHead, type HeadWatch } from "../../tracker/head-watch.ts";

/** Accepted code of this window, looked for in git whenever HEAD moves. */
export interface HeadSurvivalFeed {
  follow(code: FollowedCode): void;
  forget(suggestionId: string): void;
  close(): Promise<void>;
}

export interface FollowedCode {
  readonly suggestionId: string;
  readonly root: string;
  /** Relative to `root`, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** Monotonic, milliseconds. */
  readonly acceptedAt: number;
}

export interface HeadSurvivalFeedOptions {
  record(suggestionId: string, fields: EventFields<"survived">): void;
  log(message: string): void;
}

/** Accepted snippets followed in one folder; the oldest give way. */
const MAX_FOLLOWED = 500;
/** One look at all of them; git that takes longer hangs. */
const LOOK_DEADLINE_MS = 30_000;

interface Folder {
  readonly watch: HeadWatch;
  readonly codes: Map<string, FollowedCode>;
  readonly told: Map<string, string>;
}

export function watchHeadSurvival(options: HeadSurvivalFeedOptions): HeadSurvivalFeed {
  const folders = new Map<string, Folder>();
  const stop = new AbortController();
  let looking: Promise<void> = Promise.resolve();

  const look = async (root: string, folder: Folder) => {
    const snippets = [...folder.codes.values()].map(({ suggestionId: id, path, text }) => ({ id, path, text }));
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(LOOK_DEADLINE_MS)]);
    const found = await survivalInHead({ repo: root, snippets, signal });
    for (const survival of found) tell(folder, survival);
  };

  const tell = (folder: Folder, { id, tokens, place, commit }: HeadSurvival) => {
    const code = folder.codes.get(id);
    const state = `${place} ${tokens}`;
    // Only news are events: a commit that leaves the code as it was says nothing about it.
    if (!code || commit === null || folder.told.get(id) === state) return;
    folder.told.set(id, state);
    options.record(id, { commit, afterMs: performance.now() - code.acceptedAt, tokens, place });
  };

  const open = (root: string): Folder => {
    const folder: Folder = {
      codes: new Map(),
      told: new Map(),
      watch: watchHead(root, () => {
        looking = looking
          .then(() => look(root, folder))
          .catch((error: Error) => {
            if (!stop.signal.aborted) options.log(`Looking for accepted code in git failed: ${error.message}`);
          });
      }),
    };
    folders.set(root, folder);
    return folder;
  };

  return {
    follow(code) {
      const folder = folders.get(code.root) ?? open(code.root);
      folder.codes.delete(code.suggestionId);
      folder.codes.set(code.suggestionId, code);
      const [oldest] = folder.codes.keys();
      if (folder.codes.size > MAX_FOLLOWED && oldest !== undefined) folder.codes.delete(oldest);
    },
    forget(suggestionId) {
      for (const { codes, told } of folders.values()) {
        codes.delete(suggestionId);
        told.delete(suggestionId);
      }
    },
    async close() {
      stop.abort();
      for (const { watch } of folders.values()) watch[Symbol.dispose]();
      await looking;
    },
  };
}
