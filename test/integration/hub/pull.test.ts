import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { openConnectionLog, readConnections } from "../../../server/egress/connection-log.ts";
import { openEgress } from "../../../server/egress/egress.ts";
import { hubPermit, type HubLimits } from "../../../server/hub/hub-fetch.ts";
import { pulledModels } from "../../../server/hub/pulled-models.ts";
import { pullModel, type PullRequest } from "../../../server/hub/pull.ts";
import { runCli } from "../../server/server-process.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { COMMIT, sendBytes, startTestHub, type TestHub } from "../../support/test-hub.ts";
import { createTinyModel } from "../../support/tiny-model.ts";
import { spawn } from "node:child_process";
import { once } from "node:events";

const FILES = ["config.json", "tokenizer.json", "model.safetensors"];
const FOLDER = `owner--name@${COMMIT.slice(0, 12)}`;
const LIMITS: HubLimits = { answerMs: 10_000, windowMs: 10_000, bytesPerWindow: 1 };

describe("pulling a model", function () {
  this.timeout(60_000);
  const model = createTinyModel();
  after(() => model[Symbol.dispose]());
  let hub: TestHub;
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  beforeEach(async () => {
    hub = await startTestHub(model.dir, FILES);
    folder = await tempFolder();
  });
  afterEach(async () => {
    await hub[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const egressLog = () => path.join(folder.dir, "egress.jsonl");
  const modelsDir = () => path.join(folder.dir, "models");
  const weightBytes = () => hub.files.get("model.safetensors")!.length;
  const pull = (
    change: Partial<PullRequest> & { limits?: HubLimits; token?: string; signal?: AbortSignal; storage?: URL } = {},
  ) =>
    pullModel({
      repo: "owner/name",
      revision: "main",
      modelsDir: modelsDir(),
      maxBytes: 1e9,
      onProgress: () => {},
      ...change,
      hub: {
        egress: openEgress({
          permits: () => [hub.url, ...(change.storage ? [change.storage] : [])].map((url) => hubPermit(url, true)),
          log: openConnectionLog(egressLog()),
        }),
        hubUrl: hub.url,
        token: change.token ?? null,
        signal: change.signal ?? new AbortController().signal,
        limits: change.limits ?? LIMITS,
      },
    });
  const rejects = (code: string, change: Parameters<typeof pull>[0] = {}, word = "") =>
    assert.rejects(pull(change), (error: Error & { code?: string }) => {
      assert.equal(error.code, code, error.stack);
      assert.ok(error.message.includes(word), error.message);
      assert.deepEqual(pulledModels(modelsDir()), []);
      assert.equal(existsSync(path.join(modelsDir(), FOLDER)), false);
      return true;
    });

  it("brings a whole model that the engine loads, and says how far it is", async () => {
    const progress: number[] = [];
    const { dir, commit } = await pull({ onProgress: (done, all) => progress.push(done / all) });
    assert.equal(path.basename(dir), FOLDER);
    assert.equal(commit, COMMIT);
    for (const name of FILES)
      assert.deepEqual(readFileSync(path.join(dir, name)), readFileSync(path.join(model.dir, name)));
    assert.equal(loadCheckpoint(dir).sha256, loadCheckpoint(model.dir).sha256);
    assert.equal(progress.at(-1), 1);
    assert.ok(progress.every((value, i) => i === 0 || value >= progress[i - 1]!));
    assert.deepEqual(readdirSync(modelsDir()), [FOLDER]);
    assert.deepEqual(
      pulledModels(modelsDir()).map(({ repo }) => repo),
      ["owner/name"],
    );
  });
  it("fetches nothing again that is there already", async () => {
    await pull();
    hub.seen.length = 0;
    await pull();
    assert.equal(hub.seen.length, 1);
  });
  it("takes no pickles, scripts or copies of the weights", async () => {
    for (const name of [
      "pytorch_model.bin",
      "x.pkl",
      "modeling.py",
      "consolidated.safetensors",
      ".hidden.json",
      "a.json",
    ])
      hub.files.set(name, Buffer.from("evil"));
    hub.files.set("README.md", Buffer.from("# Model\n"));
    hub.files.set("../escape.json", Buffer.from("{}"));
    const { dir } = await pull();
    assert.deepEqual(readdirSync(dir).toSorted(), [...FILES, "README.md", "kept-model.json"].toSorted());
  });
  it("goes on after an interruption where it stopped", async () => {
    const stop = new AbortController();
    hub.trick = (_request, response, at) => {
      if (at !== "/storage/model.safetensors" || _request.headers.range === "bytes=0-0") return false;
      response.writeHead(200, { "Content-Length": weightBytes() });
      response.write(hub.files.get("model.safetensors")!.subarray(0, 1_000));
      return true;
    };
    const small = FILES.slice(0, 2).reduce((sum, name) => sum + hub.files.get(name)!.length, 0);
    await assert.rejects(
      pull({ signal: stop.signal, onProgress: (done) => done >= small + 1_000 && stop.abort(new Error("stop")) }),
      /stop/,
    );
    assert.deepEqual(readdirSync(modelsDir()), [`.pulling-${FOLDER}`]);
    const partial = path.join(modelsDir(), `.pulling-${FOLDER}`, "model.safetensors.part");
    assert.equal(statSync(partial).size, 1_000);

    hub.trick = null;
    hub.seen.length = 0;
    const { dir } = await pull();
    const ranges = hub.seen.filter(({ path: at }) => at === "/storage/model.safetensors").map(({ range }) => range);
    assert.deepEqual(ranges, ["bytes=0-0", `bytes=1000-${weightBytes() - 1}`]);
    assert.equal(loadCheckpoint(dir).sha256, loadCheckpoint(model.dir).sha256);
    assert.equal(
      hub.seen.some(({ path: at }) => at.includes("tokenizer.json")),
      false,
    );
  });
  it("keeps no byte of a hub that ignores the range it was asked for", async () => {
    const waiting = path.join(modelsDir(), `.pulling-${FOLDER}`);
    mkdirSync(waiting, { recursive: true });
    writeFileSync(path.join(waiting, "model.safetensors.part"), hub.files.get("model.safetensors")!.subarray(0, 500));
    hub.trick = (request, response, at) => {
      if (at !== "/storage/model.safetensors" || request.headers.range === "bytes=0-0") return false;
      delete request.headers.range;
      sendBytes(request, response, hub.files.get("model.safetensors")!);
      return true;
    };
    await rejects("hub-invalid", {}, "range");
    await pull();
  });
  it("throws a file away whose bytes have another hash, in large storage and in git", async () => {
    for (const name of ["config.json", "model.safetensors"]) {
      const bytes = Buffer.from(hub.files.get(name)!);
      bytes[bytes.length - 3]! ^= 1;
      hub.trick = (request, response, at) => {
        if (!at.endsWith(name) || (name === "model.safetensors" && !at.startsWith("/storage/"))) return false;
        sendBytes(request, response, bytes);
        return true;
      };
      await rejects("hub-invalid", {}, name);
      assert.equal(readdirSync(path.join(modelsDir(), `.pulling-${FOLDER}`)).includes(`${name}.part`), false);
    }
    hub.trick = null;
    await pull();
  });
  it("lets two pulls of one model end with the same folder", async () => {
    const [one] = await Promise.allSettled([pull(), pull()]);
    const { dir } = await pull();
    assert.equal(path.basename(dir), FOLDER, String(one.status));
    assert.equal(loadCheckpoint(dir).sha256, loadCheckpoint(model.dir).sha256);
  });
  it("notices that what an earlier pull brought has changed on the disk", async () => {
    const waiting = path.join(modelsDir(), `.pulling-${FOLDER}`);
    mkdirSync(waiting, { recursive: true });
    writeFileSync(path.join(waiting, "tokenizer.json"), Buffer.alloc(hub.files.get("tokenizer.json")!.length));
    const { dir } = await pull();
    assert.deepEqual(readFileSync(path.join(dir, "tokenizer.json")), hub.files.get("tokenizer.json"));
  });
  it("tells a missing model, a closed one, and a page instead of a hub apart", async () => {
    const answer = (status: number, type = "application/json", body = '{"error":"x"}') => {
      hub.trick = (_request, response) => {
        response.writeHead(status, { "Content-Type": type }).end(body);
        return true;
      };
    };
    answer(404);
    await rejects("not-found");
    answer(401);
    await rejects("hub-unauthorized");
    answer(503);
    await rejects("hub-unreachable");
    answer(200, "text/html", "<!doctype html><title>Sign in</title>");
    await rejects("hub-invalid");
    answer(200, "application/json", "{}");
    await rejects("hub-invalid");
    answer(200, "application/json", "[".repeat(100_000));
    await rejects("hub-invalid");
  });
  it("ends a drip, and an answer that never comes", async () => {
    hub.trick = (_request, response, at) => {
      if (at !== "/storage/model.safetensors" || _request.headers.range === "bytes=0-0") return false;
      response.writeHead(200, { "Content-Length": weightBytes() });
      const drip = setInterval(() => response.write("x"), 5);
      response.on("close", () => clearInterval(drip));
      return true;
    };
    await rejects("hub-unreachable", { limits: { answerMs: 10_000, windowMs: 50, bytesPerWindow: 1_000_000 } }, "sent");
    hub.trick = () => true;
    await rejects("hub-unreachable", { limits: { ...LIMITS, answerMs: 50 } }, "did not answer");
  });
  it("gives up on a connection that breaks, and goes on with what came", async () => {
    hub.trick = (_request, response, at) => {
      if (at !== "/storage/model.safetensors" || _request.headers.range === "bytes=0-0") return false;
      response.writeHead(200, { "Content-Length": weightBytes() });
      response.write(hub.files.get("model.safetensors")!.subarray(0, 700), () =>
        setImmediate(() => response.destroy()),
      );
      return true;
    };
    await rejects("hub-unreachable");
    hub.trick = null;
    await pull();
  });
  it("writes down every connection, without paths and tokens, and those that were refused", async () => {
    await pull({ token: "secret-token" });
    hub.trick = (_request, response) => {
      response.writeHead(307, { Location: "https://10.0.0.1/x" }).end();
      return true;
    };
    await assert.rejects(pull({ revision: "other" }), { code: "hub-invalid" });
    const [refused, redirected, ...others] = readConnections(egressLog(), 100);
    assert.deepEqual([refused?.to, refused?.outcome, refused?.address], ["https://10.0.0.1", "refused", null]);
    assert.deepEqual([redirected?.status, redirected?.outcome], [307, "answered"]);
    assert.equal(others.length, hub.seen.length - 1);
    assert.ok(others.every(({ to, outcome }) => to === hub.url.origin && outcome === "answered"));
    assert.ok(others.some(({ receivedBytes }) => receivedBytes === weightBytes()));
    const text = readFileSync(egressLog(), "utf8");
    assert.equal(/secret-token|model\.safetensors|owner/.test(text), false);
  });
  it("refuses redirects to addresses inside, to other schemes, and in circles", async () => {
    for (const target of [
      "http://169.254.169.254/latest/meta-data",
      "https://10.0.0.1/x",
      "https://[::1]/x",
      "https://2130706434/x",
      "https://0x7f.3/x",
      "https://[::ffff:127.0.0.1]/x",
      "file:///etc/passwd",
      "http://user:secret@127.0.0.1/x",
      "/circle",
    ]) {
      hub.trick = (_request, response) => {
        response.writeHead(307, { Location: target }).end();
        return true;
      };
      if (target.includes("127.0.0.1/x") && target.startsWith("http:")) {
        await rejects("hub-invalid", {}, "not safe");
      } else await rejects("hub-invalid");
    }
  });
  it("checks a redirect's name where it connects: localhost is inside", async () => {
    hub.trick = (_request, response) => {
      response.writeHead(302, { Location: `https://localhost:${hub.url.port}/x` }).end();
      return true;
    };
    await rejects("hub-invalid", {}, "localhost");
  });
  it("shows the token to the hub's own origin alone", async () => {
    await using storage = await startTestHub(model.dir, FILES);
    hub.trick = (_request, response, at) => {
      if (!at.endsWith("/model.safetensors")) return false;
      response.writeHead(302, { Location: new URL("/storage/model.safetensors", storage.url).href }).end();
      return true;
    };
    await pull({ token: "secret-token", storage: storage.url });
    assert.ok(hub.seen.every(({ token }) => token === "Bearer secret-token"));
    assert.ok(storage.seen.length > 0 && storage.seen.every(({ token }) => token === undefined));
  });
  it("refuses a model that is too large, one that cannot be run, and a name that is a path", async () => {
    await rejects("too-large", { maxBytes: 1_000 });
    await rejects("invalid", { repo: "../../etc" });
    await rejects("invalid", { repo: "a/b/c" });
    await rejects("invalid", { revision: "../x" });
    hub.files.set("config.json", Buffer.from('{"architectures":["EvilForCausalLM"]}'));
    await rejects("model-unsupported");
    assert.equal(
      hub.seen.some(({ path: at }) => at.startsWith("/storage/model")),
      false,
    );
    hub.files.set("config.json", readFileSync(path.join(model.dir, "config.json")));
    hub.files.set("tokenizer.json", Buffer.from("{}"));
    await rejects("tokenizer-invalid");
    assert.equal(
      hub.seen.some(({ path: at }) => at.startsWith("/storage/model")),
      false,
    );
    hub.files.delete("model.safetensors");
    await rejects("hub-invalid", {}, "safetensors");
  });

  describe("from the command line", () => {
    const kept = (...args: string[]) => runCli(["--data-dir", folder.dir, "models", ...args]);
    it("prints the folder, lists it, and takes it as a base model", async () => {
      const { code, stdout, stderr } = await kept("pull", "owner/name@main", "--hub-url", hub.url.href);
      assert.equal(code, 0, stderr);
      assert.equal(stdout.trim(), path.join(modelsDir(), FOLDER));
      const list = JSON.parse((await kept("list", "--base", "--json")).stdout) as { models: { dir: string }[] };
      assert.deepEqual(
        list.models.map(({ dir }) => dir),
        [stdout.trim()],
      );
      assert.match((await kept("list", "--base")).stdout, /owner\/name +0123456789ab/);
      const doctor = await runCli(["--data-dir", folder.dir, "doctor", "--json", "--model-dir", stdout.trim()]);
      const { checks } = JSON.parse(doctor.stdout) as { checks: { name: string; ok: boolean }[] };
      assert.equal(checks.find(({ name }) => name === "base model")?.ok, true);
    });
    it("exit codes: wrong usage 1 and 2, not found 3", async () => {
      assert.equal((await kept("pull", "owner/other", "--hub-url", hub.url.href)).code, 3);
      assert.equal((await kept("pull", "owner/name", "--hub-url", "http://example.com")).code, 1);
      assert.equal((await kept("pull", "owner/name", "--max-gb", "many")).code, 2);
    });
    it("ends with 130 on Ctrl+C and leaves nothing half there", async () => {
      const child = spawn(
        process.execPath,
        ["server/cli.ts", "--data-dir", folder.dir, "models", "pull", "owner/name", "--hub-url", hub.url.href],
        { cwd: path.resolve(import.meta.dirname, "../../.."), stdio: ["ignore", "ignore", "pipe"] },
      );
      hub.trick = (request, response, at) => {
        if (at !== "/storage/model.safetensors" || request.headers.range === "bytes=0-0") return false;
        response.writeHead(200, { "Content-Length": weightBytes() });
        response.write(hub.files.get("model.safetensors")!.subarray(0, 100), () => child.kill("SIGINT"));
        return true;
      };
      let said = "";
      child.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
      const [code] = (await once(child, "close")) as [number];
      assert.equal(code, 130, said);
      assert.match(said, /Nothing was added/);
      assert.deepEqual(pulledModels(modelsDir()), []);
    });
  });
});
