import { type FSWatcher, watch } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Observation } from "./observer.ts";
import { type Repository, readHeads } from "./repository.ts";

export interface RepositoryWatchOptions {
  /** How long git must be quiet after a change, milliseconds. */
  readonly debounceMs?: number;
  /** How often git's files are compared without a change being heard of, milliseconds. */
  readonly pollMs?: number;
  /** Longest look, milliseconds: git that takes longer hangs. */
  readonly deadlineMs?: number;
  onFailure?(error: Error): void;
}

export interface RepositoryWatch extends Disposable {
  /** Settles after the first look. */
  readonly ready: Promise<void>;
  /** Something may have changed: look when it is quiet. */
  hint(): void;
  /** Look now, whatever git's files say; settles when that look is over. */
  lookNow(): Promise<void>;
}

/** Git touches several files in one operation. */
const DEBOUNCE_MS = 300;
/** Change events get lost on network drives and in containers. */
const POLL_MS = 60_000;
/** A look steps through all new commits. */
const DEADLINE_MS = 600_000;
/** Files of refs that are compared, and folders of them that are listened to; what is beyond shows in HEAD's log or with a later look. */
const MAX_REF_FILES = 2_000;
const MAX_REF_FOLDERS = 50;

/**
 * Looks at a repository whenever its refs may have moved (survival.md section 3.7): after changes of git's
 * files, every minute when they differ, and when told. A poll that finds them unchanged starts no process.
 */
export const watchRepository = (
  repository: Repository,
  look: (signal: AbortSignal) => Promise<Observation>,
  options: RepositoryWatchOptions = {},
): RepositoryWatch => {
  const { debounceMs = DEBOUNCE_MS, pollMs = POLL_MS, deadlineMs = DEADLINE_MS } = options;
  const stopped = new AbortController();
  const watchers = new Map<string, FSWatcher>();
  let seen = "";
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | null = null;
  let isAskedAgain = false;

  const hint = (): void => {
    if (stopped.signal.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(() => void lookOnce("changed"), debounceMs);
    timer.unref();
  };
  const listen = (folder: string): void => {
    if (watchers.has(folder) || watchers.size >= MAX_REF_FOLDERS) return;
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name === null || !IGNORED.has(name)) hint();
      });
      // A folder that goes away, or too many watches: the poll goes on.
      watcher.on("error", () => {
        watcher.close();
        watchers.delete(folder);
      });
      watchers.set(folder, watcher);
    } catch {
      // Git makes some folders late; they are tried again with the next look.
    }
  };
  const lookIfMoved = async (why: "changed" | "asked"): Promise<void> => {
    const { stamp, folders } = await stampOf(repository);
    if (stopped.signal.aborted) return;
    for (const folder of folders) listen(folder);
    if (why === "changed" && stamp === seen) return;
    const observation = await look(AbortSignal.any([stopped.signal, AbortSignal.timeout(deadlineMs)]));
    // An unfinished operation or a failure is looked at again with the next poll.
    seen = observation.kind === "waiting" || observation.kind === "failed" ? "" : stamp;
  };
  const lookOnce = async (why: "changed" | "asked"): Promise<void> => {
    if (why === "changed" && looking !== null) {
      isAskedAgain = true;
      await looking;
      return;
    }
    // A look that has begun may have read the refs already.
    while (looking !== null) await looking;
    if (stopped.signal.aborted) return;
    looking = lookIfMoved(why).catch((error: Error) => {
      seen = "";
      if (!stopped.signal.aborted) options.onFailure?.(error);
    });
    await looking;
    looking = null;
    if (isAskedAgain) hint();
    isAskedAgain = false;
  };

  const poll = setInterval(() => void lookOnce("changed"), pollMs);
  poll.unref();
  return {
    ready: lookOnce("asked"),
    hint,
    lookNow: () => lookOnce("asked"),
    [Symbol.dispose]() {
      stopped.abort();
      clearTimeout(timer);
      clearInterval(poll);
      for (const watcher of watchers.values()) watcher.close();
    },
  };
};

/** Files that change without any ref moving. */
const IGNORED: ReadonlySet<string> = new Set([
  "index",
  "index.lock",
  "FETCH_HEAD",
  "config",
  "COMMIT_EDITMSG",
  "gc.pid",
]);

/** What differs whenever a ref, a HEAD or the stash may have moved, and the folders where that shows first. */
const stampOf = async (repository: Repository): Promise<{ stamp: string; folders: ReadonlySet<string> }> => {
  const { commonDir } = repository;
  const heads = await readHeads(repository);
  const files = [join(commonDir, "packed-refs"), join(commonDir, "logs", "refs", "stash"), join(commonDir, "shallow")];
  for (const { gitDir } of heads) {
    files.push(join(gitDir, "HEAD"), join(gitDir, "logs", "HEAD"));
    for (const name of ["rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD"])
      files.push(join(gitDir, name));
  }
  const refs: string[] = [];
  for (const name of ["heads", "remotes", "tags"]) {
    const root = join(commonDir, "refs", name);
    const entries = await readdir(root, { recursive: true }).catch(() => []);
    refs.push(root, ...entries.map((entry) => join(root, entry)));
  }
  const seen = [...files, ...refs.slice(0, MAX_REF_FILES)];
  const stats = await Promise.all(seen.map((file) => stat(file, { bigint: true }).catch(() => null)));
  const folders = new Set([commonDir, join(commonDir, "logs", "refs"), ...heads.map(({ gitDir }) => gitDir)]);
  for (const [index, found] of stats.entries()) {
    const file = seen[index] as string;
    if (index >= files.length && found !== null) folders.add(found.isDirectory() ? file : dirname(file));
  }
  const parts = stats.map((found, index) =>
    found === null ? "-" : `${seen[index]}:${found.mtimeNs}:${found.size}:${found.ino}`,
  );
  return { stamp: parts.join("\n"), folders };
};
