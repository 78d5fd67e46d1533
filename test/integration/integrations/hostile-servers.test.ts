import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { Readable } from "node:stream";
import { connectEndpoint } from "../../../extension/suggest/endpoint/endpoint-engine.ts";
import { openConnectionLog } from "../../../server/egress/connection-log.ts";
import { openEgress } from "../../../server/egress/egress.ts";
import type { EgressPurpose } from "../../../server/egress/permit.ts";
import { PROBLEM_CODES } from "../../../server/http/problem-codes.ts";
import { connectMlflow } from "../../../server/integrations/mlflow/integration.ts";
import { pullVersion } from "../../../server/integrations/mlflow/pull.ts";
import { pullModel } from "../../../server/hub/pull.ts";
import { pullFromHub, pushToHub } from "../../../server/integrations/huggingface/hub-folder.ts";
import { startWorkflow } from "../../../server/integrations/ci/dispatch.ts";
import { serveLora } from "../../../server/integrations/llama-cpp/lora-adapters.ts";
import { listRemote, pullFolder, pushFolder } from "../../../server/integrations/s3/s3-remote.ts";
import { takePulled } from "../../../server/models/take-version.ts";
import { loadLora } from "../../../server/integrations/vllm/lora-adapters.ts";
import { writeRandomAdapter } from "../../server/adapted-app.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { ENGINE_ENTRY as entry } from "../../support/engine-request.ts";
import { s3Client } from "../../support/s3-suite.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

/** Limits of a second, so that slow is seen soon. */
const LIMITS = { answerMs: 1_500, windowMs: 500, bytesPerWindow: 200 } as const;

