import type { Memento } from "vscode";

/** A pause of capture in all windows. It survives a restart; one with an end ends by itself. */
export interface CapturePause {
  readonly isPaused: boolean;
  /** Milliseconds until it ends; null when it is not paused, or until somebody resumes. */
  readonly remainingMs: number | null;
  start(ms: number | null): Promise<void>;
  end(): Promise<void>;
  [Symbol.dispose](): void;
}

interface StoredPause {
  /** Wall clock, milliseconds: the pause has to outlive the process. */
  readonly from: number;
  readonly ms: number | null;
}

const KEY = "kept.pause";

export function createCapturePause(memento: Memento, onChange: () => void, now: () => number = Date.now): CapturePause {
  let timer: NodeJS.Timeout | null = null;

  const remaining = (): number | null => {
    const pause = memento.get<StoredPause | null>(KEY, null);
    if (!pause) return 0;
    if (pause.ms === null) return null;
    // A clock that was set back must not make the pause longer than was asked for.
    return Math.max(0, pause.ms - Math.max(0, now() - pause.from));
  };
  const plan = () => {
    if (timer) clearTimeout(timer);
    timer = null;
    const ms = remaining();
    if (ms !== null && ms > 0) timer = setTimeout(plan, ms + 1);
    else if (ms === 0) onChange();
  };
  const store = async (pause: StoredPause | null) => {
    await memento.update(KEY, pause);
    if (timer) clearTimeout(timer);
    timer = null;
    onChange();
    if (pause) plan();
  };
  if (remaining() !== 0) plan();

  return {
    get isPaused() {
      return remaining() !== 0;
    },
    get remainingMs() {
      const ms = remaining();
      return ms === 0 ? null : ms;
    },
    start: (ms) => store({ from: now(), ms }),
    end: () => store(null),
    [Symbol.dispose]() {
      if (timer) clearTimeout(timer);
    },
  };
}
