import { AppError } from "../../errors.ts";
import type { PushedEvent } from "../../push/hub.ts";
import type { HttpBindings } from "@hono/node-server";
import type { Route } from "./route.ts";

/** A comment is sent this often, so that both sides notice a dead connection. */
const KEEP_ALIVE_MS = 15_000;

export const streamRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/stream",
    about: "Server-sent events: progress, run, deployment, examples, suggestion.",
    answers: "text/event-stream",
    handle(c, { hub }) {
      const lastId = Number(c.req.header("Last-Event-ID"));
      // Its connection ends with it: the socket of a reader that reads nothing would stay open for ever.
      const { outgoing } = c.env as HttpBindings;
      const drop = (): void => void outgoing.destroy();
      const subscription = hub.subscribe(Number.isSafeInteger(lastId) && lastId > 0 ? lastId : null, drop);
      if (subscription === null) throw new AppError("too-many", "Too many streams are open.");
      const encoder = new TextEncoder();
      let keepAlive: NodeJS.Timeout | undefined;
      const end = () => {
        clearInterval(keepAlive);
        subscription[Symbol.dispose]();
      };
      const iterator = subscription.events[Symbol.asyncIterator]();
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(encoder.encode(": kept\n\n"));
          keepAlive = setInterval(() => {
            // A reader that does not read gets no more comments; the hub drops it when it falls behind.
            if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(": keep-alive\n\n"));
          }, KEEP_ALIVE_MS);
          keepAlive.unref();
        },
        async pull(controller) {
          const next = await iterator.next();
          if (next.done !== true) return controller.enqueue(encoder.encode(frame(next.value)));
          end();
          controller.close();
        },
        cancel: end,
      });
      return new Response(body, {
        headers: { "Content-Type": "text/event-stream", "X-Accel-Buffering": "no", Connection: "keep-alive" },
      });
    },
  },
];

/** JSON has no raw line ends, so one data line is enough. */
const frame = ({ id, name, data }: PushedEvent): string => `id: ${id}\nevent: ${name}\ndata: ${data}\n\n`;
