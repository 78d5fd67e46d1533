import { discoverServer } from "../../../extension/sync/server-discovery.ts";
import { proofMessage } from "../../../protocol/api.ts";
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const TOKEN = "t0ken-of-this-machine-and-no-other";
const PID = 4242;

describe("server discovery", () => {
  let dir = "";
  let server: Server | null = null;
  let heard: string[] = [];
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), "kept-discovery-"));
    heard = [];
  });
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(null)));
    server = null;
    rmSync(dir, { recursive: true, force: true });
  });

  /** Something that listens; `answer` gets the nonce and the port. */
  const listen = async (answer: (nonce: string, port: number, response: ServerResponse) => void): Promise<number> => {
    server = createServer((request: IncomingMessage, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        heard.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)} ${body}`);
        answer((JSON.parse(body) as { nonce: string }).nonce, port, response);
      });
    });
    await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return port;
  };
  const prove =
    (token: string, pid = PID) =>
    (nonce: string, port: number, response: ServerResponse) => {
      const proof = createHmac("sha256", token)
        .update(proofMessage(nonce, port, pid))
        .digest("hex");
      response.setHeader("content-type", "application/json").end(JSON.stringify({ proof, pid, port }));
    };
  const writeRuntime = (port: number, changes: Record<string, unknown> = {}) => {
    const runtime = {
      pid: PID,
      port,
      token: TOKEN,
      version: "0.1.0",
      protocol: 1,
      startedAt: "2026-01-01T00:00:00Z",
      ...changes,
    };
    writeFileSync(path.join(dir, "server.json"), JSON.stringify(runtime), { mode: 0o600 });
  };
  const reason = async () => {
    const found = await discoverServer(dir, AbortSignal.timeout(10_000));
    return found.ok ? "found" : found.reason;
  };

  it("finds a server that proves itself", async () => {
    const port = await listen(prove(TOKEN));
    writeRuntime(port);
    const found = await discoverServer(dir, AbortSignal.timeout(10_000));
    assert.deepEqual(found, {
      ok: true,
      connection: { baseUrl: `http://127.0.0.1:${port}`, token: TOKEN, pid: PID, version: "0.1.0" },
    });
  });

  it("never sends the token to find out", async () => {
    writeRuntime(await listen(prove(TOKEN)));
    await reason();
    assert.equal(heard.length, 1);
    assert.ok(!heard.join("").includes(TOKEN));
  });

  it("finds none without a runtime file", async () => assert.equal(await reason(), "none"));

  it("finds none in a damaged runtime file", async () => {
    writeFileSync(path.join(dir, "server.json"), "{", { mode: 0o600 });
    assert.equal(await reason(), "none");
  });

  it("does not trust a runtime file that others can read", async function () {
    if (process.platform === "win32") return;
    writeRuntime(await listen(prove(TOKEN)));
    chmodSync(path.join(dir, "server.json"), 0o644);
    assert.equal(await reason(), "not-private");
    assert.deepEqual(heard, []);
  });

  it("does not trust whoever listens on the port without the token", async () => {
    writeRuntime(await listen(prove("another token")));
    assert.equal(await reason(), "unproved");
    assert.ok(!heard.join("").includes(TOKEN));
  });

  it("does not trust a proof made by another process", async () => {
    writeRuntime(await listen(prove(TOKEN, PID + 1)));
    assert.equal(await reason(), "unproved");
  });

  it("does not trust an error or a redirect", async () => {
    writeRuntime(await listen((_nonce, _port, response) => response.writeHead(404).end()));
    assert.equal(await reason(), "unproved");
    server?.close();
    writeRuntime(
      await listen((_nonce, _port, response) => response.writeHead(307, { location: "http://127.0.0.1:1/" }).end()),
    );
    assert.equal(await reason(), "unproved");
  });

  it("gives up on one that does not answer", async () => {
    writeRuntime(await listen(() => {}));
    const found = await discoverServer(dir, AbortSignal.timeout(300));
    assert.deepEqual(found, { ok: false, reason: "unreachable" });
  });

  it("finds nobody on a port that nobody listens on", async () => {
    const port = await listen(prove(TOKEN));
    await new Promise((resolve) => server!.close(resolve));
    server = null;
    writeRuntime(port);
    assert.equal(await reason(), "unreachable");
  });

  it("leaves a server of another protocol alone", async () => {
    writeRuntime(await listen(prove(TOKEN)), { protocol: 99 });
    assert.equal(await reason(), "other-protocol");
    assert.deepEqual(heard, []);
  });
});
