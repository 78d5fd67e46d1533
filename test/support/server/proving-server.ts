import { proofMessage } from "../../../protocol/api.ts";
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** An HTTP server that proves itself as the companion server does, and answers the rest as a test says. */
export interface ProvingServer extends AsyncDisposable {
  readonly port: number;
  readonly connection: {
    readonly baseUrl: string;
    readonly token: string;
    readonly pid: number;
    readonly version: string;
  };
  /** Head and body of every request that came, proofs included. */
  readonly heard: readonly string[];
  /** Sockets that were opened so far. */
  readonly sockets: number;
  /** Close every open socket at once. */
  cut(): void;
}

export interface ProvingOptions {
  readonly token?: string;
  readonly pid?: number;
  /** The token that it signs with, when it does not know the right one. */
  readonly signsWith?: string;
  readonly port?: number;
  /** How long it takes to prove itself, milliseconds. */
  readonly proofDelayMs?: number;
}

export async function startProvingServer(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  { token = "token", pid = 1, signsWith = token, port: wanted = 0, proofDelayMs = 0 }: ProvingOptions = {},
): Promise<ProvingServer> {
  const heard: string[] = [];
  const open = new Set<Socket>();
  let sockets = 0;
  let port = 0;
  const server: Server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      heard.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)} ${body}`);
      if (request.url === "/v1/proof") {
        const { nonce } = JSON.parse(body) as { nonce: string };
        const proof = createHmac("sha256", signsWith)
          .update(proofMessage(nonce, port, pid))
          .digest("hex");
        const prove = () =>
          response.setHeader("content-type", "application/json").end(JSON.stringify({ proof, pid, port }));
        if (proofDelayMs === 0) prove();
        else setTimeout(prove, proofDelayMs);
      } else answer(request, response, body);
    });
  });
  server.on("connection", (socket) => {
    sockets += 1;
    open.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(wanted, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port,
    connection: { baseUrl: `http://127.0.0.1:${port}`, token, pid, version: "0.1.0" },
    heard,
    get sockets() {
      return sockets;
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
