import type { streamEvents, StreamEventName } from "../../protocol/api.ts";
import type { z } from "zod";

/** One pushed event. Ids rise by one for the life of the server. */
export interface PushedEvent {
  readonly id: number;
  readonly name: StreamEventName;
  readonly data: string;
}

export interface Subscription extends Disposable {
  /** Ends when the subscription is disposed, the hub closes, or the reader is too slow. */
  readonly events: AsyncIterable<PushedEvent>;
}

export interface PushHub extends Disposable {
  publish<N extends StreamEventName>(name: N, data: z.infer<(typeof streamEvents)[N]>): void;
  /**
   * Null when there are too many readers. `afterId` asks for what was missed, as far as it is kept. A reader
   * that does not keep up hears of its end by `onDropped`: by what it reads it would hear of it too late.
   */
  subscribe(afterId: number | null, onDropped?: () => void): Subscription | null;
  /** Ends every reader there is: each connects again, and has to show who it is. */
  endAll(): void;
  readonly nSubscribers: number;
  /** Readers that were dropped because they did not keep up. */
  readonly nDropped: number;
}

/** Editors and dashboards at once. */
export const MAX_SUBSCRIBERS = 64;
/** Events kept for readers that reconnect. */
const REPLAY_EVENTS = 256;
/** A reader that is this far behind is dropped; it reconnects and reads the state again. */
export const MAX_QUEUED_EVENTS = 512;

export function createPushHub(): PushHub {
  const recent: PushedEvent[] = [];
  const readers = new Set<Reader>();
  let nextId = 1;
  let nDropped = 0;
  let closed = false;

  return {
    publish(name, data) {
      const event: PushedEvent = { id: nextId++, name, data: JSON.stringify(data) };
      recent.push(event);
      if (recent.length > REPLAY_EVENTS) recent.shift();
      for (const reader of readers) {
        if (reader.queue.length < MAX_QUEUED_EVENTS) reader.queue.push(event);
        else {
          nDropped++;
          end(reader);
          reader.onDropped();
        }
        reader.wake();
      }
    },
    subscribe(afterId, onDropped = () => {}) {
      if (closed || readers.size >= MAX_SUBSCRIBERS) return null;
      const missed = afterId === null ? [] : recent.filter(({ id }) => id > afterId);
      const reader: Reader = { queue: missed, ended: false, wake: () => {}, onDropped };
      readers.add(reader);
      return { events: read(reader), [Symbol.dispose]: () => end(reader) };
    },
    endAll() {
      for (const reader of readers) {
        end(reader);
        reader.onDropped();
      }
    },
    get nSubscribers() {
      return readers.size;
    },
    get nDropped() {
      return nDropped;
    },
    [Symbol.dispose]() {
      closed = true;
      for (const reader of readers) end(reader);
    },
  };

  function end(reader: Reader): void {
    reader.ended = true;
    readers.delete(reader);
    reader.wake();
  }
}

interface Reader {
  readonly queue: PushedEvent[];
  ended: boolean;
  wake: () => void;
  readonly onDropped: () => void;
}

async function* read(reader: Reader): AsyncGenerator<PushedEvent> {
  for (;;) {
    const event = reader.queue.shift();
    if (event !== undefined) yield event;
    else if (reader.ended) return;
    else await new Promise<void>((resolve) => (reader.wake = resolve));
  }
}
