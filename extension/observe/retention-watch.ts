import { shiftRegionByAll, type Region, type TextChange } from "../../core/lifecycle/region.ts";
import { retainedFraction, strictRetainedFraction } from "../../core/survival/retention.ts";

/** When accepted code is looked at again, milliseconds after the accept. */
export const RETENTION_SCHEDULE_MS: readonly number[] = [15_000, 30_000, 120_000, 300_000, 600_000];

export interface AcceptedCode {
  readonly suggestionId: string;
  readonly document: string;
  readonly region: Region;
  readonly text: string;
  /** Monotonic, milliseconds. */
  readonly acceptedAt: number;
}

export interface RetentionCheck {
  readonly suggestionId: string;
  readonly afterMs: number;
  /** Null when nobody could look: the document was closed, or the window went. */
  readonly tokens: number | null;
  readonly strictTokens: number | null;
}

/** Follows accepted code through later edits of its document, with one timer for all of it. */
export interface RetentionWatch {
  /** A second call for the same suggestion (a longer partial accept) replaces the first. */
  follow(code: AcceptedCode): void;
  changed(document: string, changes: readonly TextChange[]): void;
  closed(document: string): void;
  /** Where the newest accepted code of a document stands now. */
  newestIn(document: string): { suggestionId: string; region: Region } | null;
  /** Censor what is still due: the window goes. */
  [Symbol.dispose](): void;
}

interface Followed {
  readonly code: AcceptedCode;
  region: Region;
  nextIdx: number;
  isLost: boolean;
}

/** Lines around the region that code may have been pushed into by an edit across its border. */
const MARGIN_LINES = 3;

export function watchRetention(
  scheduleMs: readonly number[],
  textOf: (document: string) => string | null,
  onCheck: (check: RetentionCheck) => void,
): RetentionWatch {
  const followed = new Map<string, Followed>();
  let timer: NodeJS.Timeout | null = null;

  const dueAt = (one: Followed) => one.code.acceptedAt + (scheduleMs[one.nextIdx] ?? 0);

  const plan = () => {
    if (timer) clearTimeout(timer);
    timer = null;
    if (followed.size === 0) return;
    const next = Math.min(...[...followed.values()].map(dueAt));
    timer = setTimeout(tick, Math.max(0, next - performance.now()) + 1);
  };

  const tick = () => {
    const now = performance.now();
    for (const [key, one] of followed) {
      if (dueAt(one) > now) continue;
      look(one, now);
      one.nextIdx += 1;
      // Checks that a sleeping machine missed are told once, by the latest of them.
      while (one.nextIdx < scheduleMs.length && dueAt(one) <= now) one.nextIdx += 1;
      if (one.nextIdx >= scheduleMs.length) followed.delete(key);
    }
    plan();
  };

  const look = (one: Followed, now: number) => {
    const afterMs = now - one.code.acceptedAt;
    const text = one.isLost ? null : textOf(one.code.document);
    if (text === null) {
      onCheck({ suggestionId: one.code.suggestionId, afterMs, tokens: null, strictTokens: null });
      return;
    }
    const current = withMargin(text, one.region);
    onCheck({
      suggestionId: one.code.suggestionId,
      afterMs,
      tokens: retainedFraction(one.code.text, current),
      strictTokens: strictRetainedFraction(one.code.text, current),
    });
  };

  return {
    follow(code) {
      followed.set(code.suggestionId, { code, region: code.region, nextIdx: 0, isLost: false });
      plan();
    },
    changed(document, changes) {
      for (const one of followed.values()) {
        if (one.code.document === document && !one.isLost) one.region = shiftRegionByAll(one.region, changes, "keep");
      }
    },
    closed(document) {
      for (const one of followed.values()) if (one.code.document === document) one.isLost = true;
    },
    newestIn(document) {
      const here = [...followed.values()].filter((one) => one.code.document === document && !one.isLost);
      const newest = here.sort((a, b) => b.code.acceptedAt - a.code.acceptedAt)[0];
      return newest ? { suggestionId: newest.code.suggestionId, region: newest.region } : null;
    },
    [Symbol.dispose]() {
      if (timer) clearTimeout(timer);
      const now = performance.now();
      for (const one of followed.values()) {
        onCheck({
          suggestionId: one.code.suggestionId,
          afterMs: now - one.code.acceptedAt,
          tokens: null,
          strictTokens: null,
        });
      }
      followed.clear();
    },
  };
}

/**
 * The schedule, or the shorter one of a test host: `KEPT_RETENTION_SCHEDULE_MS=300,900`. Only the
 * numbers change; the clock and the checks are the same.
 */
export function retentionSchedule(env: NodeJS.ProcessEnv): readonly number[] {
  const given = (env["KEPT_RETENTION_SCHEDULE_MS"] ?? "")
    .split(",")
    .map(Number)
    .filter((ms) => Number.isFinite(ms) && ms > 0);
  return given.length > 0 ? given.sort((a, b) => a - b) : RETENTION_SCHEDULE_MS;
}

function withMargin(text: string, region: Region): string {
  let start = region.start;
  for (let line = 0; line <= MARGIN_LINES && start > 0; line += 1) start = text.lastIndexOf("\n", start - 1);
  let end = region.end;
  for (let line = 0; line <= MARGIN_LINES && end !== -1; line += 1) end = text.indexOf("\n", end + 1);
  return text.slice(Math.max(0, start), end === -1 ? undefined : end);
}
