// Sends events of one session over many connections as fast as they are answered, until its stdin ends.
// Says how often it got each status, as JSON. The token comes in KEPT_FLOOD_TOKEN.
// node flood.ts <port> <connections> <events in a request>
import { sampleSession } from "../../server/sample-events.ts";
import { Agent, request } from "node:http";

const [port = "", connections = "", perRequest = ""] = process.argv.slice(2);
const session = sampleSession();
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) });
const statuses: Record<string, number> = {};
let isOver = false;
process.stdin.on("data", () => {});
process.stdin.on("end", () => (isOver = true));

const body = (): string =>
  JSON.stringify({ events: Array.from({ length: Number(perRequest) }, () => session.story("shown")[0]) });

function send(text: string): Promise<void> {
  return new Promise((resolve) => {
    const call = request(
      {
        agent,
        host: "127.0.0.1",
        port,
        path: "/v1/events",
        method: "POST",
        headers: {
          Authorization: `Bearer ${process.env["KEPT_FLOOD_TOKEN"]}`,
          "Content-Type": "application/json",
          "Content-Length": Buffer.byteLength(text),
        },
      },
      (response) => {
        statuses[response.statusCode!] = (statuses[response.statusCode!] ?? 0) + 1;
        response.resume().on("end", resolve);
      },
    );
    call.on("error", () => {
      statuses["broken"] = (statuses["broken"] ?? 0) + 1;
      resolve();
    });
    call.end(text);
  });
}

await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    // What is refused costs the server no less when it comes again.
    const again = body();
    let nAccepted = 0;
    while (!isOver) await send(nAccepted++ < 8 ? body() : again);
  }),
);
agent.destroy();
process.stdout.write(JSON.stringify(statuses));
process.exit(0);
