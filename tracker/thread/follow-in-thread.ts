import { type ResourceLimits, Worker } from "node:worker_threads";
import type { Followed, FollowedFolder, Following, FollowingHost, FolderToFollow } from "../following.ts";
import type { Repository } from "../repository.ts";
import { createCallJournal } from "./call-journal.ts";
import type { FolderCall, FromThread, LogCall, ToThread } from "./messages.ts";

export interface ThreadOptions {
  /** The entry: `dist/tracker.cjs`, or `tracker/thread/main.ts` where there is no bundle. */
  readonly entry: string;
  log(message: string): void;
}

/**
 * Nearly all that the tracker makes is garbage with the next commit: room for more of it than this is memory of the
 * editor's process that nothing is gained by. A long walk takes half of what it takes without this limit.
 */
export const THREAD_LIMITS: ResourceLimits = { maxYoungGenerationSizeMb: 12 };
/** A thread that ends so often within so many milliseconds is not started again: the cause is not chance. */
const MAX_CRASHES = 4;
const CRASHES_WITHIN_MS = 600_000;
/** A call that was under way in so many crashes is their cause, and is given up. */
const MAX_ATTEMPTS = 2;

/** A folder as a new thread would open it again. */
interface OpenFolder {
  wanted: FolderToFollow;
  readonly host: FollowingHost;
  readonly journal: ReturnType<typeof createCallJournal>;
  isOpen: boolean;
}

