import type { SavedBuffer } from "../core/survival/saved-buffer.ts";
import type { SurvivalRecord } from "../core/survival/survival-record.ts";
import { type SnippetSurvival, snapOf } from "../core/survival/survival-state.ts";
import { forgottenTexts, type NamedSnippet, namesInLog, removeForgotten } from "./forgotten-log.ts";
import { findRepository, type Repository } from "./repository.ts";
import { watchRepository } from "./repository-watch.ts";
import { type AcceptedSnippet, openTracker } from "./tracker.ts";

/**
 * Follows accepted code of any number of folders through git, here or in a thread of its own: {@link followHere}
 * and `followInThread` keep the same promises.
 */
export interface Following {
  /** Null when the folder is in no repository. */
  open(folder: FolderToFollow, host: FollowingHost): Promise<FollowedFolder | null>;
  /** Every name of every snippet in a log, whether it is open or not. */
  namesIn(log: string): Promise<readonly NamedSnippet[]>;
  /** Takes snippets out of a log that is not open here. Gives their texts as they were accepted. */
  forgetIn(log: string, sids: readonly string[]): Promise<readonly string[]>;
  /** Ends what is still open. */
  close(): Promise<void>;
}

export interface FolderToFollow {
  /** Absolute. */
  readonly root: string;
  /** Folder of the log, made when it is not there; null keeps everything in memory. */
  readonly log: string | null;
  /** How long git must be quiet after a change, milliseconds. */
  readonly debounceMs?: number;
  /** What was seen from this moment on is told again, milliseconds since 1970: news that a crash may have taken. */
  readonly toldFrom?: number;
}

/** What following asks of whoever asked for it, and tells. */
export interface FollowingHost {
  /** Text of a file's open document with unsaved changes; null when it has none. By the path in the repository. */
  openText(file: string): string | null | Promise<string | null>;
  /** Told of every change, in order; the next ones come when this settles. */
  changed(news: readonly SurvivalNews[]): void | Promise<void>;
  /** A look at the repository failed. */
  failed(message: string): void;
}

/** How a snippet stands, without its text: ten thousand of them may be told of at once, each copied into another thread. */
export type ToldSurvival = Pick<
  SnippetSurvival,
  "sid" | "file" | "acceptedAt" | "state" | "tok" | "where" | "conf" | "commit" | "seenAt" | "committedAt" | "losses"
>;

export interface SurvivalNews {
  readonly survival: ToldSurvival;
  readonly records: readonly SurvivalRecord[];
}

/** Paths of files are relative to the repository's top folder, with forward slashes. */
export interface FollowedFolder {
  readonly repository: Repository;
  /** Follows code from now on, once the repository was looked at for the first time. */
  accept(codes: readonly AcceptedSnippet[]): Promise<Followed>;
  /** The editor renamed a file or a folder. */
  renamed(from: string, to: string): Promise<void>;
  undone(sid: string, isUndone: boolean): Promise<void>;
  saved(file: string, buffer: SavedBuffer): Promise<void>;
  snippets(): Promise<readonly FollowedSnippet[]>;
  forget(sid: string): Promise<void>;
  /** Settles when the repository was looked at: what came of it is known, and about to be told. */
  lookNow(): Promise<void>;
  /** Settles when everything that is known was told. */
  told(): Promise<void>;
  close(): Promise<void>;
}

export interface Followed {
  /** Ids of what nothing can be said about. */
  readonly refused: readonly string[];
  /** Commit that HEAD stood at; null when there was none. */
  readonly head: string | null;
}

export interface FollowedSnippet extends NamedSnippet {
  readonly text: string;
}

/** News that are told at once: their host needs less than a millisecond for them. */
const NEWS_AT_ONCE = 16;

