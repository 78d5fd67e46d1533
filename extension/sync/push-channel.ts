import { streamEvents, type StreamEventName } from "../../protocol/api.ts";
import { sendProven } from "./proven-http.ts";
import type { ServerConnection } from "./server-discovery.ts";
import { createParser } from "eventsource-parser";
import type { z } from "zod";

export type PushHandlers = { readonly [K in StreamEventName]?: (value: z.infer<(typeof streamEvents)[K]>) => void };

/** Longest wait for the stream's head, milliseconds; the body stays open as long as both ends do. */
const CONNECT_DEADLINE_MS = 20_000;
/** The server sends a comment every 15 s: one that hangs is noticed, milliseconds. */
const SILENCE_MS = 60_000;
/** Text of one event that is still held back until it ends, characters. */
const MAX_EVENT_CHARS = 1_048_576;

/**
 * Reads `GET /v1/stream` until it ends. `onOpen` is called once the server has answered.
 * Values that do not parse are passed over: a newer server may say more than this client knows.
 */
export async function readPushChannel(
  connection: ServerConnection,
  handlers: PushHandlers,
  onOpen: () => void,
  signal: AbortSignal,
): Promise<void> {
  const connecting = new AbortController();
  const deadline = setTimeout(() => connecting.abort(), CONNECT_DEADLINE_MS);
  const response = await sendProven(
    connection,
    { method: "GET", route: "/v1/stream", accept: "text/event-stream", body: null },
    AbortSignal.any([signal, connecting.signal]),
  ).finally(() => clearTimeout(deadline));
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`The push channel was refused with status ${response.statusCode}.`);
  }
  onOpen();
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent: ({ event, data }) => {
      if (event !== undefined && event in streamEvents) dispatch(handlers, event as StreamEventName, data);
    },
  });
  const decoder = new TextDecoder();
  const silence = setTimeout(() => response.destroy(new Error("The server fell silent.")), SILENCE_MS);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      silence.refresh();
      parser.feed(decoder.decode(chunk, { stream: true }));
    }
  } finally {
    clearTimeout(silence);
  }
}

function dispatch<K extends StreamEventName>(handlers: PushHandlers, name: K, data: string): void {
  const handler = handlers[name];
  if (!handler) return;
  try {
    const parsed = streamEvents[name].safeParse(JSON.parse(data));
    if (parsed.success) (handler as (value: unknown) => void)(parsed.data);
  } catch {
    // Not JSON: nothing that this client can act on.
  }
}
