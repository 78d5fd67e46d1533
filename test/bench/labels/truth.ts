import type { LogEntry, Meaning } from "./log.ts";

/** What became of a suggestion: the rows and columns of the confusion matrix. */
export type Outcome =
  | "accepted"
  | "partially-accepted"
  | "typed-through"
  | "typed-over"
  | "rejected"
  | "ignored"
  | "superseded"
  | "not-shown";

export const OUTCOMES: readonly Outcome[] = [
  "accepted",
  "partially-accepted",
  "typed-through",
  "typed-over",
  "rejected",
  "ignored",
  "superseded",
  "not-shown",
];

/** What really became of one suggestion, by the editor's own proposed lifecycle and by what the driver did. */
export interface Truth {
  readonly id: string;
  readonly outcome: Outcome;
  /** File of the behaviour. */
  readonly behaviour: string;
  /** From the editor's first "shown" to the action that ended it, milliseconds. */
  readonly visibleMs: number;
}

/** The suggestion that the editor's proposed lifecycle says is up at the end of the log, or null. */
export function shownNow(log: readonly LogEntry[]): string | null {
  const items = new Map<string, number>();
  let last: string | null = null;
  for (const entry of log) {
    if (entry.kind === "show") {
      items.set(entry.id, (items.get(entry.id) ?? 0) + 1);
      last = entry.id;
    } else if (entry.kind === "end") items.set(entry.id, Math.max(0, (items.get(entry.id) ?? 0) - 1));
  }
  return last !== null && (items.get(last) ?? 0) > 0 ? last : null;
}

/**
 * One truth for each suggestion that the editor has shown, oldest first. The editor's reasons decide
 * where they are clear (accepted, partially accepted by word or line, rejected). It calls every other
 * end "ignored" and never sets `userTypingDisagreed`, so there the first action decides that was meant
 * to end the suggestion and found it on screen.
 */
export function truthsOf(log: readonly LogEntry[]): Truth[] {
  const seen = new Map<string, Seen>();
  let behaviour = "";
  for (const entry of log) {
    if (entry.kind === "begin") behaviour = entry.behaviour;
    else if (entry.kind === "show") {
      if (!seen.has(entry.id)) seen.set(entry.id, { behaviour, shownAt: entry.at, lastEndAt: entry.at, ...NOTHING });
    } else if (entry.kind === "partial") {
      const one = seen.get(entry.id);
      if (one && entry.by !== "suggest") one.isPartial = true;
    } else if (entry.kind === "end") {
      const one = seen.get(entry.id);
      if (!one) continue;
      one.lastEndAt = entry.at;
      if (entry.reason === "accepted") one.isAccepted = true;
      if (entry.reason === "rejected") one.isRejected = true;
      if (entry.supersededBy !== null && entry.supersededBy !== entry.id) one.isSuperseded = true;
    } else if (entry.kind === "act" && entry.action.target !== null && entry.action.means !== "none") {
      const one = seen.get(entry.action.target);
      if (one && one.meant === null) {
        one.meant = entry.action.means;
        one.endedAt = entry.at;
      }
    }
  }
  return [...seen].map(([id, one]) => ({
    id,
    outcome: outcomeOf(one),
    behaviour: one.behaviour,
    visibleMs: (one.endedAt ?? one.lastEndAt) - one.shownAt,
  }));
}

interface Seen {
  readonly behaviour: string;
  readonly shownAt: number;
  lastEndAt: number;
  endedAt: number | null;
  isAccepted: boolean;
  isPartial: boolean;
  isRejected: boolean;
  isSuperseded: boolean;
  meant: Exclude<Meaning, "none"> | null;
}

const NOTHING = {
  endedAt: null,
  isAccepted: false,
  isPartial: false,
  isRejected: false,
  isSuperseded: false,
  meant: null,
};

function outcomeOf(one: Seen): Outcome {
  if (one.isAccepted) return "accepted";
  if (one.isPartial) return "partially-accepted";
  if (one.isRejected) return "rejected";
  if (one.meant !== null) return one.meant;
  return one.isSuperseded ? "superseded" : "ignored";
}
