import { streamEvents, type StreamEventName } from "../../protocol/api.ts";
import type { ServerConnection } from "./server-discovery.ts";
import { createParser } from "eventsource-parser";
import type { z } from "zod";

export type PushHandlers = { readonly [K in StreamEventName]?: (value: z.infer<(typeof streamEvents)[K]>) => void };

/** Longest wait for the stream's head, milliseconds; the body stays open as long as both ends do. */
const CONNECT_DEADLINE_MS = 5_000;

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
  const response = await fetch(`${connection.baseUrl}/v1/stream`, {
    headers: { authorization: `Bearer ${connection.token}`, accept: "text/event-stream" },
    redirect: "error",
    signal: AbortSignal.any([signal, connecting.signal]),
  }).finally(() => clearTimeout(deadline));
  if (!response.ok || !response.body) throw new Error(`The push channel was refused with status ${response.status}.`);
  onOpen();
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event !== undefined && event in streamEvents) dispatch(handlers, event as StreamEventName, data);
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of response.body) parser.feed(decoder.decode(chunk, { stream: true }));
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
