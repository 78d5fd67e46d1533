import { openOutbox, type Outbox } from "../../../extension/sync/outbox.ts";
import {
  openServerLink,
  REAL_WORLD,
  type LinkState,
  type LinkWorld,
  type ServerLink,
} from "../../../extension/sync/server-link.ts";
import { PROTOCOL_VERSION } from "../../../protocol/api.ts";
import type { KeptEvent } from "../../../protocol/events.ts";
import { startProvingServer, type ProvingServer } from "../../support/server/proving-server.ts";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

const TOKEN = "token";
const DEADLINE_MS = 20_000;
/** Forty batches at the drain's pace take 12 s where nothing else runs, and each waits for the disk twice. */
const LONG_QUEUE_MS = 80_000;

async function until(what: string, look: () => boolean, deadlineMs: number = DEADLINE_MS): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!look()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const event = (n: number): KeptEvent => ({
  id: uuidv7(),
  v: 1,
  suggestionId: uuidv7(),
  sessionId: uuidv7(),
  sequence: n,
  wallMs: 1,
  monotonicMs: n,
  kind: "superseded",
});

/** F15 and F16 without an editor: the same link and outbox, real sockets, servers that behave badly. */
describe("server faults", function () {
  this.timeout(60_000);
  let dir = "";
  let outbox: Outbox;
  let link: ServerLink | null = null;
  let states: LinkState[] = [];
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => unhandled.push(reason);
  const closers: (() => Promise<void> | void)[] = [];

  before(() => process.on("unhandledRejection", onUnhandled));
  after(() => process.off("unhandledRejection", onUnhandled));
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), "kept-faults-"));
    mkdirSync(path.join(dir, "data"));
    outbox = openOutbox(path.join(dir, "outbox"), "w");
    states = [];
    unhandled.length = 0;
  });
  afterEach(async () => {
    link?.[Symbol.dispose]();
    await link?.done;
    link = null;
    for (const close of closers.splice(0)) await close();
    await outbox.close();
    rmSync(dir, { recursive: true, force: true });
    assert.deepEqual(unhandled, []);
  });

  const writeRuntime = (port: number, changes: Record<string, unknown> = {}) => {
    const runtime = {
      pid: 1,
      port,
      token: TOKEN,
      version: "0.1.0",
      protocol: PROTOCOL_VERSION,
      startedAt: "2026-01-01T00:00:00Z",
    };
    writeFileSync(path.join(dir, "data/server.json"), JSON.stringify({ ...runtime, ...changes }), { mode: 0o600 });
  };
  const openLink = (world?: Partial<LinkWorld>) => {
    link = openServerLink({
      ...(world ? { world: { ...REAL_WORLD, ...world } } : {}),
      dataDir: path.join(dir, "data"),
      serverEntry: null,
      env: {},
      outbox,
      handlers: {},
      onConnected: async () => {},
      onState: (state) => states.push(state),
      log: () => {},
    });
    return link;
  };
  /** Something that accepts connections and is no HTTP server. */
  const listenRaw = async (onSocket: (socket: Socket) => void): Promise<{ port: number; accepted: () => number }> => {
    let accepted = 0;
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      accepted += 1;
      sockets.push(socket);
      socket.on("error", () => {});
      onSocket(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    });
    return { port: (server.address() as AddressInfo).port, accepted: () => accepted };
  };
  const serve = async (answer: (request: IncomingMessage, response: ServerResponse, body: string) => void) => {
    const server = await startProvingServer(answer, { token: TOKEN });
    closers.push(async () => server[Symbol.asyncDispose]());
    return server;
  };
  /** Answers as the companion server does: every event accepted once, a duplicate told as one. */
  const storing =
    (stored: Map<string, number>) => (request: IncomingMessage, response: ServerResponse, body: string) => {
      if (request.url === "/v1/stream") {
        response.writeHead(200, { "content-type": "text/event-stream" }).write(": kept\n\n");
        return;
      }
      const { events } = JSON.parse(body) as { events: KeptEvent[] };
      const results = events.map(({ id }) => {
        stored.set(id, (stored.get(id) ?? 0) + 1);
        return { id, status: stored.get(id) === 1 ? "accepted" : "duplicate" };
      });
      response.setHeader("content-type", "application/json").end(JSON.stringify({ results }));
    };
  /** The queue takes events at once, keeps them, and the link says `offline` exactly once. */
  const staysAway = async (problem: string) => {
    const opened = openLink();
    for (let n = 0; n < 100; n += 1) outbox.append(event(n));
    await until("several looks", () => opened.attempts >= 3);
    assert.equal(opened.state, "offline");
    assert.equal(opened.problem, problem);
    assert.deepEqual(states, ["offline"]);
    assert.equal(outbox.stats().waiting, 100);
    assert.equal(outbox.stats().dropped, 0);
  };

  it("F15: no server was ever started", () => staysAway("none"));

  it("F15: the port is closed", async () => {
    const { port } = await listenRaw(() => {});
    for (const close of closers.splice(0)) await close();
    writeRuntime(port);
    await staysAway("unreachable");
  });

  it("F15: the port accepts and hangs up", async () => {
    const { port, accepted } = await listenRaw((socket) => socket.destroy());
    writeRuntime(port);
    await staysAway("unreachable");
    // A connection an attempt, no more.
    assert.ok(accepted() <= link!.attempts);
  });

  it("F15: the port accepts and never answers: one look, called off at the end", async () => {
    const { port, accepted } = await listenRaw(() => {});
    writeRuntime(port);
    const opened = openLink();
    for (let n = 0; n < 100; n += 1) outbox.append(event(n));
    await until("the connection", () => accepted() === 1);
    await outbox.flush();
    assert.equal(outbox.stats().waiting, 100);
    assert.equal(opened.attempts, 1);
    const began = performance.now();
    opened[Symbol.dispose]();
    await opened.done;
    // It does not wait for the proof's deadline.
    assert.ok(performance.now() - began < 5_000);
  });

  it("F15: it answers 500 to everything", async () => {
    const { port } = await listenRaw((socket) => socket.end("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"));
    writeRuntime(port);
    await staysAway("unproved");
  });

  it("F15: it answers 200 with a page of HTML", async () => {
    const page = "<!doctype html><title>Sign in</title>";
    const { port } = await listenRaw((socket) =>
      socket.end(`HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: ${page.length}\r\n\r\n${page}`),
    );
    writeRuntime(port);
    await staysAway("unproved");
  });

  for (const protocol of [PROTOCOL_VERSION + 1, PROTOCOL_VERSION - 1]) {
    it(`F15: it speaks protocol ${protocol}`, async () => {
      const server = await serve(() => {});
      writeRuntime(server.port, { protocol });
      await staysAway("other-protocol");
      assert.deepEqual(server.heard, []);
    });
  }

  it("F15: its answers to events are 500, then it recovers: all arrive, each once", async () => {
    const stored = new Map<string, number>();
    let failures = 3;
    const server = await serve((request, response, body) => {
      if (request.url === "/v1/events" && failures-- > 0) response.writeHead(500).end("{}");
      else storing(stored)(request, response, body);
    });
    writeRuntime(server.port);
    openLink();
    for (let n = 0; n < 50; n += 1) outbox.append(event(n));
    await until("an empty queue", () => outbox.stats().waiting === 0);
    assert.equal(stored.size, 50);
    assert.ok([...stored.values()].every((times) => times === 1));
  });

  it("F15: it hangs up after storing and before answering: duplicates are told, nothing is stored twice", async () => {
    const stored = new Map<string, number>();
    let cuts = 3;
    const server: ProvingServer = await serve((request, response, body) => {
      if (request.url === "/v1/events" && cuts-- > 0) {
        for (const { id } of (JSON.parse(body) as { events: KeptEvent[] }).events)
          stored.set(id, (stored.get(id) ?? 0) + 1);
        response.writeHead(200, { "content-length": "1000" }).write('{"results"');
        setImmediate(() => server.cut());
      } else storing(stored)(request, response, body);
    });
    writeRuntime(server.port);
    openLink();
    for (let n = 0; n < 20; n += 1) outbox.append(event(n));
    await until("an empty queue", () => outbox.stats().waiting === 0);
    assert.equal(stored.size, 20);
    assert.ok([...stored.values()].every((times) => times === 4));
  });

  it("F15: it is slow: it is connected to, and gets the events", async () => {
    const stored = new Map<string, number>();
    const server = await serve((request, response, body) => {
      setTimeout(() => storing(stored)(request, response, body), request.url === "/v1/events" ? 2_000 : 0);
    });
    writeRuntime(server.port);
    openLink();
    for (let n = 0; n < 10; n += 1) outbox.append(event(n));
    // Nothing of that waited.
    assert.equal(stored.size, 0);
    await until("the events", () => stored.size === 10);
    assert.deepEqual(states, ["connected"]);
  });

  it("F15: one event that it can never take does not stop the others", async () => {
    const stored = new Map<string, number>();
    const server = await serve((request, response, body) => {
      if (request.url === "/v1/events" && body.includes('"sequence":7,')) response.writeHead(400).end("{}");
      else storing(stored)(request, response, body);
    });
    writeRuntime(server.port);
    const opened = openLink();
    for (let n = 0; n < 16; n += 1) outbox.append(event(n));
    await until("an empty queue", () => outbox.stats().waiting === 0);
    assert.equal(stored.size, 15);
    assert.equal(opened.counts.rejected, 1);
  });

  it("F16: at its cap it drops the newest, counts them, and drains without a flood when the server is back", async function () {
    this.timeout(LONG_QUEUE_MS + DEADLINE_MS);
    const made = 20_500;
    for (let n = 0; n < made; n += 1) {
      outbox.append(event(n));
      // The disk gets its turn, as it does between two keys.
      if (n % 500 === 0) await outbox.flush();
    }
    const { waiting, dropped } = outbox.stats();
    assert.equal(waiting, 20_000);
    assert.equal(dropped, 500);
    const stored = new Map<string, number>();
    const arrivals: number[] = [];
    const server = await serve((request, response, body) => {
      if (request.url === "/v1/events") arrivals.push(performance.now());
      storing(stored)(request, response, body);
    });
    writeRuntime(server.port);
    openLink();
    await until("an empty queue", () => outbox.stats().waiting === 0, LONG_QUEUE_MS);
    assert.equal(stored.size, 20_000);
    assert.equal(made, stored.size + dropped);
    assert.ok(arrivals.length >= 40);
    // 500 events a batch at 2,000 a second: a quarter of a second between two batches.
    for (let i = 1; i < arrivals.length; i += 1) assert.ok(arrivals[i]! - arrivals[i - 1]! >= 200);
  });

  it("takes a server up when it appears, without waiting for the next look", async () => {
    // A wait that never ends by itself: only what is seen in the folder can end it.
    const pause = (_ms: number, signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      });
    const opened = openLink({ pause });
    await until("the first look", () => opened.state === "offline");
    const server = await serve(storing(new Map()));
    await until("the connection", () => {
      // Written again until the watch has begun.
      if (opened.state !== "connected") writeRuntime(server.port);
      return opened.state === "connected";
    });
  });
});
