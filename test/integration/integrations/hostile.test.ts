import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { allow, permitsOf } from "../../../server/egress/allowances.ts";
import { openEgress } from "../../../server/egress/egress.ts";
import { openLabelStudio } from "../../../server/integrations/label-studio/access.ts";
import { startLabelStudio } from "../../../server/integrations/label-studio/integration.ts";
import { changeLabelStudio } from "../../../server/integrations/label-studio/settings.ts";
import { connectMlflow, startMlflow } from "../../../server/integrations/mlflow/integration.ts";
import { createLog } from "../../../server/log.ts";
import type { PROBLEM_CODES } from "../../../server/http/problem-codes.ts";
import { withStore } from "../../../server/settings.ts";
import { openStore, type Store } from "../../../server/store/store.ts";
import { runningApp } from "../../server/running-app.ts";
import { sampleSession, shownWith } from "../../server/sample-events.ts";
import { storeEvents } from "../../server/store-events.ts";
import { tempFolder } from "../../server/temp-folder.ts";

/** As in production, but for waits that a test can afford. */
const LIMITS = { answerMs: 400, windowMs: 200, bytesPerWindow: 1_000 };
const SUGGESTION = "01941f29-0000-7000-8000-000000000001";
const RUN = "00000000-0000-7000-8000-000000000001";

type Behaviour = (response: ServerResponse, canary: string) => void;
const json =
  (text: string | Buffer, status = 200): Behaviour =>
  (response) =>
    void response.writeHead(status, { "Content-Type": "application/json" }).end(text);

/** What each system answers to whatever it is asked, and the code that it has to end in. */
const HOSTILE: readonly (readonly [name: string, code: keyof typeof PROBLEM_CODES, behave: Behaviour])[] = [
  [
    "a page with 200",
    "integration-invalid",
    (r) => void r.writeHead(200, { "Content-Type": "text/html" }).end("<html>"),
  ],
  [
    "a page with 404",
    "integration-invalid",
    (r) => void r.writeHead(404, { "Content-Type": "text/html" }).end("<html>"),
  ],
  ["a list where an object is expected", "integration-invalid", json("[1, 2]")],
  ["null", "integration-invalid", json("null")],
  [
    "a prototype",
    "integration-invalid",
    json('{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}'),
  ],
  ["numbers where names are expected", "integration-invalid", json('{"experiment":{"experiment_id":7},"access":7}')],
  ["a hundred thousand brackets", "integration-invalid", json("[".repeat(100_000) + "]".repeat(100_000))],
  ["half of a JSON", "integration-invalid", json('{"experiment": {"exper')],
  ["what is no UTF-8", "integration-invalid", json(Buffer.from([0x22, 0xff, 0xfe, 0x22]))],
  ["a refusal that says nothing", "integration-invalid", json("{}", 418)],
  ["a redirect, 302", "integration-invalid", (r, canary) => void r.writeHead(302, { Location: canary }).end()],
  [
    "a redirect that keeps the body, 307",
    "integration-invalid",
    (r, canary) => void r.writeHead(307, { Location: canary }).end(),
  ],
  ["10 GB", "integration-invalid", endless],
  ["401", "integration-unauthorized", json('{"detail":"who are you"}', 401)],
  ["403", "integration-unauthorized", json('{"detail":"not you"}', 403)],
  ["429", "integration-unreachable", json("{}", 429)],
  ["500", "integration-unreachable", json("{}", 500)],
  [
    "a page with 502",
    "integration-unreachable",
    (r) => void r.writeHead(502, { "Content-Type": "text/html" }).end("<html>"),
  ],
  ["a byte now and then", "integration-unreachable", drip],
  ["nothing at all", "integration-unreachable", () => {}],
  ["a connection that is cut at once", "integration-unreachable", (r) => void r.destroy()],
  [
    "a connection that is cut in the middle",
    "integration-unreachable",
    (r) => {
      r.writeHead(200, { "Content-Type": "application/json", "Content-Length": 1_000 });
      r.write('{"experiment":', () => r.destroy());
    },
  ],
];

/** Ten gigabytes, as far as anybody reads them. */
function endless(response: ServerResponse): void {
  const piece = Buffer.alloc(2 ** 20, " ");
  let left = 10 * 2 ** 10;
  response.writeHead(200, { "Content-Type": "application/json" });
  const more = (): void => {
    while (left-- > 0 && !response.destroyed) if (!response.write(piece)) return;
    if (left <= 0) response.end();
  };
  response.on("drain", more);
  more();
}

function drip(response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "application/json" });
  const timer = setInterval(() => response.write(" "), 50);
  response.on("close", () => clearInterval(timer));
}

