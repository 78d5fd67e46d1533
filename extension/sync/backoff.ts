/** Waits between tries: doubling from `firstMs` to `longestMs`, with jitter so that windows spread out. */
export interface Backoff {
  next(): number;
  reset(): void;
}

export function createBackoff(firstMs: number, longestMs: number, random: () => number = Math.random): Backoff {
  let tries = 0;
  return {
    next() {
      const ceiling = Math.min(longestMs, firstMs * 2 ** tries);
      tries += 1;
      // Half fixed and half random: never at once, never in step with another window.
      return ceiling / 2 + (random() * ceiling) / 2;
    },
    reset() {
      tries = 0;
    },
  };
}

/** Resolves after `ms`, or at once when the signal fires; never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