interface Waiting {
  readonly message: Exclude<ToThread, { kind: "reply" }>;
  /** Whether the thread that runs now knows of it. */
  isSent: boolean;
  nAttempts: number;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * The same in a thread, which starts with the first call. When it ends on its own, another one takes up the logs,
 * what was kept in memory is told to it anew, and so are calls that had no answer and news that had no reply.
 */
export const followInThread = ({ entry, log }: ThreadOptions): Following => {
  const folders = new Map<number, OpenFolder>();
  const waiting = new Map<number, Waiting>();
  let worker: Worker | null = null;
  let crashes: number[] = [];
  let givenUp: Error | null = null;
  let isClosed = false;
  let nextId = 1;

  const take = (message: FromThread, from: Worker): void => {
    switch (message.kind) {
      case "answer":
      case "refusal":
        return answered(message);
      case "ask":
        return void reply(from, message.id, async () => folders.get(message.folder)?.host.openText(message.file));
      case "changed":
        return void reply(from, message.id, async () => {
          const folder = folders.get(message.folder);
          await folder?.host.changed(message.news);
          const at = message.news.at(-1)?.records.at(-1)?.at;
          if (folder !== undefined && at !== undefined) folder.wanted = { ...folder.wanted, toldFrom: at };
          return null;
        });
      case "failed":
        return folders.get(message.folder)?.host.failed(message.message);
    }
  };
  const answered = (message: Extract<FromThread, { kind: "answer" | "refusal" }>): void => {
    const one = waiting.get(message.id);
    if (one === undefined) return;
    waiting.delete(message.id);
    if (message.kind === "answer") one.resolve(message.value);
    else one.reject(new Error(message.message));
    if (one.nAttempts > 0) sendNext();
  };
  /** What was under way in a crash is sent again one by one, so that the cause is the one that meets the next. */
  const sendNext = (): void => {
    for (const one of waiting.values()) {
      if (one.isSent) continue;
      one.isSent = true;
      worker?.postMessage(one.message);
      return;
    }
  };
  const reply = async (to: Worker, id: number, find: () => Promise<string | null | undefined>): Promise<void> => {
    let value: string | null = null;
    try {
      value = (await find()) ?? null;
    } catch (error) {
      log(`The tracker was not answered: ${(error as Error).message}`);
    }
    if (to === worker) to.postMessage({ kind: "reply", id, value } satisfies ToThread);
  };

  const start = (): Worker => {
    const fresh = new Worker(entry, { name: "kept-tracker", resourceLimits: THREAD_LIMITS });
    let reason = "";
    fresh.on("message", (message: FromThread) => take(message, fresh));
    fresh.on("error", (error: Error) => (reason = error.message));
    fresh.on("exit", (code) => {
      if (worker === fresh && !isClosed) crashed(reason === "" ? `code ${code}` : reason);
    });
    worker = fresh;
    return fresh;
  };
  const crashed = (reason: string): void => {
    worker = null;
    const now = performance.now();
    crashes = [...crashes.filter((at) => now - at < CRASHES_WITHIN_MS), now];
    log(`The tracker's thread ended: ${reason}.`);
    for (const [id, one] of waiting) {
      if (one.isSent) one.nAttempts += 1;
      one.isSent = false;
      if (one.nAttempts < MAX_ATTEMPTS && crashes.length < MAX_CRASHES) continue;
      waiting.delete(id);
      one.reject(new Error(`the tracker's thread ended: ${reason}`));
    }
    if (crashes.length >= MAX_CRASHES) {
      givenUp = new Error(`the tracker's thread ended ${crashes.length} times: ${reason}`);
      return;
    }
    if (folders.size === 0 && waiting.size === 0) return;
    const again = start();
    for (const [folder, { wanted, journal, isOpen }] of folders) {
      if (!isOpen) continue;
      // What comes of them is known, or is told as news.
      again.postMessage({ kind: "open", id: 0, folder, wanted } satisfies ToThread);
      for (const call of journal.calls()) again.postMessage({ kind: "folder", id: 0, folder, call } satisfies ToThread);
    }
    sendNext();
  };

  const call = <T>(message: (id: number) => Waiting["message"]): Promise<T> => {
    if (givenUp !== null) return Promise.reject(givenUp);
    if (isClosed) return Promise.reject(new Error("the tracker is closed"));
    const id = nextId;
    nextId += 1;
    const to = worker ?? start();
    return new Promise<T>((resolve, reject) => {
      const one = { message: message(id), isSent: true, nAttempts: 0, reject };
      waiting.set(id, { ...one, resolve: (value) => resolve(value as T) });
      to.postMessage(one.message);
    });
  };
  const inLog = <T>(one: LogCall): Promise<T> => call((id) => ({ kind: "log", id, call: one }));

  return {
    async open(wanted, host) {
      const folder = nextId;
      nextId += 1;
      const again = { ...wanted, toldFrom: wanted.toldFrom ?? Date.now() };
      const own: OpenFolder = { wanted: again, host, journal: createCallJournal(wanted), isOpen: false };
      folders.set(folder, own);
      const inFolder = async <T>(one: FolderCall): Promise<T> => {
        const value = await call<T>((id) => ({ kind: "folder", id, folder, call: one }));
        own.journal.done(one, value);
        return value;
      };
      let repository: Repository | null = null;
      try {
        repository = await call<Repository | null>((id) => ({ kind: "open", id, folder, wanted }));
      } finally {
        own.isOpen = repository !== null;
        if (repository === null) folders.delete(folder);
      }
      if (repository === null) return null;
      return {
        repository,
        accept: (codes) => inFolder<Followed>({ method: "accept", args: [codes] }),
        renamed: (from, to) => inFolder({ method: "renamed", args: [from, to] }),
        undone: (sid, isUndone) => inFolder({ method: "undone", args: [sid, isUndone] }),
        saved: (file, buffer) => inFolder({ method: "saved", args: [file, buffer] }),
        snippets: () => inFolder({ method: "snippets", args: [] }),
        forget: (sid) => inFolder({ method: "forget", args: [sid] }),
        lookNow: () => inFolder({ method: "lookNow", args: [] }),
        told: () => inFolder({ method: "told", args: [] }),
        async close() {
          try {
            await inFolder({ method: "close", args: [] });
          } finally {
            folders.delete(folder);
          }
        },
      } satisfies FollowedFolder;
    },
    namesIn: (folder) => inLog({ method: "namesIn", args: [folder] }),
    forgetIn: (folder, sids) => inLog({ method: "forgetIn", args: [folder, sids] }),
    async close() {
      const last = worker;
      if (last !== null && givenUp === null) await call((id) => ({ kind: "close", id })).catch(() => undefined);
      isClosed = true;
      worker = null;
      folders.clear();
      for (const one of waiting.values()) one.reject(new Error("the tracker is closed"));
      waiting.clear();
      await last?.terminate();
    },
  };
};
