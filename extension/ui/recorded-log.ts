import type { KeptEvent } from "../../protocol/events.ts";

/** The last events of this window, as texts, exactly as they were written. */
export interface RecordedLog {
  /** The newest first. */
  readonly events: readonly KeptEvent[];
  add(event: KeptEvent): void;
  remove(isGone: (event: KeptEvent) => boolean): void;
}

/** Enough to see what is recorded; the rest is on disk or with the server. */
const CAPACITY = 40;

export function createRecordedLog(): RecordedLog {
  let events: KeptEvent[] = [];
  return {
    get events() {
      return events;
    },
    add(event) {
      events = [event, ...events].slice(0, CAPACITY);
    },
    remove(isGone) {
      events = events.filter((event) => !isGone(event));
    },
  };
}
