import type { Log } from "../log.ts";
import type { PushHub } from "../push/hub.ts";
import { sweep, type SweepParts } from "./sweep.ts";

/** After the start, when editors have what they need, milliseconds. */
const FIRST_MS = 10 * 60_000;
/** Between two sweeps, milliseconds: six hours. */
const EVERY_MS = 6 * 3_600_000;

/** Sweeps now and then while the server runs. Disposing of it ends the sweep that is under way. */
export function startSweeper(
  parts: Omit<SweepParts, "signal"> & {
    readonly log: Log;
    readonly hub: PushHub;
    readonly firstMs?: number | undefined;
  },
): AsyncDisposable {
  const { store, log, hub } = parts;
  const stop = new AbortController();
  let sweeping: Promise<void> = Promise.resolve();
  const run = async (): Promise<void> => {
    const revision = store.examples.revision();
    try {
      const report = await sweep({ ...parts, signal: stop.signal });
      log.info({ event: "swept", ...report });
    } catch (err) {
      if (!stop.signal.aborted) log.error({ event: "not-swept", err });
    }
    if (store.examples.revision() !== revision) hub.publish("examples", { revision: store.examples.revision() });
  };
  const tick = (): void => void (sweeping = sweeping.then(run));
  const first = setTimeout(tick, parts.firstMs ?? FIRST_MS);
  const timer = setInterval(tick, EVERY_MS);
  first.unref();
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearTimeout(first);
      clearInterval(timer);
      stop.abort(new Error("The server is stopping."));
      await sweeping;
    },
  };
}
