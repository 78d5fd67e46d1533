import type { Region, TextChange } from "../../core/lifecycle/region.ts";
import type { BufferLossCause, ChangeAuthor } from "../../core/survival/buffer-cause.ts";
import type { BufferFact } from "../../core/survival/buffer-follower.ts";
import { dueChecks, nextDueAt } from "../../core/survival/check-schedule.ts";
import type { SavedBuffer } from "../../core/survival/saved-buffer.ts";
import type { CensorReason } from "../../protocol/events.ts";
import { followDocuments, type FollowedDocuments } from "../survive/followed-documents.ts";
import type { TextSource } from "../survive/text-source.ts";
import type { Clock } from "./clock.ts";

/** When accepted code is looked at again, milliseconds after the accept. */
export const RETENTION_SCHEDULE_MS: readonly number[] = [15_000, 30_000, 120_000, 300_000, 600_000, 900_000];

export interface AcceptedCode {
  readonly suggestionId: string;
  readonly document: string;
  readonly region: Region;
  readonly text: string;
  /** Characters of the document directly before and behind it. */
  readonly before: string;
  readonly after: string;
  /** Monotonic, milliseconds. */
  readonly acceptedAt: number;
}

/** What a check found, as fractions; all null when nothing could be observed. */
export interface RetentionCheck {
  readonly suggestionId: string;
  readonly afterMs: number;
  readonly tokens: number | null;
  readonly strictTokens: number | null;
  readonly fourGrams: number | null;
  readonly arc: number | null;
  readonly censored?: CensorReason;
  /** Cause of the last loss, while something is missing. */
  readonly cause?: BufferLossCause;
}

/** Code that has checks to come, for who keeps it over the end of the window. */
export interface PendingCode {
  readonly code: AcceptedCode;
  /** Where it is by now. */
  readonly document: string;
  readonly nextIdx: number;
}

export interface RetentionListeners {
  onCheck(check: RetentionCheck): void;
  onFact(fact: BufferFact, afterMs: number): void;
  /** What is pending has changed: an accept, a check, another name. */
  onPending(): void;
}

/** Looks at accepted code again and again, with one timer for all of the window. */
export interface RetentionWatch {
  /** A second call for the same suggestion (a longer partial accept) replaces the first. */
  follow(code: AcceptedCode): void;
  /** On the typing path: costs the same whatever is followed. */
  changed(document: string, changes: readonly TextChange[], author: ChangeAuthor): void;
  /** Its line ends have changed, or something else that no change tells. */
  touched(document: string): void;
  opened(document: string): void;
  /** Looks at a document that was saved, and gives what is followed in it; null when nothing is. */
  saved(document: string): Promise<SavedBuffer | null>;
  closed(document: string, text: () => string): void;
  renamed(from: string, to: string): void;
  deleted(document: string): void;
  forget(suggestionId: string): void;
  /** Where the newest accepted code of a document stands now. */
  newestIn(document: string): { suggestionId: string; region: Region } | null;
  readonly documents: FollowedDocuments;
  pending(): readonly PendingCode[];
  /** Stops; what is pending stays pending. */
  [Symbol.dispose](): void;
}

interface Followed {
  readonly code: AcceptedCode;
  nextIdx: number;
  cause: BufferLossCause | null;
}

/** Snippets that a window follows; the oldest give way. */
const MAX_FOLLOWED = 500;
/** An edited document is looked at when nothing was typed for this long, so that an undo is told from what follows. */
const QUIET_MS = 1_000;
/** And at the latest this long after the first edit. */
const RESTLESS_MS = 5_000;
/** And this soon after an accept: off its handler, before a save. */
const FIRST_LOOK_MS = 50;
/** Reading a file from disk takes milliseconds; longer means that the disk hangs. */
const READ_DEADLINE_MS = 5_000;