async function hostileServer() {
  let behave: Behaviour = () => {};
  let nCanary = 0;
  const canaryServer = createServer((_, response) => {
    nCanary++;
    response.end("{}");
  });
  const server = createServer((request, response) => {
    request.resume();
    behave(response, `http://127.0.0.1:${(canaryServer.address() as AddressInfo).port}/`);
  });
  for (const one of [canaryServer, server]) await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    behave: (how: Behaviour) => void (behave = how),
    nCanary: () => nCanary,
    async [Symbol.asyncDispose]() {
      for (const one of [canaryServer, server]) {
        one.closeAllConnections();
        await new Promise((resolve) => one.close(resolve));
      }
    },
  };
}

/** One thing to be said in each system's outbox, and how to ask the system something at once. */
function connected(store: Store, url: string, dir: string) {
  const clock = { wallMs: () => 1_000_000, monotonicMs: () => performance.now() };
  const egress = openEgress({ permits: () => permitsOf(store.settings), log: { add: () => {} } });
  const log = createLog({ level: "silent", destination: path.join(dir, "log") });
  // Of the older kind: the first thing asked is what was meant.
  const env = { LABEL_STUDIO_API_KEY: "key" };
  for (const purpose of ["mlflow", "label-studio"] as const) {
    allow(store.settings, { purpose, url, mayBePrivate: true }, 1);
    store.outbox.open(purpose, 1);
  }
  const session = sampleSession();
  storeEvents(store, [shownWith(session, SUGGESTION, {}), session.of("accepted", SUGGESTION)]);
  changeLabelStudio(store.settings, { projectId: 1, connectedTo: "http://127.0.0.1:1" }, 1);
  store.outbox.add("label-studio", "task", SUGGESTION);
  const request = { strategy: "lora" as const, backend: "onnx" as const, workspaces: [], overrides: {} };
  store.runs.create({ id: RUN, request, createdAt: 1_000 });
  const signal = () => AbortSignal.timeout(20_000);
  const base = new URL(url);
  return {
    mlflow: {
      start: () =>
        startMlflow({
          store,
          files: { read: () => Buffer.of() },
          egress,
          clock,
          log,
          env,
          everyMs: 3_600_000,
          limits: LIMITS,
        }),
      ask: () => connectMlflow({ base, egress, env, signal: signal(), limits: LIMITS }).experiment("x"),
    },
    "label-studio": {
      start: () =>
        startLabelStudio({
          store,
          egress,
          clock,
          log,
          env,
          everyMs: 3_600_000,
          limits: LIMITS,
          record: (events) => Promise.resolve({ results: [...storeEvents(store, events).results] }),
          complete: () => Promise.resolve(null),
          modelVersion: () => "x",
          port: () => 1,
          train: () => {},
        }),
      ask: () => openLabelStudio({ base, egress, env, now: () => 1, limits: LIMITS })(signal()).projectTitled("x"),
    },
  };
}

describe("a connected system that is broken or hostile", function () {
  this.timeout(60_000);

  for (const system of ["mlflow", "label-studio"] as const) {
    for (const [name, code, behave] of HOSTILE) {
      it(`${system} answers ${name}: ${code}, and nothing is lost`, async () => {
        await using folder = await tempFolder();
        await using hostile = await hostileServer();
        using store = openStore(path.join(folder.dir, "kept.db"));
        const parts = connected(store, hostile.url, folder.dir)[system];
        hostile.behave(behave);
        await assert.rejects(parts.ask(), (error: Error & { code?: string }) => {
          assert.equal(error.code, code, error.message);
          assert.match(error.message, /^[\x20-\x7e]+$/);
          return true;
        });
        await using running = parts.start();
        await running.look();
        const [row, ...others] = store.outbox.waiting(system, 10);
        assert.equal(others.length, 0);
        assert.equal(row!.attempts, 1);
        assert.ok(row!.error !== null && row!.error.length > 0);
        // At once again: it waits for its turn.
        await running.look();
        assert.equal(store.outbox.waiting(system, 10)[0]!.attempts, 1);
        assert.equal(hostile.nCanary(), 0, "a redirect is not followed");
        assert.equal(({} as { admin?: boolean }).admin, undefined);
      });
    }
  }

  it("holds up neither events nor answers while it says nothing", async () => {
    await using hostile = await hostileServer();
    await using server = await runningApp({ outboxEveryMs: 20 });
    withStore(server.app.places.dataDir, (store) => {
      allow(store.settings, { purpose: "mlflow", url: hostile.url, mayBePrivate: true }, 1);
      store.outbox.open("mlflow", 1);
      store.outbox.add("mlflow", "alias", "champion");
    });
    let nAsked = 0;
    const asked = Promise.withResolvers<void>();
    hostile.behave(() => {
      nAsked++;
      asked.resolve();
    });
    await asked.promise;
    const session = sampleSession();
    const { status, body } = await server.call("POST", "/v1/events", { events: session.story("shown accepted") });
    assert.equal(status, 200);
    assert.deepEqual(
      body.results.map((one: { status: string }) => one.status),
      ["accepted", "accepted"],
    );
    assert.equal(nAsked, 1, "one question at a time");
  });
});
