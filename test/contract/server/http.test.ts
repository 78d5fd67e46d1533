import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import * as api from "../../../protocol/api.ts";
import { PROBLEM_CODES } from "../../../server/http/problem-codes.ts";
import { ROUTES } from "../../../server/http/routes/route-table.ts";
import { proveToken } from "../../../server/http/token.ts";
import { runningApp, type RunningApp } from "../../server/running-app.ts";
import { sampleSession, shownWith } from "../../server/sample-events.ts";
import { rawBytes, rawRequest, type RawAnswer } from "./raw-request.ts";
import { v7 as uuidv7 } from "uuid";

describe("HTTP interface", () => {
  let server: RunningApp;
  let port: number;
  let auth: Record<string, string>;
  before(async () => {
    server = await runningApp();
    port = server.app.port;
    auth = { Authorization: `Bearer ${server.app.token}` };
  });
  after(() => server[Symbol.asyncDispose]());

  const json = { "Content-Type": "application/json" };
  const get = (target: string, headers: Record<string, string> = {}) => rawRequest(port, "GET", target, headers);

  function refused(answer: RawAnswer, status: number, code: string): void {
    assert.equal(answer.status, status, answer.body);
    const problem = api.problem.parse(JSON.parse(answer.body));
    assert.equal(problem.code, code);
    assert.equal(problem.status, status);
    assert.match(String(answer.headers["content-type"]), /^application\/problem\+json/);
    assertSafeHeaders(answer);
    assert.equal(answer.body.includes(server.app.token), false);
  }

  function assertSafeHeaders({ headers }: RawAnswer): void {
    assert.equal(
      Object.keys(headers).some((name) => name.startsWith("access-control-")),
      false,
    );
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["cross-origin-resource-policy"], "same-origin");
    assert.equal(headers["referrer-policy"], "no-referrer");
    assert.equal(headers["cache-control"], "no-store");
    assert.match(String(headers["content-security-policy"]), /default-src 'none'.*frame-ancestors 'none'/);
  }

  const own = () => `127.0.0.1:${port}`;
  describe("who may come in", () => {
    it("G01 another host", async () =>
      refused(await get("/v1/events", { ...auth, Host: `evil.example:${port}` }), 403, "forbidden-host"));
    it("G02 a host that begins like ours", async () =>
      refused(await get("/v1/events", { ...auth, Host: `127.0.0.1.evil.example:${port}` }), 403, "forbidden-host"));
    it("G03 the three names of this machine", async () => {
      for (const name of ["localhost", "127.0.0.1", "[::1]"]) {
        assert.equal((await get("/v1/status", { ...auth, Host: `${name}:${port}` })).status, 200);
      }
    });
    it("G04 a foreign origin, before the body is read", async () => {
      const text = `POST /v1/events HTTP/1.1\r\nHost: ${own()}\r\nOrigin: https://evil.example\r\n${authLine()}Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n`;
      assert.match(await rawBytes(port, text), /^HTTP\/1\.1 403 /);
    });
    for (const origin of ["null", "http://localhost:3000", "https://evil.example"]) {
      it(`G05 G06 the origin ${origin}`, async () =>
        refused(await get("/v1/status", { ...auth, Origin: origin }), 403, "forbidden-origin"));
    }
    it("G07 a preflight from elsewhere", async () =>
      refused(
        await rawRequest(port, "OPTIONS", "/v1/events", {
          Origin: "https://evil.example",
          "Access-Control-Request-Method": "POST",
        }),
        403,
        "forbidden-origin",
      ));
    it("G08 JSON that says it is text", async () =>
      refused(
        await rawRequest(port, "POST", "/v1/events", { ...auth, "Content-Type": "text/plain" }, '{"events":[]}'),
        415,
        "unsupported-type",
      ));
    it("G09 a WebSocket upgrade from elsewhere", async () => {
      const text = `GET /v1/stream HTTP/1.1\r\nHost: ${own()}\r\nOrigin: https://evil.example\r\n${authLine()}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
      const answer = await rawBytes(port, text);
      assert.match(answer, /^HTTP\/1\.1 403 /);
      assert.equal(answer.includes("101 Switching"), false);
    });
    it("G10 a stream without a token", async () =>
      refused(await get("/v1/stream", { Origin: `http://${own()}` }), 401, "unauthorized"));
    it("G11 a token in the address, which is not logged either", async () => {
      refused(await get(`/v1/stream?token=${server.app.token}`), 401, "unauthorized");
      const log = readFileSync(path.join(server.dir, "test.log"), "utf8");
      assert.equal(log.includes("?token"), false);
    });
    it("G12 a script element on another page", async () =>
      refused(
        await get("/v1/events", { ...auth, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "cross-site" }),
        403,
        "forbidden-origin",
      ));
    for (const [what, token] of [
      ["empty", ""],
      ["short", "a"],
      ["long", "a".repeat(10_000)],
      ["not ASCII", "\u00e9".repeat(43)],
    ] as const) {
      it(`G13 a token that is ${what}`, async () =>
        refused(await get("/v1/status", { Authorization: `Bearer ${token}` }), 401, "unauthorized"));
    }
    it("G13 a token of a mebibyte ends the connection before anyone looks at it", async () => {
      const answer = await rawBytes(
        port,
        `GET /v1/status HTTP/1.1\r\nHost: ${own()}\r\nAuthorization: Bearer ${"a".repeat(1_048_576)}\r\n\r\n`,
      ).catch((error: NodeJS.ErrnoException) => error.code ?? "");
      assert.match(answer, /^(HTTP\/1\.1 431 |ECONNRESET|EPIPE)/);
      assert.equal((await get("/healthz")).status, 200);
    });
    it("G14 the page and its script say nothing about this machine", async () => {
      for (const target of ["/", "/index.html", "/dashboard.js"]) {
        const answer = await get(target);
        assert.equal(answer.status, 200);
        assertSafeHeaders(answer);
        for (const secret of [server.app.token, server.dir]) assert.equal(answer.body.includes(secret), false);
      }
    });
    it("two Host headers", async () =>
      assert.match(
        await rawBytes(
          port,
          `GET /healthz HTTP/1.1\r\nHost: ${own()}\r\nHost: evil.example\r\nConnection: close\r\n\r\n`,
        ),
        /^HTTP\/1\.1 403 /,
      ));
    it("no Host header, as HTTP/1.0 allows", async () =>
      assert.match(await rawBytes(port, "GET /healthz HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 40[03] /));
    it("a whole address as the target", async () =>
      assert.match(
        await rawBytes(port, `GET http://evil.example/healthz HTTP/1.1\r\nHost: ${own()}\r\nConnection: close\r\n\r\n`),
        /^HTTP\/1\.1 400 /,
      ));
    it("every route but the open ones answers 401 without a token, on every method", async () => {
      for (const route of ROUTES) {
        const target = route.path.replaceAll(/:\w+/g, "x");
        for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH"]) {
          const isOpen = ROUTES.some((one) => one.open === true && one.path === route.path && one.method === method);
          if (isOpen) continue;
          refused(await rawRequest(port, method, target, {}), 401, "unauthorized");
        }
      }
    });
    const authLine = () => `Authorization: ${auth["Authorization"]}\r\n`;
  });

  describe("the server proves itself", () => {
    it("by an HMAC that only a holder of the token can make", async () => {
      const nonce = "n".repeat(32);
      const answer = await rawRequest(port, "POST", "/v1/proof", json, JSON.stringify({ nonce }));
      const { proof, pid } = api.proofResponse.parse(JSON.parse(answer.body));
      assert.equal(proof, proveToken(server.app.token, nonce, port, pid));
      assert.notEqual(proof, proveToken("another", nonce, port, pid));
      assert.equal(answer.body.includes(server.app.token), false);
    });
    it("but not for a nonce that is too short to be one", async () =>
      refused(await rawRequest(port, "POST", "/v1/proof", json, '{"nonce":"x"}'), 422, "invalid"));
  });

  describe("login", () => {
    const login = (code: string) => rawRequest(port, "POST", "/login", json, JSON.stringify({ code }));
    it("gives the token for a code, once", async () => {
      const { body } = await server.call("POST", "/v1/login-codes", {});
      const { code } = api.loginCode.parse(body);
      assert.equal(JSON.parse((await login(code)).body).token, server.app.token);
      refused(await login(code), 401, "unauthorized");
    });
    it("slows down whoever guesses", async () => {
      const statuses = [];
      for (let i = 0; i < 12; i++) statuses.push((await login("wrong-code-wrong-code")).status);
      assert.equal(statuses.at(-1), 429);
    });
  });

  describe("bodies", () => {
    const post = (body: string, headers: Record<string, string> = {}) =>
      rawRequest(port, "POST", "/v1/events", { ...auth, ...json, ...headers }, body);
    it("that are not JSON", async () => refused(await post("{"), 400, "malformed"));
    it("that are not UTF-8", async () =>
      assert.match(
        await rawBytes(
          port,
          `POST /login HTTP/1.1\r\nHost: ${own()}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n\ud800`,
        ).then((text) => text.split("\r\n", 1)[0]!),
        /^HTTP\/1\.1 4\d\d /,
      ));
    it("that nest without end", async () =>
      refused(await post(`${"[".repeat(5_000)}${"]".repeat(5_000)}`), 400, "malformed"));
    it("that are larger than a batch may be", async () =>
      refused(await post(JSON.stringify({ events: ["x".repeat(api.MAX_BATCH_BYTES)] })), 413, "too-large"));
    it("that have too many events", async () =>
      refused(await post(JSON.stringify({ events: Array(api.MAX_EVENTS_PER_BATCH + 1).fill(1) })), 413, "too-large"));
    it("that have none", async () => refused(await post('{"events":[]}'), 422, "invalid"));
    it("that are compressed", async () =>
      refused(await post("{}", { "Content-Encoding": "gzip" }), 415, "unsupported-type"));
    it("with fields that nobody knows are refused where the shape is strict", async () =>
      refused(
        await rawRequest(port, "POST", "/v1/training/runs", { ...auth, ...json }, '{"overrides":{"raank":1}}'),
        422,
        "invalid",
      ));
  });

  describe("routes", () => {
    it("unknown paths are 404, known paths with another method are 405 with Allow", async () => {
      refused(await get("/v1/nothing", auth), 404, "not-found");
      const answer = await rawRequest(port, "DELETE", "/v1/models/x", auth);
      refused(answer, 405, "method-not-allowed");
      assert.equal(answer.headers["allow"], "GET");
    });
    for (const target of [
      "/v1/suggestions/nope/why",
      "/v1/training/runs/nope",
      "/v1/training/runs/nope/curve",
      "/v1/models/nope",
      "/v1/datasets/nope",
      `/v1/files/${"a".repeat(64)}`,
      "/v1/files/..%2f..%2fserver.json",
      "/v1/files/%2e%2e%2fkept.db",
      "/dashboard.css",
      "/..%2fserver.json",
    ]) {
      it(`404 for ${target}`, async () => refused(await get(target, auth), 404, "not-found"));
    }
    it("every list has its documented shape when there is nothing", async () => {
      const shapes = {
        "/v1/suggestions": api.suggestionPage,
        "/v1/labels": api.labelPage,
        "/v1/datasets": api.datasetPage,
        "/v1/training/runs": api.runPage,
        "/v1/models": api.modelPage,
        "/v1/aliases": api.aliasPage,
        "/v1/deployment": api.deployment,
        "/v1/examples": api.examplePage,
        "/v1/status": api.serverStatus,
        "/healthz": api.health,
      };
      for (const [target, shape] of Object.entries(shapes)) shape.parse((await server.call("GET", target)).body);
    });
    it("limits are numbers within bounds", async () => {
      for (const limit of ["0", "501", "x", "1.5", ""])
        refused(await get(`/v1/suggestions?limit=${limit}`, auth), 422, "invalid");
    });
    it("events go in, and rows, labels, examples and the why come out", async () => {
      const session = sampleSession();
      const id = uuidv7();
      const events = [shownWith(session, id, { root: "/w" }), session.of("accepted", id)];
      const { body } = await server.call("POST", "/v1/events", { events: [...events, { id: "bad" }] });
      assert.deepEqual(
        api.ingestResponse.parse(body).results.map(({ status }) => status),
        ["accepted", "accepted", "rejected"],
      );
      const why = api.why.parse((await server.call("GET", `/v1/suggestions/${id}/why`)).body);
      assert.equal(why.suggestion.label?.verdict, "good");
      const examples = api.examplePage.parse((await server.call("GET", "/v1/examples?root=%2Fw")).body);
      assert.equal(examples.examples[0]?.suggestionId, id);
      const page = api.suggestionPage.parse((await server.call("GET", "/v1/suggestions?limit=1")).body);
      assert.equal(page.suggestions[0]?.id, id);
    });
    it("an alias does not move to a version that is not there, and only aliases move", async () => {
      const move = { to: "nope", expected: null };
      assert.equal((await server.call("PUT", "/v1/aliases/champion", move)).status, 404);
      assert.equal((await server.call("PUT", "/v1/aliases/winner", move)).status, 404);
      assert.equal((await server.call("PUT", "/v1/aliases/champion", { to: null, expected: "x" })).status, 409);
    });
    it("training without a base model says so", async () => {
      const { status, body } = await server.call("POST", "/v1/training/runs", {});
      assert.deepEqual([status, body.code], [503, "no-model"]);
    });
    it("the page gets a fresh nonce each time", async () => {
      const nonces = await Promise.all(
        [1, 2].map(async () => {
          const { headers, body } = await get("/");
          const nonce = /script-src 'self' 'nonce-([^']+)'/.exec(String(headers["content-security-policy"]))![1]!;
          assert.equal(body.includes(`nonce="${nonce}"`), true);
          return nonce;
        }),
      );
      assert.notEqual(nonces[0], nonces[1]);
    });
  });

  describe("stream", () => {
    /** Reads a stream until it has said `until`; `greeted` runs once the server has answered. */
    async function read(lastId: string | null, until: string, greeted: () => unknown = () => {}): Promise<string> {
      const response = await fetch(`${server.url}/v1/stream`, {
        headers: { ...auth, ...(lastId === null ? {} : { "Last-Event-ID": lastId }) },
        signal: AbortSignal.timeout(10_000),
      });
      assert.match(response.headers.get("content-type")!, /^text\/event-stream/);
      let text = "";
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        if (text === "") await greeted();
        text += chunk;
        if (text.includes(until)) break;
      }
      return text;
    }
    const accept = async (): Promise<string> => {
      const session = sampleSession();
      const id = uuidv7();
      await server.call("POST", "/v1/events", { events: [session.of("shown", id), session.of("accepted", id)] });
      return id;
    };

    it("pushes what happens while it is open, with ids", async () => {
      let id = "";
      const text = await read(null, "event: examples", async () => (id = await accept()));
      assert.match(text, /^: kept\n\n/);
      assert.match(text, new RegExp(`id: \\d+\nevent: suggestion\ndata: \\{"id":"${id}"\\}\n\n`));
      assert.match(text, /id: \d+\nevent: examples\ndata: \{"revision":\d+\}/);
    });
    it("repeats what a reader missed", async () => {
      const id = await accept();
      assert.equal((await read("1", `"id":"${id}"`)).includes("event: suggestion"), true);
    });
  });

  describe("documentation", () => {
    it("every route has a sentence of its own, and no route is there twice", () => {
      for (const { about, path } of ROUTES) assert.match(about, /^[A-Z`].*\.$/s, path);
      const names = ROUTES.map(({ method, path }) => `${method} ${path}`);
      assert.equal(new Set(names).size, names.length);
      assert.equal(new Set(ROUTES.map(({ about }) => about)).size, ROUTES.length);
    });
    it("every route that protocol/api.ts names is there", () => {
      const text = readFileSync(path.join(import.meta.dirname, "../../../protocol/api.ts"), "utf8");
      const named = [...text.matchAll(/`(GET|POST|PUT) (\/[\w/:-]+)/g)].map(
        ([, method, target]) => `${method} ${target}`,
      );
      assert.equal(named.length > 15, true);
      const routes = new Set(ROUTES.map(({ method, path }) => `${method} ${path}`));
      assert.deepEqual(
        named.filter((name) => !routes.has(name)),
        [],
      );
    });
    it("every code says what it means", () => {
      for (const [code, { title, meaning }] of Object.entries(PROBLEM_CODES)) {
        assert.equal(title.length > 5 && meaning.length > 20, true, code);
      }
    });
  });

  it("the token is in no file but the runtime file", () => {
    const data = server.app.places.dataDir;
    for (const entry of readdirSync(data, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name === "server.json") continue;
      const bytes = readFileSync(path.join(entry.parentPath, entry.name));
      assert.equal(bytes.includes(server.app.token), false, entry.name);
    }
    assert.equal(readFileSync(path.join(server.dir, "test.log")).includes(server.app.token), false);
  });
});