export function watchRetention(
  scheduleMs: readonly number[],
  texts: TextSource,
  clock: Clock,
  listeners: RetentionListeners,
): RetentionWatch {
  const documents = followDocuments(texts);
  const followed = new Map<string, Followed>();
  /** Edited documents, by the time of their first and last edit since the last look. */
  const touched = new Map<string, { first: number; last: number }>();
  const stop = new AbortController();
  let cancel: (() => void) | null = null;
  let plannedAt = Infinity;

  const lookAt = ({ first, last }: { first: number; last: number }) => Math.min(last + QUIET_MS, first + RESTLESS_MS);
  const plan = (at: number) => {
    if (at >= plannedAt || stop.signal.aborted) return;
    cancel?.();
    plannedAt = at;
    cancel = clock.after(Math.max(0, at - clock.now()) + 1, tick);
  };
  const planAll = () => {
    for (const times of touched.values()) plan(lookAt(times));
    for (const { code, nextIdx } of followed.values()) {
      const due = nextDueAt({ acceptedAt: code.acceptedAt, nextIdx }, scheduleMs);
      if (due !== null) plan(due);
    }
  };
  const touch = (document: string) => {
    const now = clock.now();
    const times = touched.get(document);
    if (times) times.last = now;
    else {
      touched.set(document, { first: now, last: now });
      plan(now + QUIET_MS);
    }
  };

  const tick = () => {
    cancel = null;
    plannedAt = Infinity;
    const now = clock.now();
    for (const [document, times] of touched) {
      if (lookAt(times) > now) continue;
      touched.delete(document);
      void look(document);
    }
    for (const one of followed.values()) check(one, now);
    planAll();
  };

  const check = (one: Followed, now: number) => {
    const { suggestionId, acceptedAt } = one.code;
    const due = dueChecks({ acceptedAt, nextIdx: one.nextIdx }, scheduleMs, now);
    if (due.nextIdx === one.nextIdx) return;
    one.nextIdx = due.nextIdx;
    for (const afterMs of due.missed) listeners.onCheck(censored(suggestionId, afterMs, "missed"));
    if (due.look !== null) void lookFor(one);
    listeners.onPending();
  };

  const look = async (document: string) => {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(READ_DEADLINE_MS)]);
    const found = await documents.look(document, clock.now(), signal);
    if (found.ok && !stop.signal.aborted) for (const fact of found.facts) tell(fact);
    return found;
  };
  const lookFor = async (one: Followed) => {
    const { suggestionId, acceptedAt } = one.code;
    const afterMs = clock.now() - acceptedAt;
    const document = documents.documentOf(suggestionId);
    const found = document === null ? null : await look(document);
    if (stop.signal.aborted || followed.get(suggestionId) !== one) return;
    if (!found?.ok) return listeners.onCheck(censored(suggestionId, afterMs, found?.reason ?? "closed"));
    const measure = documents.measure(suggestionId);
    if (measure === null) return listeners.onCheck(censored(suggestionId, afterMs, "unknown"));
    const cause = measure.tokens < 1 && one.cause !== null ? { cause: one.cause } : {};
    listeners.onCheck({ suggestionId, afterMs, ...measure, ...cause });
  };

  const tell = (fact: BufferFact) => {
    const one = followed.get(fact.suggestionId);
    if (!one) return;
    if (fact.kind === "loss") one.cause = fact.cause;
    else if (fact.retained === 1) one.cause = null;
    listeners.onFact(fact, clock.now() - one.code.acceptedAt);
  };

  return {
    documents,
    follow(code) {
      const { suggestionId, document, ...snippet } = code;
      documents.follow(document, { suggestionId, ...snippet });
      followed.delete(suggestionId);
      followed.set(suggestionId, { code, nextIdx: 0, cause: null });
      const [oldest] = followed.keys();
      if (followed.size > MAX_FOLLOWED && oldest !== undefined) this.forget(oldest);
      // From its text on a replaced document can be compared with what it was: people save right after an accept.
      const now = clock.now();
      touched.set(document, { first: now + FIRST_LOOK_MS - RESTLESS_MS, last: now });
      plan(now + FIRST_LOOK_MS);
      plan(code.acceptedAt + (scheduleMs[0] ?? 0));
      listeners.onPending();
    },
    changed(document, changes, author) {
      if (documents.changed(document, changes, author)) touch(document);
    },
    touched(document) {
      if (documents.suggestionsIn(document).length > 0) touch(document);
    },
    opened(document) {
      documents.opened(document);
      this.touched(document);
    },
    async saved(document) {
      if (documents.suggestionsIn(document).length === 0) return null;
      touched.delete(document);
      const found = await look(document);
      return found.ok ? documents.savedBuffer(document) : null;
    },
    closed(document, text) {
      documents.closed(document, text);
    },
    renamed(from, to) {
      documents.renamed(from, to);
      listeners.onPending();
    },
    deleted(document) {
      for (const name of documents.deleted(document)) void look(name);
    },
    forget(suggestionId) {
      documents.forget(suggestionId);
      followed.delete(suggestionId);
      listeners.onPending();
    },
    newestIn(document) {
      const here = documents.suggestionsIn(document).flatMap((id) => followed.get(id) ?? []);
      const newest = here.sort((a, b) => b.code.acceptedAt - a.code.acceptedAt)[0];
      const stands = newest ? documents.standsAt(newest.code.suggestionId) : null;
      return newest && stands ? { suggestionId: newest.code.suggestionId, region: stands.region } : null;
    },
    pending: () =>
      [...followed.values()].flatMap(({ code, nextIdx }) => {
        const document = documents.documentOf(code.suggestionId);
        return nextIdx < scheduleMs.length && document !== null ? [{ code, document, nextIdx }] : [];
      }),
    [Symbol.dispose]() {
      stop.abort();
      cancel?.();
    },
  };
}

export const censored = (suggestionId: string, afterMs: number, reason: CensorReason): RetentionCheck => ({
  suggestionId,
  afterMs,
  tokens: null,
  strictTokens: null,
  fourGrams: null,
  arc: null,
  censored: reason,
});

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
