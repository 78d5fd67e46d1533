import { type FSWatcher, watch } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gitText } from "./git.ts";

export interface HeadMove {
  /** Commit that HEAD stands at now; null when there is none. */
  readonly commit: string | null;
  readonly previous: string | null;
}

export interface HeadWatchOptions {
  /** How long git must be quiet after a change, milliseconds. */
  readonly debounceMs?: number;
  /** How often HEAD is compared without a change being heard of, milliseconds. */
  readonly pollMs?: number;
}

export interface HeadWatch extends Disposable {
  /** Settles after the first look: later moves are heard of. */
  readonly ready: Promise<void>;
}

/** Git touches several files in one operation. */
const DEBOUNCE_MS = 300;
/** Change events get lost on network drives and in containers. */
const POLL_MS = 60_000;

/**
 * Calls back whenever HEAD has come to stand at another commit: after a commit, an amend, a checkout, a
 * reset, a pull or the end of a rebase. The first look only stores where HEAD stands. A folder that is no
 * repository yet is looked at again with every poll.
 *
 * Changes of git's files are hints: the stored commit is compared with `git rev-parse` each time. A poll
 * that finds those files unchanged starts no process. A rebase is waited for to its end.
 */
export const watchHead = (
  repo: string,
  onMoved: (move: HeadMove) => void,
  options: HeadWatchOptions = {},
): HeadWatch => {
  const { debounceMs = DEBOUNCE_MS, pollMs = POLL_MS } = options;
  const stopped = new AbortController();
  const { signal } = stopped;
  const watchers = new Map<string, FSWatcher>();
  let folders: GitFolders | null = null;
  /** Undefined before the first look. */
  let tip: string | null | undefined;
  let stamp = "";
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | null = null;
  let lookAgain = false;

  const hint = (): void => {
    if (signal.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(() => void look(), debounceMs);
    timer.unref();
  };
  const stopWatching = (): void => {
    for (const watcher of watchers.values()) watcher.close();
    watchers.clear();
  };
  const listen = ({ gitDir, commonDir }: GitFolders): void => {
    const branches = join(commonDir, "refs", "heads");
    for (const folder of [gitDir, join(gitDir, "logs"), branches]) {
      if (watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, (_event, name) => {
          if (name === null || folder === branches || WATCHED.has(name)) hint();
        });
        // A folder that goes away, or too many watches: the poll goes on.
        watcher.on("error", () => watcher.close());
        watchers.set(folder, watcher);
      } catch {
        // Git makes `logs` with the first commit; it is tried again with the next look.
      }
    }
  };

  const lookOnce = async (): Promise<void> => {
    folders ??= await findFolders(repo, signal);
    if (signal.aborted) return;
    listen(folders);
    if (await isRebasing(folders.gitDir)) return;
    const seen = await stampOf(folders);
    if (tip !== undefined && seen === stamp) return;
    const now = await readTip(repo, signal);
    if (signal.aborted) return;
    stamp = seen;
    const previous = tip;
    tip = now;
    // Outside of this promise, so that the caller's failures are not taken for git's.
    if (previous !== undefined && previous !== now) queueMicrotask(() => onMoved({ commit: now, previous }));
  };
  const look = async (): Promise<void> => {
    if (looking !== null) {
      lookAgain = true;
      return looking;
    }
    looking = lookOnce()
      .catch(() => {
        // No repository here now. What was known of its folders is forgotten, and the next poll tries anew.
        folders = null;
        stopWatching();
      })
      .finally(() => {
        looking = null;
        if (lookAgain) hint();
        lookAgain = false;
      });
    return looking;
  };

  const poll = setInterval(() => void look(), pollMs);
  poll.unref();
  const ready = look();
  return {
    ready,
    [Symbol.dispose]() {
      stopped.abort();
      clearTimeout(timer);
      clearInterval(poll);
      stopWatching();
    },
  };
};

/** Names in the git folder and its `logs` that change when HEAD moves. */
const WATCHED: ReadonlySet<string> = new Set([
  "HEAD",
  "HEAD.lock",
  "ORIG_HEAD",
  "logs",
  "index",
  "packed-refs",
  "rebase-merge",
  "rebase-apply",
]);

interface GitFolders {
  /** The work tree's own folder: HEAD and its log. */
  readonly gitDir: string;
  /** Shared by all work trees: branches. */
  readonly commonDir: string;
}

const findFolders = async (repo: string, signal: AbortSignal): Promise<GitFolders> => {
  const [gitDir = "", commonDir = ""] = (
    await gitText(repo, ["rev-parse", "--absolute-git-dir", "--git-common-dir"], signal)
  ).split("\n");
  return { gitDir, commonDir: resolve(repo, commonDir) };
};

/** Null while the branch has no commit. */
const readTip = async (repo: string, signal: AbortSignal): Promise<string | null> => {
  const out = await gitText(repo, ["rev-parse", "--revs-only", "HEAD"], signal);
  return out === "" ? null : out;
};

/** What changes whenever HEAD moves: HEAD itself, its log, and the branch that it names. */
const stampOf = async ({ gitDir, commonDir }: GitFolders): Promise<string> => {
  const head = await readFile(join(gitDir, "HEAD"), "utf8");
  const branch = /^ref: (.+)$/m.exec(head)?.[1];
  const files = [join(gitDir, "logs", "HEAD"), join(commonDir, "packed-refs")];
  if (branch !== undefined) files.push(join(commonDir, branch));
  const stats = await Promise.all(files.map((file) => stat(file, { bigint: true }).catch(() => null)));
  return [head, ...stats.map((found) => (found === null ? "-" : `${found.mtimeNs}:${found.size}:${found.ino}`))].join();
};

const isRebasing = async (gitDir: string): Promise<boolean> => {
  const states = ["rebase-merge", "rebase-apply"].map((name) =>
    access(join(gitDir, name)).then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(states)).includes(true);
};
