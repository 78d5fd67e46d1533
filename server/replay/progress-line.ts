import { clearLine, cursorTo } from "node:readline";

/** Without a terminal a line is printed this often, so that a log stays short, milliseconds. */
const LOG_EVERY_MS = 10_000;
/** In a terminal the line is drawn anew at most this often, milliseconds. */
const DRAW_EVERY_MS = 100;

/** One line of progress: redrawn in place in a terminal, now and then a line of its own in a log. */
export interface ProgressLine {
  show(text: string): void;
  /** Takes the line away, or in a log leaves the last one. */
  clear(): void;
}

export function createProgressLine(out: NodeJS.WriteStream): ProgressLine {
  const everyMs = out.isTTY ? DRAW_EVERY_MS : LOG_EVERY_MS;
  let drawnAt = out.isTTY ? -Infinity : performance.now();
  return {
    show(text) {
      const now = performance.now();
      if (now - drawnAt < everyMs) return;
      drawnAt = now;
      if (!out.isTTY) return void out.write(`  ${text}\n`);
      cursorTo(out, 0);
      out.write(`  ${text}`.slice(0, Math.max(1, (out.columns || 80) - 1)));
      clearLine(out, 1);
    },
    clear() {
      if (!out.isTTY) return;
      cursorTo(out, 0);
      clearLine(out, 0);
    },
  };
}

/** `12 s`, `3 min 5 s`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Time left at the pace so far. */
export function timeLeft(done: number, all: number, startedAt: number): string {
  const left = ((performance.now() - startedAt) / Math.max(1, done)) * (all - done);
  return done === 0 ? "" : `, ${duration(left)} left`;
}
