/** Aborts at the first Ctrl+C or SIGTERM. Disposing of it gives the signals back. */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
}

export function createInterrupt(): Interrupt {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Error("Stopped."));
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, abort);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, abort);
    },
  };
}
