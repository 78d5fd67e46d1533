/** Time as an argument, so that tests decide what it is. */
export interface Clock {
  /** Wall clock, milliseconds since 1970: for what people read. */
  wallMs(): number;
  /** Monotonic clock, milliseconds: for leases and waits inside one process. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** RFC 3339 UTC. */
export const isoTime = (wallMs: number): string => new Date(wallMs).toISOString();
