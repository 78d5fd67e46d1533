import type { Clock } from "../../../extension/observe/clock.ts";
import { setImmediate } from "node:timers/promises";

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Lets so many milliseconds go by; timers ring in their order, and what they start is let run. */
  pass(ms: number): Promise<void>;
  /** Time goes by while nothing runs: a machine that sleeps. */
  sleep(ms: number): void;
  readonly timers: number;
}

/** What `wall` says first, milliseconds since 1970. */
export const WALL_AT_START = 1_800_000_000_000;
const NOW_AT_START = 1_000;
/** More turns of the event loop than a look at a small text takes, also on a busy machine. */
const TURNS = 40;

export function fakeClock(): FakeClock {
  let now = NOW_AT_START;
  let next = 0;
  const waiting = new Map<number, { at: number; call: () => void }>();
  const letRun = async () => {
    for (let turn = 0; turn < TURNS; turn += 1) await setImmediate();
  };
  return {
    now: () => now,
    wall: () => WALL_AT_START + now - NOW_AT_START,
    after(ms, call) {
      const id = next++;
      waiting.set(id, { at: now + ms, call });
      return () => waiting.delete(id);
    },
    async pass(ms) {
      const end = now + ms;
      for (;;) {
        const due = [...waiting].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
        if (!due) break;
        const [id, { at, call }] = due;
        waiting.delete(id);
        now = Math.max(now, at);
        call();
        await letRun();
      }
      now = end;
      await letRun();
    },
    sleep(ms) {
      now += ms;
    },
    get timers() {
      return waiting.size;
    },
  };
}
