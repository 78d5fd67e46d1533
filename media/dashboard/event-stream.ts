import { createParser } from "eventsource-parser";
import type { z } from "zod";
import { streamEvents, type StreamEventName } from "../../protocol/api.ts";

export type StreamEvent = {
  [K in StreamEventName]: { readonly name: K; readonly value: z.infer<(typeof streamEvents)[K]> };
}[StreamEventName];

export type Connection =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "reconnecting"; readonly attempt: number; readonly retryAt: number }
  | { readonly kind: "signed-out" };

/** Waits between attempts double from the first to the last, milliseconds. */
const FIRST_WAIT_MS = 500;
const LAST_WAIT_MS = 15_000;
/** Longest wait for the answer's head, milliseconds. */
const CONNECT_DEADLINE_MS = 10_000;
/** Longest silence, milliseconds: the server sends a comment every 15 s. */
const SILENCE_DEADLINE_MS = 40_000;

/**
 * Follows `GET /v1/stream` until `signal` aborts or the token is refused. `fetch` rather than
 * `EventSource`, because only the former sends the Authorization header; the token stays out of the URL.
 */
export async function followStream(
  token: string,
  handlers: { onEvent(event: StreamEvent): void; onConnection(connection: Connection): void },
  signal: AbortSignal,
): Promise<void> {
  let lastEventId: string | null = null;
  let attempt = 0;
  handlers.onConnection({ kind: "connecting" });
  while (!signal.aborted) {
    const ended = await readOnce(token, lastEventId, signal, {
      open: () => {
        attempt = 0;
        handlers.onConnection({ kind: "live" });
      },
      event: (event) => handlers.onEvent(event),
      id: (id) => (lastEventId = id),
    });
    if (signal.aborted) return;
    if (ended === "signed-out") return handlers.onConnection({ kind: "signed-out" });
    attempt += 1;
    const waitMs = backOffMs(attempt, Math.random());
    handlers.onConnection({ kind: "reconnecting", attempt, retryAt: Date.now() + waitMs });
    await wait(waitMs, signal);
  }
}

/** Wait before the `attempt`-th try from 1, milliseconds; `jitter` in 0..1 spreads clients over the upper half. */
export function backOffMs(attempt: number, jitter: number): number {
  const fullMs = Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
  return Math.round(fullMs * (0.5 + 0.5 * jitter));
}

async function readOnce(
  token: string,
  lastEventId: string | null,
  signal: AbortSignal,
  on: { open(): void; event(event: StreamEvent): void; id(id: string): void },
): Promise<"ended" | "signed-out"> {
  const connect = new AbortController();
  let deadline = setTimeout(() => connect.abort(), CONNECT_DEADLINE_MS);
  const heard = () => {
    clearTimeout(deadline);
    deadline = setTimeout(() => connect.abort(), SILENCE_DEADLINE_MS);
  };
  try {
    const response = await fetch("/v1/stream", {
      headers: {
        authorization: `Bearer ${token}`,
        accept: "text/event-stream",
        ...(lastEventId === null ? {} : { "last-event-id": lastEventId }),
      },
      redirect: "error",
      cache: "no-store",
      signal: AbortSignal.any([signal, connect.signal]),
    });
    heard();
    if (response.status === 401 || response.status === 403) return "signed-out";
    if (!response.ok || response.body === null) return "ended";
    on.open();
    const parser = createParser({
      onEvent: (message) => {
        if (message.id !== undefined) on.id(message.id);
        const event = parseStreamEvent(message.event ?? "message", message.data);
        if (event !== null) on.event(event);
      },
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "ended";
      heard();
      parser.feed(value);
    }
  } catch {
    return "ended";
  } finally {
    clearTimeout(deadline);
  }
}

/** The event of one message, or null when this page does not know its name or form. */
export function parseStreamEvent(name: string, data: string): StreamEvent | null {
  if (!Object.hasOwn(streamEvents, name)) return null;
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    return null;
  }
  const parsed = streamEvents[name as StreamEventName].safeParse(json);
  return parsed.success ? ({ name, value: parsed.data } as StreamEvent) : null;
}

/** Resolves after `ms`, when the network comes back, or on abort. */
function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      removeEventListener("online", finish);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    addEventListener("online", finish);
    signal.addEventListener("abort", finish);
  });
}
