import { redactSecrets } from "../../core/redaction.ts";
import { dueChecks, nextDueAt } from "../../core/survival/check-schedule.ts";
import { syntaxOf } from "../../core/survival/markdown-text.ts";
import { fourGramRecall, retainedFraction, strictRetainedFraction } from "../../core/survival/retention.ts";
import { censored, type RetentionCheck } from "../observe/retention-watch.ts";
import type { Clock } from "../observe/clock.ts";
import type { StoredCheck } from "./pending-checks.ts";
import type { TextSource } from "./text-source.ts";

/** Goes on with the checks of accepts from an earlier window, by content: no edit of them was seen. */
export interface ResumedChecks {
  /** Censors what was due while no window was open, and waits for the rest. */
  resume(checks: readonly StoredCheck[]): void;
  renamed(from: string, to: string): void;
  forget(suggestionId: string): void;
  /** Where a resumed accept stood, or null. */
  placeOf(suggestionId: string): { readonly root: string; readonly path: string } | null;
  pending(): readonly StoredCheck[];
  [Symbol.dispose](): void;
}

/** Reading a file from disk takes milliseconds; longer means that the disk hangs. */
const READ_DEADLINE_MS = 5_000;

export function resumeChecks(
  scheduleMs: readonly number[],
  texts: TextSource,
  clock: Clock,
  listeners: { onCheck(check: RetentionCheck): void; onPending(): void },
): ResumedChecks {
  let waiting: readonly StoredCheck[] = [];
  /** Also of those that are done: their last event may still be on its way. */
  const places = new Map<string, { root: string; path: string }>();
  const stop = new AbortController();
  let cancel: (() => void) | null = null;

  const scheduled = ({ acceptedWallMs: acceptedAt, nextIdx }: StoredCheck) => ({ acceptedAt, nextIdx });
  const plan = () => {
    cancel?.();
    const due = waiting.flatMap((one) => nextDueAt(scheduled(one), scheduleMs) ?? []);
    cancel = due.length === 0 ? null : clock.after(Math.max(0, Math.min(...due) - clock.wall()) + 1, tick);
  };
  const tick = () => {
    advance((one, due) => {
      for (const afterMs of due.missed) listeners.onCheck(censored(one.suggestionId, afterMs, "missed"));
      if (due.look !== null) void look(one);
    });
  };
  const advance = (tell: (one: StoredCheck, due: ReturnType<typeof dueChecks>) => void) => {
    const wall = clock.wall();
    const before = waiting;
    const moved = before.map((one) => ({ one, due: dueChecks(scheduled(one), scheduleMs, wall) }));
    waiting = moved
      .map(({ one, due }) => ({ ...one, nextIdx: due.nextIdx }))
      .filter(({ nextIdx }) => nextIdx < scheduleMs.length);
    for (const { one, due } of moved) if (due.nextIdx !== one.nextIdx) tell(one, due);
    plan();
    listeners.onPending();
  };
  const look = async ({ suggestionId, document, path, acceptedWallMs, text }: StoredCheck) => {
    const afterMs = clock.wall() - acceptedWallMs;
    const tell = (check: Omit<RetentionCheck, "suggestionId" | "afterMs">) => {
      if (stop.signal.aborted || !places.has(suggestionId)) return;
      listeners.onCheck({ ...check, suggestionId, afterMs });
    };
    if (text === null) return tell(censored(suggestionId, 0, "not-stored"));
    const open = texts.open(document);
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(READ_DEADLINE_MS)]);
    const found = open === null ? await texts.read(document, signal) : { ok: true as const, text: open };
    if (!found.ok) return tell(censored(suggestionId, 0, found.reason));
    // What was stored had its secrets taken out: so has what it is compared with.
    const current = redactSecrets(found.text);
    // The name that it was accepted under, whatever it is called now.
    const syntax = syntaxOf(path);
    tell({
      tokens: retainedFraction(text, current, syntax),
      strictTokens: strictRetainedFraction(text, current, syntax),
      fourGrams: fourGramRecall(text, current, syntax),
      arc: null,
    });
  };

  return {
    resume(checks) {
      waiting = [...waiting, ...checks];
      for (const { suggestionId, root, path } of checks) places.set(suggestionId, { root, path });
      advance((one, due) => {
        const closed = due.look === null ? due.missed : [...due.missed, due.look];
        for (const afterMs of closed) listeners.onCheck(censored(one.suggestionId, afterMs, "window-closed"));
      });
    },
    renamed(from, to) {
      waiting = waiting.map((one) =>
        one.document === from || one.document.startsWith(`${from}/`)
          ? { ...one, document: to + one.document.slice(from.length) }
          : one,
      );
      listeners.onPending();
    },
    forget(suggestionId) {
      waiting = waiting.filter((one) => one.suggestionId !== suggestionId);
      places.delete(suggestionId);
      plan();
      listeners.onPending();
    },
    placeOf: (suggestionId) => places.get(suggestionId) ?? null,
    pending: () => waiting,
    [Symbol.dispose]() {
      stop.abort();
      cancel?.();
    },
  };
}
