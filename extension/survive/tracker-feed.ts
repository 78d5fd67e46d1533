import type { CaptureLevel } from "../../core/capture-level.ts";
import type { Region } from "../../core/lifecycle/region.ts";
import { replaceFindings } from "../../core/redaction/findings.ts";
import { widenedText } from "../../core/survival/followed-snippet.ts";
import type { SavedBuffer } from "../../core/survival/saved-buffer.ts";
import type { FollowedFolder, Following, SurvivalNews } from "../../tracker/following.ts";
import type { NamedSnippet } from "../../tracker/forgotten-log.ts";
import { createTurns } from "../../tracker/turns.ts";
import type { EventFields, RecordedPlace } from "../observe/event-recorder.ts";
import { createSecretScan } from "../observe/secret-scan.ts";
import { survivedFields } from "./survived-event.ts";
import { createHash } from "node:crypto";
import { access, readdir, realpath } from "node:fs/promises";
import path from "node:path";

/** Accepted code of this window's folders, followed through git: months, and over restarts of the editor. */
export interface TrackerFeed {
  follow(code: AcceptedCode): void;
  undone(suggestionId: string, isUndone: boolean): void;
  /**
   * Takes accepted code out of memory and of every log, those of folders that no window has open too.
   * Gives the texts that went. A log of a folder that is not open here is asked by ids alone.
   */
  forget(isForgotten: (place: SuggestionPlace) => boolean): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface AcceptedCode {
  readonly suggestionId: string;
  readonly document: string;
  /** Absolute. */
  readonly root: string;
  /** Relative to `root`, with forward slashes. */
  readonly path: string;
  readonly region: Region;
  readonly text: string;
}

export interface SuggestionPlace {
  readonly id: string;
  readonly root: string;
  /** Relative to `root`. */
  readonly path: string;
}

export interface TrackerFeedOptions {
  /** Folder of the logs, one a workspace folder. */
  readonly dir: string;
  /** Makes what follows, away from the editor's keys. The feed closes it. */
  following(): Following;
  /** With which code may be written to the log; at other levels it is followed in memory, until the window goes. */
  levelOf(root: string): CaptureLevel;
  /** Folders of this window: what earlier windows followed in them is taken up. */
  roots(): readonly string[];
  record(suggestionId: string, fields: EventFields<"survived">, place: RecordedPlace): void;
  log(message: string): void;
  /** Characters of a document directly before and behind a region. */
  around(document: string, region: Region): { readonly before: string; readonly after: string };
  /** Tells of files and folders that get another name, by absolute paths. */
  onDidRename(listener: (from: string, to: string) => void): { dispose(): void };
  /** Tells of files that are saved: the document's name and its absolute path. */
  onDidSave(listener: (document: string, file: string) => void): { dispose(): void };
  /** A document that was just saved, with the places of the accepted code in it; null when it has none. */
  savedBuffer(document: string): Promise<SavedBuffer | null>;
  /** Text of an open file, by its absolute path, with changes that are not saved; null when it has none. */
  unsavedText(file: string): string | null;
  /** How long git must be quiet after a change, milliseconds. */
  readonly debounceMs?: number;
}

/** What waits when the window closes may take so long; the editor gives extensions about five seconds. */
const CLOSING_MS = 2_000;

/** Followers go by their folder, and by whether anything of it may be written. */
const ON_DISK = "on-disk ";
const IN_MEMORY = "in-memory ";

interface Follower {
  readonly folder: FollowedFolder;
  /** Path inside the repository; null for a file outside of it. */
  readonly inRepository: (file: string) => string | null;
  /** The other way: path in the workspace folder of a file of the repository. */
  readonly inFolder: (file: string) => string;
}

export function openTrackerFeed(options: TrackerFeedOptions): TrackerFeed {
  const { dir, levelOf, log } = options;
  const scan = createSecretScan(log);
  const stop = new AbortController();
  const followers = new Map<string, Promise<Follower | null>>();
  /** Accepts that were undone: no log knows of them, and a log that is opened anew is told. */
  const undone = new Set<string>();
  let work: Promise<unknown> = Promise.resolve();

  /** One after the other, beside the typing; what fails costs this piece of news. */
  const later = (what: string, task: () => Promise<unknown>): void => {
    work = work.then(async () => {
      if (stop.signal.aborted) return;
      await task().catch((error: Error) => {
        if (!stop.signal.aborted) log(`${what} failed: ${error.message}`);
      });
    });
  };

  const logFolder = (root: string): string =>
    path.join(dir, createHash("sha256").update(root).digest("hex").slice(0, 24));

  let made: Following | null = null;
  /** Made with the first code that is followed: a window without any starts sooner. */
  const following = (): Following => (made ??= options.following());

  const open = async (root: string, keeping: "on-disk" | "in-memory"): Promise<Follower | null> => {
    const { pathInRepository } = await import("../../tracker/repository.ts");
    const real = await realpath(root);
    let top = real;
    const inFolder = (file: string) => path.relative(real, path.join(top, file)).replaceAll(path.sep, "/");
    const wanted = { root, log: keeping === "on-disk" ? logFolder(root) : null };
    const debounce = options.debounceMs === undefined ? {} : { debounceMs: options.debounceMs };
    const folder = await following().open(
      { ...wanted, ...debounce },
      {
        openText: (file) => options.unsavedText(path.join(root, inFolder(file))),
        changed: (news) => tell(root, inFolder, news),
        failed: (message) => log(`Looking for accepted code in git failed: ${message}`),
      },
    );
    if (folder === null) return null;
    ({ top } = folder.repository);
    const inRepository = (file: string): string | null => {
      const inside = path.relative(root, file);
      return pathInRepository(folder.repository, inside.startsWith("..") ? file : path.join(real, inside));
    };
    for (const id of undone) await folder.undone(id, true);
    return { folder, inRepository, inFolder };
  };

  const follower = (root: string, keeping: "on-disk" | "in-memory"): Promise<Follower | null> => {
    const key = (keeping === "on-disk" ? ON_DISK : IN_MEMORY) + root;
    const known = followers.get(key);
    if (known) return known;
    const fresh = open(root, keeping);
    followers.set(key, fresh);
    // A folder may become a repository later: it is asked again with the next accept.
    void fresh.then(
      (one) => one === null && followers.delete(key),
      () => followers.delete(key),
    );
    return fresh;
  };

  const tell = async (
    root: string,
    inFolder: (file: string) => string,
    news: readonly SurvivalNews[],
  ): Promise<void> => {
    const turns = createTurns();
    for (const { survival, records } of news) {
      if (turns.isOver()) await turns.next();
      const fields = survivedFields(survival, records, Date.now());
      if (fields !== null) options.record(survival.sid, fields, { root, path: inFolder(survival.file) });
    }
  };

  const everyFollower = async (use: (one: Follower) => Promise<unknown> | void): Promise<void> => {
    for (const opening of followers.values()) {
      const one = await opening.catch(() => null);
      if (one) await use(one);
    }
  };

  const resume = async (root: string): Promise<void> => {
    if (levelOf(root) !== "code") return;
    const hasLog = await access(logFolder(root)).then(
      () => true,
      () => false,
    );
    if (hasLog) await follower(root, "on-disk");
  };
  for (const root of options.roots()) later("Taking up accepted code", () => resume(root));

  const forgetAll = async (isForgotten: (place: SuggestionPlace) => boolean): Promise<readonly string[]> => {
    const texts: string[] = [];
    for (const [key, opening] of followers) {
      const one = await opening.catch(() => null);
      if (!one || !key.startsWith(IN_MEMORY)) continue;
      const root = key.slice(IN_MEMORY.length);
      const isGone = ({ sid, file }: NamedSnippet) => isForgotten({ id: sid, root, path: one.inFolder(file) });
      for (const { sid, text } of await chosen(await one.folder.snippets(), isGone)) {
        texts.push(text);
        await one.folder.forget(sid);
      }
    }
    const rootOf = new Map(options.roots().map((root) => [path.basename(logFolder(root)), root]));
    for (const name of await namesIn(dir)) texts.push(...(await forgetLog(name, rootOf.get(name), isForgotten)));
    return texts;
  };

  const forgetLog = async (
    name: string,
    root: string | undefined,
    isForgotten: (place: SuggestionPlace) => boolean,
  ): Promise<readonly string[]> => {
    const folder = path.join(dir, name);
    const inFolder = root === undefined ? () => "" : await pathsIn(root, stop.signal);
    const isGone = ({ sid, file }: NamedSnippet) => isForgotten({ id: sid, root: root ?? "", path: inFolder(file) });
    const { namesIn, forgetIn } = following();
    const written = await chosen(await namesIn(folder), isGone);
    const key = root === undefined ? null : ON_DISK + root;
    const one = key === null ? null : await followers.get(key)?.catch(() => null);
    // Another window may have cleared the log already: what is followed here is asked too.
    const here = one ? await chosen(await one.folder.snippets(), isGone) : [];
    if (written.length === 0 && here.length === 0) return [];
    if (key !== null && one) {
      followers.delete(key);
      await one.folder.close();
    }
    const sids = new Set([...written, ...here].map(({ sid }) => sid));
    const texts = [...(await forgetIn(folder, [...sids])), ...here.map(({ text }) => text)];
    // What is left in it is followed on.
    if (root !== undefined && one) await follower(root, "on-disk");
    return texts;
  };

  const renamed = async (from: string, to: string): Promise<void> =>
    everyFollower(async ({ folder, inRepository }) => {
      const [old, now] = [inRepository(from), inRepository(to)];
      if (old !== null && now !== null) await folder.renamed(old, now);
    });
  const saved = async (document: string, file: string): Promise<void> => {
    const buffer = await options.savedBuffer(document);
    if (buffer === null) return;
    await everyFollower(async ({ folder, inRepository }) => {
      const inside = inRepository(file);
      if (inside !== null) await folder.saved(inside, buffer);
    });
  };
  const saves = options.onDidSave((document, file) => later("Noting a saved file", () => saved(document, file)));
  const renames = options.onDidRename((from, to) => later("Following a rename", () => renamed(from, to)));

  return {
    follow(code) {
      const level = levelOf(code.root);
      if (level === "off") return;
      // Read now: the document is another one later.
      const text = widenedText({ ...code, ...options.around(code.document, code.region), acceptedAt: 0 });
      later("Following accepted code", async () => {
        const findings = await scan(text);
        // A secret is never written; code that holds one is followed without its log.
        const isStored = level === "code" && replaceFindings(text, findings) === text;
        const one = await follower(code.root, isStored ? "on-disk" : "in-memory");
        const file = one?.inRepository(path.join(code.root, code.path)) ?? null;
        if (!one || file === null) return;
        await one.folder.accept([{ sid: code.suggestionId, file, text, line: null, before: "" }]);
      });
    },
    undone(suggestionId, isUndone) {
      if (isUndone) undone.add(suggestionId);
      else undone.delete(suggestionId);
      later("Noting an undone accept", () => everyFollower(({ folder }) => folder.undone(suggestionId, isUndone)));
    },
    forget(isForgotten) {
      const turn = work.then(() => forgetAll(isForgotten));
      work = turn.catch(() => undefined);
      return turn;
    },
    async close() {
      renames.dispose();
      saves.dispose();
      // What was accepted in the last moments is written first; git that hangs does not hold the window.
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, CLOSING_MS)))]);
      clearTimeout(timer);
      stop.abort();
      // Ends the look that the rest may wait for.
      await made?.close();
      await work;
    },
  };
}

/** Those of many snippets that a person means, asked in turns. */
const chosen = async <T extends NamedSnippet>(all: readonly T[], isMeant: (one: T) => boolean): Promise<T[]> => {
  const found: T[] = [];
  const turns = createTurns();
  for (const one of all) {
    if (turns.isOver()) await turns.next();
    if (isMeant(one)) found.push(one);
  }
  return found;
};

/** Paths in a workspace folder of files of its repository; without a repository they are the same. */
const pathsIn = async (root: string, signal: AbortSignal): Promise<(file: string) => string> => {
  const { findRepository } = await import("../../tracker/repository.ts");
  const found = await findRepository(root, signal);
  if (!found.ok) return (file) => file;
  const real = await realpath(root);
  return (file) => path.relative(real, path.join(found.repository.top, file)).replaceAll(path.sep, "/");
};

const namesIn = async (dir: string): Promise<readonly string[]> => {
  try {
    return await readdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
};
