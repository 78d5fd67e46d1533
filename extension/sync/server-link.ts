import type { PushHandlers } from "./push-channel.ts";
import { readPushChannel } from "./push-channel.ts";
import { createBackoff, pause } from "./backoff.ts";
import { drainOutbox, type DrainCounts } from "./event-drain.ts";
import type { Outbox } from "./outbox.ts";
import { discoverServer, startServer, type Discovery, type ServerConnection } from "./server-discovery.ts";

export type LinkState = "connecting" | "connected" | "offline" | "stopped";

/** Keeps this window joined to the companion server: finds it, starts it, sends events, hears pushes. */
export interface ServerLink {
  readonly state: LinkState;
  readonly connection: ServerConnection | null;
  readonly counts: Readonly<DrainCounts>;
  /** Resolves when the loop has ended. */
  readonly done: Promise<void>;
  [Symbol.dispose](): void;
}

export interface ServerLinkOptions {
  readonly dataDir: string;
  /** The bundled server, or null to only look for one that runs. */
  readonly serverEntry: string | null;
  readonly env: NodeJS.ProcessEnv;
  readonly outbox: Outbox;
  readonly handlers: PushHandlers;
  /** Called after every connect, before pushes are awaited: read the state that pushes only change. */
  onConnected(connection: ServerConnection, signal: AbortSignal): Promise<void>;
  onState(state: LinkState): void;
  log(message: string): void;
}

const FIRST_RETRY_MS = 300;
const LONGEST_RETRY_MS = 5_000;
/** A server that was started gets this long to write its runtime file before the next start. */
const START_GRACE_MS = 10_000;

export function openServerLink(options: ServerLinkOptions): ServerLink {
  const stop = new AbortController();
  const counts: DrainCounts = { sent: 0, rejected: 0 };
  let state: LinkState = "connecting";
  let connection: ServerConnection | null = null;
  let startedAt = Number.NEGATIVE_INFINITY;

  const become = (next: LinkState) => {
    if (state === next) return;
    state = next;
    options.onState(next);
  };

  const startWhenNone = (found: Discovery) => {
    if (found.ok || options.serverEntry === null || found.reason === "other-protocol") return;
    if (performance.now() - startedAt < START_GRACE_MS) return;
    startedAt = performance.now();
    options.log(`No server answers (${found.reason}): starting one.`);
    startServer(options.serverEntry, options.dataDir, options.env);
  };

  /** One life of a connection; ends when either the stream or the sending does. */
  const serve = async (current: ServerConnection) => {
    const life = new AbortController();
    const signal = AbortSignal.any([stop.signal, life.signal]);
    const stream = readPushChannel(current, options.handlers, () => options.log("Push channel open."), signal);
    const drain = drainOutbox(options.outbox, current, counts, signal);
    const joined = options.onConnected(current, signal);
    try {
      await Promise.race([stream, drain, joined.then(() => new Promise<never>(() => {}))]);
    } finally {
      life.abort();
      await Promise.allSettled([stream, drain, joined]);
    }
  };

  const loop = async () => {
    const backoff = createBackoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
    while (!stop.signal.aborted) {
      const found = await discoverServer(options.dataDir, stop.signal);
      if (stop.signal.aborted) break;
      if (found.ok) {
        connection = found.connection;
        become("connected");
        options.log(`Connected to server ${found.connection.version} (process ${found.connection.pid}).`);
        const began = performance.now();
        try {
          await serve(found.connection);
        } catch (error) {
          if (!stop.signal.aborted) options.log(`The connection ended: ${(error as Error).message}`);
        }
        connection = null;
        if (performance.now() - began > LONGEST_RETRY_MS) backoff.reset();
        if (!stop.signal.aborted) become("offline");
      } else {
        become("offline");
        startWhenNone(found);
      }
      await pause(backoff.next(), stop.signal);
    }
    become("stopped");
  };

  return {
    get state() {
      return state;
    },
    get connection() {
      return connection;
    },
    counts,
    done: loop(),
    [Symbol.dispose]() {
      stop.abort();
    },
  };
}