/** What another system may answer to everything that it is asked. */
const HOSTILE: Record<string, (response: ServerResponse, canary: string) => void> = {
  "hostile JSON": (response) =>
    json(
      response,
      `{"__proto__":{"ok":true},"constructor":{"prototype":{}},"data":[{"id":{"a":[[[[1]]]]}}],"choices":"x"}`,
    ),
  "another shape": (response) => json(response, "[1,2,3]"),
  "half a JSON": (response) => json(response, '{"data":[{"id":"a'),
  "deep JSON": (response) => json(response, "[".repeat(200_000)),
  HTML: (response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><h1>Log in</h1>"),
  "an empty answer": (response) => response.writeHead(200).end(),
  "a prototype": (response) =>
    json(response, '{"__proto__":{"ok":true},"constructor":{"prototype":{"ok":true}},"sha":7,"siblings":null}'),
  "what is no UTF-8": (response) =>
    response.writeHead(200, { "Content-Type": "application/json" }).end(Buffer.from([0x22, 0xff, 0xfe, 0x22])),
  "XML that grows": (response) => response.writeHead(200, { "Content-Type": "application/xml" }).end(LAUGHS),
  "HTML with 404": (response) => response.writeHead(404, { "Content-Type": "text/html" }).end("<h1>Not here</h1>"),
  "a redirect, 302": (response, canary) => response.writeHead(302, { Location: canary }).end(),
  "a redirect that keeps the body, 307": (response, canary) => response.writeHead(307, { Location: canary }).end(),
  "401": (response) => response.writeHead(401).end('{"error":"who are you"}'),
  "403": (response) => response.writeHead(403).end('{"error":"not you"}'),
  "429": (response) => response.writeHead(429, { "Retry-After": "1000000" }).end("{}"),
  "500": (response) => response.writeHead(500).end("broken"),
  "503 with HTML": (response) => response.writeHead(503, { "Content-Type": "text/html" }).end("<h1>Down</h1>"),
  "a body without end": (response) => {
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": String(10 * 1024 ** 3) });
    Readable.from(endless()).pipe(response);
  },
  "a slow drip": (response) => {
    response.writeHead(200, { "Content-Type": "application/json" });
    const timer = setInterval(() => response.write(" "), 100);
    response.once("close", () => clearInterval(timer));
  },
  "no answer": () => {},
  "a connection that breaks": (response) => {
    response.writeHead(200, { "Content-Length": "1000" }).write("{");
    setImmediate(() => response.destroy());
  },
};

/** Entities of entities: four gigabytes for who resolves them. */
const LAUGHS = `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "${"ha".repeat(500)}">${["b", "c", "d", "e", "f"]
  .map((name, i) => `<!ENTITY ${name} "${`&${"abcde"[i]};`.repeat(20)}">`)
  .join("")}]><ListBucketResult><Contents><Key>&f;</Key></Contents></ListBucketResult>`;

function* endless(): Generator<Buffer> {
  const piece = Buffer.alloc(256 * 1024, "[");
  for (;;) yield piece;
}

const json = (response: ServerResponse, text: string) =>
  response.writeHead(200, { "Content-Type": "application/json" }).end(text);

describe("hostile answers of other systems", function () {
  this.timeout(60_000);
  const model = createTinyModel();
  let hostile: Server;
  let canary: Server;
  let nStolen = 0;
  let answer: (response: ServerResponse, canary: string) => void;
  /** What it answers well, so that a call comes as far as what it does not; null where it is hostile. */
  let polite: (url: string) => string | null = () => null;
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const at = (...names: string[]) => path.join(folder.dir, ...names);
  const listening = (server: Server) =>
    new Promise<Server>((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));

  before(async () => {
    hostile = await listening(
      createServer((request, response) => {
        request.resume();
        response.on("error", () => {});
        // A body that nobody can see is none.
        if (request.method === "HEAD") response.write = () => false;
        const wellBehaved = polite(request.url ?? "");
        if (wellBehaved !== null) return void json(response, wellBehaved);
        answer(response, `${urlOf(canary)}/stolen`);
      }),
    );
    canary = await listening(createServer((_, response) => void (nStolen++, response.end("{}"))));
    folder = await tempFolder();
    writeRandomAdapter(at("adapter"), model.dir);
    mkdirSync(at("thing"));
    writeFileSync(at("thing", "rows.jsonl"), '{"a":1}\n');
  });
  after(async () => {
    for (const server of [hostile, canary]) {
      server.closeAllConnections();
      server.close();
    }
    await folder[Symbol.asyncDispose]();
    model[Symbol.dispose]();
  });

  const egress = (purpose: EgressPurpose) => {
    const permit = { purpose, origin: urlOf(hostile), mayBePrivate: true, redirects: "none" } as const;
    return openEgress({ permits: () => [permit], log: openConnectionLog(at("egress.jsonl")) });
  };
  const server = () => ({
    egress: egress("model-server"),
    url: new URL(urlOf(hostile)),
    signal: AbortSignal.timeout(30_000),
    limits: { ...LIMITS, maxBytes: 1024 * 1024 },
  });
  const bucket = () =>
    s3Client(
      { url: urlOf(hostile), bucket: "team", env: { AWS_ACCESS_KEY_ID: "k", AWS_SECRET_ACCESS_KEY: "s" } },
      at("egress.jsonl"),
      { limits: LIMITS },
    );
  const hub = () => ({
    egress: egress("hub"),
    hubUrl: new URL(urlOf(hostile)),
    token: "hf_x",
    signal: AbortSignal.timeout(30_000),
    limits: LIMITS,
  });

  const mlflow = () =>
    connectMlflow({
      base: new URL(urlOf(hostile)),
      egress: egress("mlflow"),
      env: {},
      signal: AbortSignal.timeout(30_000),
      limits: LIMITS,
    });
  const VERSION = {
    name: "kept",
    version: "1",
    source: "mlflow-artifacts:/1/r/artifacts/adapter",
    run_id: "r",
    tags: [],
  };

  /** Everything that asks another system. Each ends in an error with a documented code. */
  const CALLS: Record<string, () => Promise<unknown>> = {
    "S3: push": () =>
      pushFolder(bucket(), { kind: "datasets", name: "one", dir: at("thing") }, "2026-01-01T00:00:00.000Z"),
    "S3: pull": () => pullFolder(bucket(), { kind: "datasets", name: "one", out: at("back") }),
    "S3: list": () => listRemote(bucket(), "datasets"),
    "hub: push": () =>
      pushToHub({ kind: "adapter", repo: "me/thing", dir: at("adapter"), isPublic: false, title: "Push" }, hub()),
    "hub: pull": () => pullFromHub({ kind: "adapter", repo: "me/thing", revision: "main", out: at("back") }, hub()),
    "hub: pull a base model": () =>
      pullModel({
        repo: "me/base",
        revision: "main",
        modelsDir: at("models"),
        maxBytes: 1e9,
        hub: hub(),
        onProgress: () => {},
      }),
    "hub: pull an adapter as a version": () =>
      takePulled(at("data"), model.dir, "hub-invalid", (out) =>
        pullFromHub({ kind: "adapter", repo: "me/thing", revision: "main", out }, hub()),
      ),
    "S3: pull an adapter as a version": () =>
      takePulled(at("data"), model.dir, "remote-invalid", (out) =>
        pullFolder(bucket(), { kind: "adapters", name: "one", out }),
      ),
    "MLflow: pull a version": () => pullVersion(mlflow(), "kept", { alias: "champion" }),
    "MLflow: pull a version whose files are hostile": () => {
      polite = (url) => (url.includes("mlflow-artifacts") ? null : JSON.stringify({ model_version: VERSION }));
      return pullVersion(mlflow(), "kept", { alias: "champion" });
    },
    "llama.cpp: serve an adapter": () => serveLora(server(), "a.gguf", 1),
    "a host of workflows: start one": () =>
      startWorkflow({
        ci: { name: "mine", annotations: 3, dispatchUrl: `${urlOf(hostile)}/repos/o/r/dispatches`, ref: "main" },
        annotations: 3,
        egress: egress("ci"),
        token: "for-the-host",
        signal: AbortSignal.timeout(30_000),
        limits: { ...LIMITS, maxBytes: 1024 * 1024 },
      }),
    "vLLM: load an adapter": () => loadLora(server(), "kept-1", "/srv/a"),
  };

  for (const [name, ask] of Object.entries(CALLS)) {
    describe(name, () => {
      for (const [how, hostileAnswer] of Object.entries(HOSTILE)) {
        it(`${how}: ends with a documented code, and changes nothing`, async () => {
          answer = hostileAnswer;
          polite = () => null;
          const before = readdirSync(at("thing"));
          let turns = 0;
          const loop = setInterval(() => turns++, 20);
          const began = performance.now();
          const error = await ask().then(
            () => null,
            (thrown: unknown) => thrown as { code?: string; message: string },
          );
          const ms = performance.now() - began;
          clearInterval(loop);
          assert.ok(error !== null, "it believed the answer");
          assert.ok(Object.hasOwn(PROBLEM_CODES, error.code ?? ""), `${error.code}: ${error.message}`);
          // The loop went on meanwhile.
          assert.ok(turns >= Math.floor(ms / 300), `${turns} turns in ${ms} ms`);
          assert.equal(({} as { ok?: boolean }).ok, undefined);
          assert.deepEqual(readdirSync(at("thing")), before);
          assert.ok(!readdirSync(folder.dir).includes("back"));
          const pulled = existsSync(at("models")) ? readdirSync(at("models")) : [];
          assert.deepEqual(
            pulled.filter((one) => !one.startsWith(".")),
            [],
          );
          assert.ok(!existsSync(at("data")), "nothing of it came as far as the store");
          assert.equal(nStolen, 0);
        });
      }
    });
  }

  describe("the editor's suggestions from a model server", () => {
    const GOOD = JSON.stringify({ object: "list", data: [{ id: "m", object: "model", owned_by: "llamacpp" }] });
    for (const [how, hostileAnswer] of Object.entries(HOSTILE)) {
      it(`${how}: no suggestion, a word in the log, and suggestions again when the server is well`, async () => {
        let isWell = true;
        polite = () => null;
        answer = (response, to) => (isWell ? json(response, GOOD) : hostileAnswer(response, to));
        const said: string[] = [];
        let onReady = Promise.withResolvers<void>();
        using engine = connectEndpoint({
          url: new URL(urlOf(hostile)),
          model: "",
          protocol: "infill",
          key: () => Promise.resolve("secret"),
          entry,
          onState: (state) => state === "ready" && onReady.resolve(),
          log: (message) => said.push(message),
          deadlineMs: 1_500,
        });
        await onReady.promise;
        onReady = Promise.withResolvers<void>();
        isWell = false;
        const request = {
          prefix: "const a = ",
          suffix: "",
          path: "a.ts",
          repository: "",
          examples: [],
          maxTokens: 8,
          lines: "single",
        } as const;
        const made = await engine.complete(request, AbortSignal.timeout(20_000));
        assert.equal(made, null);
        assert.ok(
          said.some((line) => /\[endpoint-(unreachable|unauthorized|invalid|refused)\]$/.test(line)),
          said.join("\n"),
        );
        assert.ok(!said.join("\n").includes("secret"));
        answer = (response) =>
          json(
            response,
            JSON.stringify({
              ...(JSON.parse(GOOD) as object),
              content: "1;",
              stop_type: "eos",
              tokens_predicted: 2,
              tokens_evaluated: 5,
            }),
          );
        if (engine.state !== "ready") await onReady.promise;
        const again = await engine.complete(request, AbortSignal.timeout(20_000));
        assert.equal(again?.text, "1;");
        assert.equal(nStolen, 0);
      });
    }
  });
});
