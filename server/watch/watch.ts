import { createHash } from "node:crypto";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import type { SurvivalRecord } from "../../core/survival/survival-record.ts";
import type { SnippetSurvival } from "../../core/survival/survival-state.ts";
import { shownEvent } from "../../core/labels/kept-text.ts";
import { EVENT_SCHEMA_VERSION, type EventOf, type KeptEvent } from "../../protocol/events.ts";
import type { Observation } from "../../tracker/observer.ts";
import type { Repository } from "../../tracker/repository.ts";
import { watchRepository as watchRefs } from "../../tracker/repository-watch.ts";
import { openTracker, type Tracker } from "../../tracker/tracker.ts";
import { AppError } from "../errors.ts";
import { acceptedCode } from "../survival/accepted-code.ts";
import { startsOf, type WalkedCode } from "../survival/history-walk.ts";
import type { Reading, ReadSuggestion } from "../survival/reading.ts";
import { placeOf } from "../survival/walked-events.ts";

/** What a watch tells of. */
export type WatchNews =
  | { readonly event: "following"; readonly id: string; readonly path: string }
  | {
      readonly event: "survived";
      readonly id: string;
      readonly state: string;
      readonly tokens: number | null;
      readonly cause: string | null;
      readonly commit: string | null;
    };

export interface WatchOptions {
  readonly repository: Repository;
  /** Kept's data folder: the watch has a part of its own there. */
  readonly dataDir: string;
  readonly reading: Reading;
  /** Puts events into the log. */
  readonly takeEvents: (events: readonly KeptEvent[]) => Promise<void>;
  readonly onNews: (news: WatchNews) => void;
  /** Look once and end. */
  readonly once: boolean;
  readonly signal: AbortSignal;
}

/** Between two questions for new reports, milliseconds: the log is asked, not git. */
const POLL_MS = 1_000;
/** Between two looks at files that are not committed yet, milliseconds. */
const WORKTREE_MS = 60_000;
/** Code that is older was followed to the end of every horizon. */
const MAX_AGE_MS = 365 * 86_400_000;

/**
 * Follows the code of other tools in one repository without an editor, until the signal aborts: takes up what
 * is reported, looks at git when a ref moves, and puts what it finds into the log. The
 * tracker's own log outlives it, so a later watch goes on where this one stopped.
 */
export async function watchRepository(options: WatchOptions): Promise<void> {
  const { repository, dataDir, reading, signal } = options;
  const outgoing: KeptEvent[] = [];
  const session = createSession();
  const tracker = await openTracker({
    repository,
    folder: path.join(dataDir, "watch", folderName(repository.top)),
    now: () => Date.now(),
    onChange(survival, records) {
      for (const fields of looksOf(survival, records)) {
        outgoing.push(session.event(survival.sid, survival.acceptedAt, fields));
        const { tokens, cause = null, commit } = fields;
        options.onNews({ event: "survived", id: survival.sid, state: survival.state.kind, tokens, cause, commit });
      }
    },
  });
  const failed = new AbortController();
  const look = async (lookSignal: AbortSignal): Promise<Observation> => {
    const observation = await tracker.observe(lookSignal);
    if (observation.kind === "failed") throw new AppError("git-unavailable", observation.message);
    await flush(outgoing, options);
    return observation;
  };
  const ended = AbortSignal.any([signal, failed.signal]);
  try {
    let { sequence, suggestions } = reading.acceptedAfter(0);
    await follow(tracker, suggestions, options, "history");
    using watching = watchRefs(repository, look, { onFailure: (error) => failed.abort(error) });
    await watching.ready;
    let lookedAt = performance.now();
    while (!options.once && !ended.aborted) {
      await delay(POLL_MS, undefined, { signal: ended }).catch(() => undefined);
      ({ sequence, suggestions } = reading.acceptedAfter(sequence));
      const nNew = ended.aborted ? 0 : await follow(tracker, suggestions, options, "now");
      // What is not committed changes without a word from git.
      const isDue = performance.now() - lookedAt > WORKTREE_MS;
      if (nNew === 0 && !isDue) continue;
      await watching.lookNow();
      lookedAt = performance.now();
    }
    if (failed.signal.aborted) throw failed.signal.reason as Error;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await flush(outgoing, options).catch(() => undefined);
    await tracker.close();
  }
}

/** Code that was reported before the watch began may be in commits already; what comes now is not. */
async function follow(
  tracker: Tracker,
  suggestions: readonly ReadSuggestion[],
  { repository, onNews, signal }: WatchOptions,
  from: "history" | "now",
): Promise<number> {
  const codes = suggestions.flatMap((suggestion): WalkedCode[] => {
    const shown = shownEvent(suggestion.events);
    // The editor follows its own suggestions.
    if (shown?.source !== "tool" || tracker.state.has(suggestion.id)) return [];
    const code = acceptedCode(suggestion.id, suggestion.events, repository.top);
    return code === null || Date.now() - code.at > MAX_AGE_MS ? [] : [code];
  });
  if (codes.length === 0) return 0;
  const starts = from === "history" ? await startsOf(repository.top, codes, signal) : null;
  for (const { id: sid, path: file, text, line, at, commit } of codes) {
    const head = starts === null ? {} : { head: starts.get(commit ?? at) ?? null };
    const refused = await tracker.accept([{ sid, file, text, line, before: null, at, ...head }]);
    if (refused.length === 0) {
      onNews({ event: "following", id: sid, path: file });
    }
  }
  return codes.length;
}

async function flush(outgoing: KeptEvent[], { takeEvents }: WatchOptions): Promise<void> {
  const events = outgoing.splice(0);
  if (events.length === 0) return;
  try {
    await takeEvents(events);
  } catch (error) {
    // They are sent with the next look.
    outgoing.unshift(...events);
    throw error;
  }
}

type Look = Pick<EventOf<"survived">, "commit" | "tokens" | "place" | "cause"> & { readonly at: number };

/** Losses with their causes, and how it stands when that is more than the last of them says. */
export function looksOf(survival: SnippetSurvival, records: readonly SurvivalRecord[]): Look[] {
  const place = placeOf(survival);
  const commit = survival.commit ?? "";
  const looks = records.flatMap((record): Look[] => {
    if (record.kind !== "loss") return [];
    // A commit that is dated before the accept has another clock.
    const at = record.lostAt < survival.acceptedAt ? record.at : record.lostAt;
    return [{ at, commit: record.commit ?? commit, tokens: record.left, place, cause: record.cause }];
  });
  const snap = records.findLast((record) => record.kind === "snap");
  if (snap !== undefined && looks.at(-1)?.tokens !== snap.tok) {
    looks.push({ at: snap.at, commit, tokens: snap.tok, place });
  }
  return looks;
}

function createSession() {
  const sessionId = uuidv7();
  let sequence = 0;
  return {
    event(suggestionId: string, acceptedAt: number, { at, ...fields }: Look): KeptEvent {
      return {
        id: uuidv7(),
        v: EVENT_SCHEMA_VERSION as 1,
        suggestionId,
        sessionId,
        sequence: sequence++,
        wallMs: at,
        monotonicMs: performance.now(),
        kind: "survived",
        afterMs: Math.max(0, at - acceptedAt),
        ...fields,
      };
    },
  };
}

const folderName = (top: string): string => createHash("sha256").update(top).digest("hex").slice(0, 16);
