/** Time, as the watches of a window take it: a test passes its own. Milliseconds. */
export interface Clock {
  /** Monotonic. */
  now(): number;
  /** Since 1970: for what outlives the window. */
  wall(): number;
  /** Calls back once; the answer stops it. */
  after(ms: number, call: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(ms, MAX_TIMEOUT_MS));
    return () => clearTimeout(timer);
  },
};

/** Timers take 31 bits; who waits longer is called early and waits again. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Processor time of this thread so far, or null: Node tells it since 23.9, and an editor may bring an older one. */
export function threadCpuMs(): number | null {
  const usage = (process as { threadCpuUsage?: () => { user: number; system: number } }).threadCpuUsage?.();
  return usage ? (usage.user + usage.system) / 1_000 : null;
}
