import { forgetOperation, type ForgetOperation } from "../../protocol/api.ts";
import {
  forgetRequestOf,
  forgottenBy,
  storedRequest,
  withoutNames,
  type ForgetWish,
  type Forgotten,
  type StoredRequest,
} from "./forget-request.ts";
import type { ServerConnection } from "./server-discovery.ts";
import { ask } from "./server-request.ts";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

/**
 * Requests to forget, durable until the server has done them: one small file each, which every window of
 * this machine reads, does its own part of, and may send. Forgetting is idempotent: doing it twice is the
 * same as once.
 */
export interface ForgetQueue {
  /** Writes the request down, forgets here, and sends it when there is a server; resolves when it is forgotten here. */
  forget(wish: ForgetWish): Promise<void>;
  isForgotten(suggestion: { readonly id: string; readonly root: string; readonly path: string }): boolean;
  /** Requests that the server has not done yet. */
  readonly waiting: number;
  /** Hears of other windows' requests and sends what waits. One call at a time does work. */
  tend(): Promise<void>;
  readonly lastDone: ForgetOperation | null;
}

export interface ForgetQueueOptions {
  readonly dir: string;
  connection(): ServerConnection | null;
  hidden(place: string): string;
  /** Takes everything that this window holds away, in memory and on disk. */
  apply(forgotten: Forgotten): Promise<void>;
  /** Nothing that was recorded is sent until the answer is called: the server forgets everything that it has. */
  hold(): () => void;
  log(message: string): void;
}

/** A server may have to end a training run first, milliseconds. */
const SEND_DEADLINE_MS = 60_000;
/** How long a request that is done, without names, waits for other windows to read it, milliseconds. */
const DONE_KEPT_MS = 60_000;

export function openForgetQueue(options: ForgetQueueOptions): ForgetQueue {
  const known = new Map<string, Forgotten>();
  const applied = new Map<string, Promise<void>>();
  const waiting = new Set<string>();
  let lastDone: ForgetOperation | null = null;
  let tending: Promise<void> | null = null;
  const fileOf = (id: string) => path.join(options.dir, `${id}.json`);

  const write = async (request: StoredRequest) => {
    await mkdir(options.dir, { recursive: true, mode: 0o700 });
    const file = fileOf(request.id);
    await writeFile(`${file}.new`, JSON.stringify(request), { mode: 0o600, flush: true });
    await rename(`${file}.new`, file);
  };

  const take = async (request: StoredRequest) => {
    if (request.scope !== null) waiting.add(request.id);
    const forgotten = known.get(request.id) ?? forgottenBy(request);
    // From here on nothing of it is recorded again; then what is there goes.
    known.set(request.id, forgotten);
    const applying = applied.get(request.id) ?? options.apply(forgotten);
    applied.set(request.id, applying);
    try {
      await applying;
    } catch (error) {
      // A disk that failed is asked again with the next round.
      applied.delete(request.id);
      throw error;
    }
  };

  const send = async (request: StoredRequest) => {
    const connection = options.connection();
    if (request.scope === null || !connection) return;
    const body = JSON.stringify({ id: request.id, requestedAtMs: request.requestedAtMs, scope: request.scope });
    const signal = AbortSignal.timeout(SEND_DEADLINE_MS);
    const answer = await ask(connection, forgetOperation, "POST", "/v1/forget", body, signal);
    if (!answer.ok || answer.value.state !== "done") return;
    lastDone = answer.value;
    await write(withoutNames(request));
    waiting.delete(request.id);
    options.log(`The server has forgotten ${answer.value.suggestions} suggestions (${answer.value.events} events).`);
  };

  const tend = async () => {
    const names = await readdir(options.dir).catch(() => [] as string[]);
    const ids = new Set(names.map((name) => name.replace(/\.json$/, "")));
    for (const id of waiting) if (!ids.has(id)) waiting.delete(id);
    for (const name of names.filter((one) => one.endsWith(".json")).sort()) {
      const file = path.join(options.dir, name);
      const request = await read(file);
      if (request === null) continue;
      await take(request);
      if (request.scope !== null) await send(request);
      else if (await isOld(file)) await rm(file, { force: true });
      if (request.scope === null) waiting.delete(request.id);
    }
  };

  const tendOnce = () => {
    if (tending) return tending;
    // What was recorded after a request comes to the server after it too.
    const release = options.hold();
    tending = tend()
      .catch((error: Error) => options.log(`Requests to forget wait: ${error.message}`))
      .finally(() => {
        tending = null;
        release();
      });
    return tending;
  };

  return {
    async forget(wish) {
      const request = forgetRequestOf(wish, uuidv7(), Date.now(), options.hidden);
      await write(request);
      await take(request);
      void tendOnce();
    },
    isForgotten(suggestion) {
      for (const forgotten of known.values()) if (forgotten.suggestion(suggestion)) return true;
      return false;
    },
    get waiting() {
      return waiting.size;
    },
    tend: tendOnce,
    get lastDone() {
      return lastDone;
    },
  };
}

async function read(file: string): Promise<StoredRequest | null> {
  try {
    const parsed = storedRequest.safeParse(JSON.parse(await readFile(file, "utf8")));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

async function isOld(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => null);
  return found !== null && Date.now() - found.mtimeMs > DONE_KEPT_MS;
}
