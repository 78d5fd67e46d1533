import { PROTOCOL_VERSION } from "../../../protocol/api.ts";
import { startProvingServer } from "../../support/server/proving-server.ts";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import path from "node:path";

const TOKEN = "token-of-a-bad-server";

/** A server that behaves badly, as the runtime file of the data folder names it. */
export interface BadServer extends AsyncDisposable {
  /** Connections that it took. */
  readonly connections: () => number;
}

export type Misbehaviour = "closed" | "hung" | "hangs-up" | "500" | "html" | "older" | "newer" | "cut" | "slow";

/** `dataDir` is where the extension looks. */
export async function startBadServer(dataDir: string, how: Misbehaviour, delayMs = 5_000): Promise<BadServer> {
  mkdirSync(dataDir, { recursive: true });
  const runtime = path.join(dataDir, "server.json");
  const tell = (port: number, protocol: number = PROTOCOL_VERSION) => {
    const value = { pid: 1, port, token: TOKEN, version: "0.1.0", protocol, startedAt: "2026-01-01T00:00:00Z" };
    writeFileSync(runtime, JSON.stringify(value), { mode: 0o600 });
  };
  const forget = () => rmSync(runtime, { force: true });

  if (how === "cut" || how === "slow") {
    const server = await startProvingServer(
      (request, response, body) => {
        if (request.url === "/v1/stream") {
          response.writeHead(200, { "content-type": "text/event-stream" }).write(": kept\n\n");
          if (how === "cut") setTimeout(() => server.cut(), 100);
        } else if (request.url === "/v1/events" && how === "slow") {
          const { events } = JSON.parse(body) as { events: { id: string }[] };
          const results = events.map(({ id }) => ({ id, status: "accepted" }));
          setTimeout(() => response.end(JSON.stringify({ results })), delayMs);
        } else if (how === "slow") setTimeout(() => response.writeHead(404).end("{}"), delayMs);
        else response.writeHead(500).end("{}");
      },
      { token: TOKEN, ...(how === "slow" ? { proofDelayMs: delayMs } : {}) },
    );
    tell(server.port);
    return {
      connections: () => server.sockets,
      async [Symbol.asyncDispose]() {
        forget();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  let connections = 0;
  const sockets: Socket[] = [];
  const page = "<!doctype html><title>Sign in</title>";
  const server = createServer((socket) => {
    connections += 1;
    sockets.push(socket);
    socket.on("error", () => {});
    if (how === "hangs-up") socket.destroy();
    else if (how === "500") socket.end("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
    else if (how === "html")
      socket.end(`HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: ${page.length}\r\n\r\n${page}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  };
  if (how === "closed") await close();
  tell(port, how === "older" ? PROTOCOL_VERSION - 1 : how === "newer" ? PROTOCOL_VERSION + 1 : PROTOCOL_VERSION);
  return {
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      forget();
      if (how !== "closed") await close();
    },
  };
}