/** In this thread: of a command, a test, or the tracker's own. */
export const followHere = (): Following => {
  const stop = new AbortController();
  const open = new Set<FollowedFolder>();
  return {
    async open(wanted, host) {
      const found = await findRepository(wanted.root, stop.signal);
      if (!found.ok) return null;
      const folder = await openFolder(found.repository, wanted, host);
      const closing: FollowedFolder = {
        ...folder,
        close() {
          open.delete(closing);
          return folder.close();
        },
      };
      open.add(closing);
      return closing;
    },
    namesIn: namesInLog,
    async forgetIn(log, sids) {
      const gone = new Set(sids);
      const texts = await forgottenTexts(log, gone);
      await removeForgotten(log, gone);
      return texts;
    },
    async close() {
      stop.abort();
      for (const folder of open) await folder.close();
    },
  };
};

const openFolder = async (
  repository: Repository,
  { log, debounceMs, toldFrom }: FolderToFollow,
  host: FollowingHost,
): Promise<FollowedFolder> => {
  const telling = createTelling(host);
  const tracker = await openTracker({
    repository,
    folder: log,
    now: () => Date.now(),
    openText: (file) => host.openText(file),
    onChange: (survival, records) => telling.add({ survival: told(survival), records }),
  });
  if (toldFrom !== undefined) {
    for (const survival of tracker.state.values()) {
      const records = recordsSince(survival, toldFrom);
      if (records.length > 0) telling.add({ survival: told(survival), records });
    }
  }
  const watch = watchRepository(repository, (signal) => tracker.observe(signal), {
    ...(debounceMs === undefined ? {} : { debounceMs }),
    onFailure: (error) => host.failed(error.message),
  });
  let news: Promise<unknown> = Promise.resolve();
  /** What the editor tells is taken in its order: an undo behind the accept that it belongs to. */
  const inOrder = <T>(work: () => T | Promise<T>): Promise<T> => {
    const next = news.then(work);
    news = next.catch(() => undefined);
    return next;
  };
  return {
    repository,
    accept: (codes) =>
      inOrder(async () => {
        await watch.ready;
        const refused = await tracker.accept(codes);
        const followed = codes.map(({ sid }) => tracker.state.get(sid)).find((known) => known !== undefined);
        return { refused, head: followed?.head ?? null };
      }),
    renamed: (from, to) => inOrder(() => tracker.renamed(from, to)),
    undone: (sid, isUndone) => inOrder(() => tracker.undone(sid, isUndone)),
    saved: (file, buffer) => inOrder(() => tracker.saved(file, buffer)),
    snippets: () => inOrder(() => Array.from(tracker.state.values(), ({ sid, file, text }) => ({ sid, file, text }))),
    forget: (sid) => inOrder(() => tracker.forget(sid)),
    lookNow: () => watch.lookNow(),
    told: () => telling.settled(),
    close() {
      // Ends the look that the rest may wait for.
      watch[Symbol.dispose]();
      return inOrder(async () => {
        await tracker.close();
        await telling.settled();
      });
    },
  };
};

const told = (survival: SnippetSurvival): ToldSurvival => {
  const { sid, file, acceptedAt, state, tok, where, conf, commit, seenAt, committedAt, losses } = survival;
  return { sid, file, acceptedAt, state, tok, where, conf, commit, seenAt, committedAt, losses };
};

/** Hands news on in their order, a few at a time. */
const createTelling = (host: FollowingHost) => {
  let waiting: SurvivalNews[] = [];
  let work: Promise<void> | null = null;
  const tell = async (): Promise<void> => {
    while (waiting.length > 0) {
      const all = waiting;
      waiting = [];
      for (let at = 0; at < all.length; at += NEWS_AT_ONCE) await host.changed(all.slice(at, at + NEWS_AT_ONCE));
    }
  };
  return {
    add(news: SurvivalNews): void {
      waiting.push(news);
      // News that follow each other in one turn go together.
      work ??= Promise.resolve()
        .then(tell)
        .finally(() => (work = null));
    },
    async settled(): Promise<void> {
      while (work !== null) await work;
    },
  };
};

/** What the log says of a snippet since a moment: its losses, and how it stands. */
const recordsSince = (survival: SnippetSurvival, since: number): SurvivalRecord[] => {
  if (survival.state.kind === "new" || survival.seenAt < since) return [];
  return [...survival.losses.filter(({ at }) => at >= since), snapOf(survival)];
};
