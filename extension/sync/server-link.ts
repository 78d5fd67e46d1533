import type { PushHandlers } from "./push-channel.ts";
import { readPushChannel } from "./push-channel.ts";
import { createBackoff, pause } from "./backoff.ts";
import { drainOutbox, type DrainCounts } from "./event-drain.ts";
import type { Outbox } from "./outbox.ts";
import { closeConnection } from "./proven-http.ts";
import {
  discoverServer,
  RUNTIME_FILE,
  startServer,
  type Discovery,
  type DiscoveryProblem,
  type ServerConnection,
} from "./server-discovery.ts";
import { watch } from "node:fs";

export type LinkState = "connecting" | "connected" | "offline" | "stopped";

/** Keeps this window joined to the companion server: finds it, starts it, sends events, hears pushes. */
export interface ServerLink {
  readonly state: LinkState;
  /** Why there is no connection; null while there is one, or while the first is looked for. */
  readonly problem: DiscoveryProblem | null;
  readonly connection: ServerConnection | null;
  readonly counts: Readonly<DrainCounts>;
  /** How often a server was looked for. */
  readonly attempts: number;
  /** Resolves when the loop has ended. */
  readonly done: Promise<void>;
  [Symbol.dispose](): void;
}

/** The world of a link; tests bring their own clock and servers. */
export interface LinkWorld {
  /** Monotonic, milliseconds. */
  now(): number;
  pause(ms: number, signal: AbortSignal): Promise<void>;
  random(): number;
  discover(dataDir: string, signal: AbortSignal): Promise<Discovery>;
  start(entry: string, dataDir: string, env: NodeJS.ProcessEnv): Promise<void>;
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
  readonly world?: LinkWorld;
}

const FIRST_RETRY_MS = 300;
/** Half of a wait is random: after the first minute two looks are at least 6 s apart. */
const LONGEST_RETRY_MS = 12_000;
/** A connection that lived this long was none that fails at once. */
const HEALTHY_MS = 15_000;
/** A server that was started gets this long to write its runtime file before the next start. */
const START_GRACE_MS = 10_000;
/** A server that does not even start is not started again and again. */
const LONGEST_START_GRACE_MS = 300_000;

export const REAL_WORLD: LinkWorld = {
  now: () => performance.now(),
  pause,
  random: () => Math.random(),
  discover: discoverServer,
  start: startServer,
};

export function openServerLink(options: ServerLinkOptions): ServerLink {
  const world = options.world ?? REAL_WORLD;
  const stop = new AbortController();
  const counts: DrainCounts = { sent: 0, rejected: 0 };
  let state: LinkState = "connecting";
  let problem: DiscoveryProblem | null = null;
  let connection: ServerConnection | null = null;
  let attempts = 0;
  let startAgainAt = Number.NEGATIVE_INFINITY;
  let startGraceMs = START_GRACE_MS;

  const become = (next: LinkState, why: DiscoveryProblem | null) => {
    if (state === next && problem === why) return;
    if (why !== null && why !== problem) options.log(`No server: ${why}.`);
    [state, problem] = [next, why];
    options.onState(next);
  };

  const startWhenNone = async (found: Discovery) => {
    if (found.ok || options.serverEntry === null || found.reason === "other-protocol") return;
    if (world.now() < startAgainAt) return;
    startAgainAt = world.now() + startGraceMs;
    startGraceMs = Math.min(LONGEST_START_GRACE_MS, startGraceMs * 2);
    options.log(`Starting a server (${found.reason}).`);
    await world
      .start(options.serverEntry, options.dataDir, options.env)
      .catch((error: Error) => options.log(`The server could not be started: ${error.message}`));
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
      closeConnection(current);
    }
  };

  const loop = async () => {
    const backoff = createBackoff(FIRST_RETRY_MS, LONGEST_RETRY_MS, world.random);
    while (!stop.signal.aborted) {
      attempts += 1;
      const found = await world.discover(options.dataDir, stop.signal);
      if (stop.signal.aborted) break;
      if (found.ok) {
        connection = found.connection;
        become("connected", null);
        startGraceMs = START_GRACE_MS;
        options.log(`Connected to server ${found.connection.version} (process ${found.connection.pid}).`);
        const began = world.now();
        try {
          await serve(found.connection);
        } catch (error) {
          if (!stop.signal.aborted) options.log(`The connection ended: ${(error as Error).message}`);
        }
        connection = null;
        if (world.now() - began > HEALTHY_MS) backoff.reset();
        if (!stop.signal.aborted) become("offline", "unreachable");
      } else {
        become("offline", found.reason);
        await startWhenNone(found);
      }
      using appeared = whenAppears(options.dataDir, stop.signal);
      await world.pause(backoff.next(), appeared.signal);
    }
    become("stopped", null);
  };

  return {
    get state() {
      return state;
    },
    get problem() {
      return problem;
    },
    get connection() {
      return connection;
    },
    get attempts() {
      return attempts;
    },
    counts,
    done: loop(),
    [Symbol.dispose]() {
      stop.abort();
    },
  };
}

/** A signal that fires when a server writes its runtime file, or with `signal`: a wait can end early. */
function whenAppears(dataDir: string, signal: AbortSignal): { readonly signal: AbortSignal } & Disposable {
  const appeared = new AbortController();
  const watcher = tryWatch(dataDir, (name) => {
    if (name === RUNTIME_FILE) appeared.abort();
  });
  return {
    signal: AbortSignal.any([signal, appeared.signal]),
    [Symbol.dispose]: () => watcher?.close(),
  };
}

/** Null where the folder is not there yet, or nothing more can be watched: the wait then just ends by itself. */
function tryWatch(dir: string, onChange: (name: string | null) => void) {
  try {
    const watcher = watch(dir, { persistent: false }, (_kind, name) => onChange(name));
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}
