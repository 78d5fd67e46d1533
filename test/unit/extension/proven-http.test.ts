import { closeConnection, ProofError, sendProven } from "../../../extension/sync/proven-http.ts";
import { ask } from "../../../extension/sync/server-request.ts";
import { startProvingServer } from "../../support/server/proving-server.ts";
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { z } from "zod";

const ok = z.object({ ok: z.boolean() });
const yes = (response: ServerResponse) => response.setHeader("content-type", "application/json").end('{"ok":true}');
const TOKEN = "the-token-that-nobody-else-may-see";

describe("proven requests", () => {
  const signal = () => AbortSignal.timeout(10_000);

  it("prove a socket once, and use it again", async () => {
    await using server = await startProvingServer((_request, response) => yes(response), { token: TOKEN });
    for (let n = 0; n < 3; n += 1) {
      assert.deepEqual(await ask(server.connection, ok, "GET", `/v1/n/${n}`, null, signal()), {
        ok: true,
        value: { ok: true },
      });
    }
    assert.equal(server.sockets, 1);
    assert.equal(server.heard.filter((head) => head.includes("/v1/proof")).length, 1);
    closeConnection(server.connection);
  });

  it("send the token only after the proof", async () => {
    await using server = await startProvingServer((_request, response) => yes(response), { token: TOKEN });
    await ask(server.connection, ok, "POST", "/v1/x", "{}", signal());
    assert.ok(!server.heard[0]!.includes(TOKEN));
    assert.ok(server.heard[1]!.includes(`Bearer ${TOKEN}`));
  });

  it("never show the token to another program that got the server's port", async () => {
    const server = await startProvingServer((_request, response) => yes(response), { token: TOKEN });
    const { connection, port } = server;
    assert.equal((await ask(connection, ok, "GET", "/v1/a", null, signal())).ok, true);
    await server[Symbol.asyncDispose]();
    await using foreign = await startProvingServer((_request, response) => yes(response), {
      port,
      signsWith: "a guess",
    });
    for (let n = 0; n < 5; n += 1)
      assert.deepEqual(await ask(connection, ok, "POST", "/v1/events", '{"code":1}', signal()), {
        ok: false,
        status: 0,
        retryAfterMs: 0,
      });
    assert.ok(foreign.heard.length > 0);
    for (const head of foreign.heard) assert.ok(!head.includes(TOKEN) && !head.includes("code"), head);
    await assert.rejects(
      sendProven(connection, { method: "GET", route: "/v1/a", body: null }, signal()),
      (error) => error instanceof ProofError && error.reason === "unproved",
    );
  });

  it("prove again when the server closed the socket between two requests", async () => {
    await using server = await startProvingServer((_request, response) => yes(response), { token: TOKEN });
    for (let n = 0; n < 20; n += 1) {
      assert.equal((await ask(server.connection, ok, "GET", "/v1/a", null, signal())).ok, true);
      if (n % 2 === 0) server.cut();
    }
    assert.ok(server.sockets > 1);
  });

  it("are answered one by one, though many are asked at once", async () => {
    await using server = await startProvingServer((_request, response) => yes(response), { token: TOKEN });
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => ask(server.connection, ok, "GET", `/v1/${n}`, null, signal())),
    );
    assert.ok(answers.every((answer) => answer.ok));
  });

  it("take an answer that is no JSON, too long or cut off for none", async () => {
    await using server = await startProvingServer((request, response) => {
      if (request.url === "/html") response.end("<!doctype html><title>Portal</title>");
      else if (request.url === "/cut") {
        response.writeHead(200, { "content-length": "100" }).write('{"ok"');
        setImmediate(() => response.destroy());
      } else response.writeHead(500, { "retry-after": "7" }).end("{}");
    });
    const status = async (route: string) => ask(server.connection, ok, "GET", route, null, signal());
    assert.deepEqual(await status("/html"), { ok: false, status: 0, retryAfterMs: 0 });
    assert.deepEqual(await status("/cut"), { ok: false, status: 0, retryAfterMs: 0 });
    assert.deepEqual(await status("/500"), { ok: false, status: 500, retryAfterMs: 7_000 });
  });

  it("end when they are called off", async () => {
    await using server = await startProvingServer(() => {});
    const abort = new AbortController();
    const answer = ask(server.connection, ok, "GET", "/never", null, abort.signal);
    abort.abort();
    assert.equal((await answer).ok, false);
  });
});
