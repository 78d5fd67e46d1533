import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import * as api from "../../../protocol/api.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { runningApp, type RunningApp } from "../../server/running-app.ts";
import { sampleSession, shownWith } from "../../server/sample-events.ts";
import { tryServer } from "../../faults/server/faulty-server.ts";
import { rawRequest, type RawAnswer } from "./raw-request.ts";
import { v7 as uuidv7 } from "uuid";

describe("requests that mean harm", function () {
  this.timeout(60_000);
  let server: RunningApp;
  let port: number;
  let headers: Record<string, string>;
  beforeEach(async () => {
    server = await runningApp();
    port = server.app.port;
    headers = { Authorization: `Bearer ${server.app.token}`, "Content-Type": "application/json" };
  });
  afterEach(() => server[Symbol.asyncDispose]());

  const post = (target: string, body: string) => rawRequest(port, "POST", target, headers, body);
  const get = (target: string) => rawRequest(port, "GET", target, headers);
  const problem = ({ body }: RawAnswer) => api.problem.parse(JSON.parse(body));
  const refused = (answer: RawAnswer, status: number, code: string) =>
    assert.deepEqual([answer.status, problem(answer).code], [status, code], answer.body);
  const counts = async () => (await server.call("GET", "/v1/events")).body as { count: number; sent: object };
  const statuses = (answer: RawAnswer) =>
    api.ingestResponse.parse(JSON.parse(answer.body)).results.map(({ status, reason }) => reason ?? status);

  it("G16 an option to listen elsewhere: there is none, and the server does not start", async () => {
    await using folder = await tempFolder();
    const dataDir = path.join(folder.dir, "data");
    for (const address of ["0.0.0.0", "::", "[::]", "0"]) {
      const end = await tryServer(dataDir, { args: ["--host", address] });
      assert.ok(!("child" in end));
      assert.equal(end.ended, 2);
      assert.match(end.complaint, /--host/);
    }
    assert.equal(existsSync(dataDir), false);
  });

  it("G17 a body of a mebibyte and a byte is refused, by its length alone", async () => {
    const head = `POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: ${headers["Authorization"]}\r\nContent-Type: application/json\r\nContent-Length: ${api.MAX_BATCH_BYTES + 1}\r\n\r\n`;
    assert.match((await floodBody(port, head, "")).answer, /^HTTP\/1\.1 413 /);
    const exact = JSON.stringify({ events: ["x"] });
    const full = await post("/v1/events", exact + " ".repeat(api.MAX_BATCH_BYTES - exact.length));
    assert.equal(full.status, 200, "exactly a mebibyte may come");
  });

  it("G17 a body without end is cut off, and takes no more memory than one that may be", async () => {
    const head = `POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: ${headers["Authorization"]}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
    const { answer, nSent } = await floodBody(port, head, chunk);
    assert.match(answer, /^HTTP\/1\.1 413 /);
    // What the server took is what it may take; the rest stood in the buffers of the two sockets.
    assert.ok(nSent < 32 * api.MAX_BATCH_BYTES, `${nSent} bytes were taken`);
    assert.equal((await get("/healthz")).status, 200);
  });

  it("G18 nesting of 5,000, 500,000 elements, 50,000 names", async () => {
    refused(await post("/v1/events", `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`), 400, "malformed");
    refused(await post("/v1/events", `{"events":[${"1,".repeat(500_000)}1]}`), 413, "too-large");
    const names = Array.from({ length: 50_000 }, (_, i) => `"k${i}":1`).join(",");
    refused(await post("/v1/events", `{${names}}`), 422, "invalid");
    const inEvent = await post("/v1/events", `{"events":[{${names}}]}`);
    assert.deepEqual(statuses(inEvent), ["too-large"]);
    assert.equal((await counts()).count, 0);
  });

  it("G19 names that every object has are refused or inert, in every body", async () => {
    const session = sampleSession();
    const shown = JSON.stringify(session.of("shown", uuidv7()));
    const pollution = '"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}';
    const event = await post("/v1/events", `{${pollution},"events":[{${pollution},${shown.slice(1)}]}`);
    assert.ok([200, 422].includes(event.status), event.body);
    for (const [target, rest] of [
      ["/v1/training/runs", '"overrides":{"__proto__":{"admin":true},"constructor":{"prototype":{"rank":1}}}'],
      ["/v1/datasets", pollution],
      [
        "/v1/forget",
        `${pollution},"id":"${uuidv7()}","requestedAtMs":1,"scope":{"kind":"suggestions","ids":["__proto__"]}`,
      ],
      ["/login", `${pollution},"code":"constructor"`],
    ] as const) {
      const { status } = await post(target, `{${rest}}`);
      assert.ok(status < 500 || status === 503, `${target} answered ${status}`);
    }
    refused(
      await rawRequest(port, "PUT", "/v1/aliases/__proto__", headers, '{"to":null,"expected":null}'),
      404,
      "not-found",
    );
    refused(
      await rawRequest(port, "PUT", "/v1/aliases/constructor", headers, '{"to":null,"expected":null}'),
      404,
      "not-found",
    );
    assert.equal(({} as { admin?: boolean }).admin, undefined);
    assert.equal((Object.prototype as { rank?: number }).rank, undefined);
    const stored = await get("/v1/suggestions");
    assert.equal(stored.body.includes("admin"), false);
  });

  it("G20 SQL in filters, cursors and names is a value like any other", async () => {
    const session = sampleSession();
    const id = uuidv7();
    await server.call("POST", "/v1/events", {
      events: [shownWith(session, id, { root: "/w" }), session.of("accepted", id)],
    });
    const encoded = encodeURIComponent;
    refused(await get(`/v1/labels?verdict=${encoded("x' OR 1=1 --")}`), 422, "invalid");
    refused(await get(`/v1/suggestions?before=${encoded("1;DROP TABLE events")}`), 422, "invalid");
    refused(await get(`/v1/suggestions?limit=${encoded("1 UNION SELECT * FROM events")}`), 422, "invalid");
    for (const root of ["' OR '1'='1", "%", "_w", "/w' --", "%_%".repeat(1_000)]) {
      const { examples } = api.examplePage.parse((await server.call("GET", `/v1/examples?root=${encoded(root)}`)).body);
      assert.deepEqual(examples, [], root.slice(0, 20));
    }
    assert.equal((await server.call("GET", "/v1/examples?root=%2Fw")).body.examples.length, 1);
    refused(await get(`/v1/suggestions/${encoded("' OR 1=1 --")}/why`), 404, "not-found");
    assert.equal((await counts()).count, 2);
  });

  it("G40 names of aliases, versions and files that are none, or that lead elsewhere", async () => {
    // What the server does by itself meanwhile: its log, and its reserve.
    const files = () =>
      readdirSync(server.dir, { recursive: true, encoding: "utf8" }).filter(
        (name) => !/reserve|-wal$|-shm$/.test(name),
      );
    const before = files();
    const names = ["../x", "a/b", ".", "..", "%00", "x".repeat(300), "sha256:../..", "C:\\x", "\\\\host\\share"];
    for (const name of names) {
      const encoded = name === "%00" ? name : encodeURIComponent(name);
      for (const target of [`/v1/models/${encoded}`, `/v1/files/${encoded}`, `/v1/datasets/${encoded}`]) {
        // A client that follows dots of a path itself asks for the folder above: another route, or none.
        const answer = await get(target);
        const others = /^\.\.?$/.test(name) ? [200, 404, 405] : [404];
        assert.ok(others.includes(answer.status), `${target}: ${answer.status}`);
      }
      const move = await rawRequest(port, "PUT", `/v1/aliases/${encoded}`, headers, '{"to":null,"expected":null}');
      assert.ok([404, 405].includes(move.status), `${name}: ${move.status}`);
      const to = await rawRequest(
        port,
        "PUT",
        "/v1/aliases/champion",
        headers,
        JSON.stringify({ to: name, expected: null }),
      );
      assert.ok([404, 422].includes(to.status), `${name}: ${to.status}`);
    }
    for (const digest of ["a".repeat(63), "a".repeat(65), "A".repeat(64), `${"a".repeat(63)}g`]) {
      refused(await get(`/v1/files/${digest}`), 404, "not-found");
    }
    assert.deepEqual(files(), before);
    assert.deepEqual(
      (await server.call("GET", "/v1/aliases")).body.aliases.filter(
        (row: { version: unknown }) => row.version !== null,
      ),
      [],
    );
  });

  it("G53 an event of an unknown suggestion is counted, and never a row, an example or in a dataset", async () => {
    const session = sampleSession();
    const unknown = uuidv7();
    const events = [session.of("accepted", unknown), session.of("typed-instead", unknown, { text: "planted();" })];
    assert.deepEqual(statuses(await post("/v1/events", JSON.stringify({ events }))), ["accepted", "accepted"]);
    assert.equal((await counts()).count, 2);
    refused(await get(`/v1/suggestions/${unknown}/why`), 404, "not-found");
    assert.deepEqual((await server.call("GET", "/v1/suggestions")).body.suggestions, []);
    assert.deepEqual((await server.call("GET", "/v1/examples")).body.examples, []);
    const dataset = (await server.call("POST", "/v1/datasets", {})).body;
    assert.deepEqual(dataset.rows, { train: 0, validation: 0, test: 0 });
  });

  it("G53 what is said of a suggestion that was decided does not make two rows of it", async () => {
    const session = sampleSession();
    const id = uuidv7();
    const events = session.story("shown read rejected accepted retained rejected accepted", id);
    await post("/v1/events", JSON.stringify({ events }));
    const { suggestions } = (await server.call("GET", "/v1/suggestions")).body;
    assert.equal(suggestions.length, 1);
    const { sha256 } = (await server.call("POST", "/v1/datasets", {})).body;
    const rows = readFileSync(path.join(server.app.places.datasets, sha256, "rows.jsonl"), "utf8");
    assert.ok(rows.split("\n").filter((line) => line.includes(id)).length <= 1, rows);
  });

  it("G54 the same id again: a duplicate when it is the same event, a conflict with an audit row when it is not", async () => {
    const [shown] = sampleSession().story("shown");
    const send = async (event: object) => statuses(await post("/v1/events", JSON.stringify({ events: [event] })));
    assert.deepEqual(await send(shown!), ["accepted"]);
    assert.deepEqual(await send(shown!), ["duplicate"]);
    assert.deepEqual(await send({ ...shown!, latencyMs: 7 }), ["conflict"]);
    const { body } = await server.call("GET", "/v1/events");
    assert.deepEqual([body.count, body.conflicts], [1, 1]);
  });

  it("G55 clocks of 1970, of 2100, before 1970 and without a number", async () => {
    const session = sampleSession();
    const at = (wallMs: unknown) => ({ ...session.of("shown", uuidv7()), wallMs });
    const times = [0, 4_102_444_800_000, -1, Number.NaN, "yesterday", 1e300];
    const sent = times.map(at);
    const answers = statuses(await post("/v1/events", JSON.stringify({ events: sent })));
    assert.deepEqual(
      answers.map((answer) => answer.replace(/:.*/s, "")),
      ["accepted", "accepted", "invalid", "invalid", "invalid", "accepted"],
    );
    // The order is that of arrival, newest first, whatever the clocks say; dates can be shown.
    const { suggestions } = api.suggestionPage.parse((await server.call("GET", "/v1/suggestions")).body);
    assert.deepEqual(
      suggestions.map(({ id }) => id),
      [sent[5]!, sent[1]!, sent[0]!].map(({ suggestionId }) => suggestionId),
    );
    for (const { shownAt } of suggestions) assert.match(shownAt, /^\d{4}-\d\d-\d\dT/);
  });
});

/** Sends a head, then a chunk over and over until the server ends the connection or answers. */
function floodBody(port: number, head: string, chunk: string): Promise<{ answer: string; nSent: number }> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: "127.0.0.1", port });
    let answer = "";
    const end = () => resolve({ answer, nSent: socket.bytesWritten });
    const more = (): void => {
      while (chunk !== "" && !socket.destroyed && socket.write(chunk));
    };
    socket.setTimeout(20_000, () => reject(new Error("The server neither answered nor closed the connection.")));
    socket.on("data", (data: Buffer) => {
      answer += data.toString("latin1");
      if (chunk === "") socket.end();
    });
    socket.on("drain", more);
    // A reset after the answer is how the server ends what it does not read.
    socket.on("error", end);
    socket.on("close", end);
    socket.write(head);
    more();
  });
}
