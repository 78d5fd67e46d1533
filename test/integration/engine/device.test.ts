import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { createRandom } from "../../../core/statistics/random.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import type { Provider } from "../../../engine/devices/device.ts";
import { createFindingCache } from "../../../engine/devices/finding-cache.ts";
import { describeFinding, type Finding } from "../../../engine/devices/finding.ts";
import { probeProvider } from "../../../engine/devices/probe.ts";
import { openModel } from "../../../engine/generate/model.ts";
import { packBatches } from "../../../engine/optim/packing.ts";
import { startEngineProcess } from "../../../engine/process/host.ts";
import { createTrainer, imitated } from "../../../engine/training/trainer.ts";
import { diagnose } from "../../../server/cli/doctor.ts";
import { ENGINE_ENTRY, STATEMENT_REQUEST } from "../../support/engine-request.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

/** Vulkan's loader finds no driver by this, so WebGPU no device, whatever the machine has. */
const WITHOUT_VULKAN = { ...process.env, VK_ICD_FILENAMES: "/nonexistent.json", VK_DRIVER_FILES: "/nonexistent.json" };

/** A provider that no build of ONNX Runtime for this platform has. */
const ABSENT: Provider = process.platform === "win32" ? "cuda" : "dml";

const never = new AbortController().signal;
const REQUEST = { ...STATEMENT_REQUEST, maxTokens: 8 };

describe("devices", function () {
  this.timeout(120_000);

  const folder = createTinyModel();
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-device-"));
  after(() => {
    folder[Symbol.dispose]();
    rmSync(dir, { recursive: true, force: true });
  });
  // What is found out here is no one else's.
  const cacheHome = process.env["XDG_CACHE_HOME"];
  before(() => void (process.env["XDG_CACHE_HOME"] = dir));
  after(() => {
    delete process.env["XDG_CACHE_HOME"];
    if (cacheHome !== undefined) process.env["XDG_CACHE_HOME"] = cacheHome;
  });
  const notices: { code: string | undefined; message: string }[] = [];
  const listen = (warning: Error & { code?: string }) => notices.push({ code: warning.code, message: warning.message });
  before(() => void process.on("warning", listen));
  after(() => void process.off("warning", listen));
  beforeEach(() => void notices.splice(0));
  /** Warnings are emitted in the next tick. */
  const codes = () => new Promise<unknown[]>((resolve) => setImmediate(() => resolve(notices.map(({ code }) => code))));

  it("are tried in a process of their own, and the CPU answers there", async () => {
    const finding = await probeProvider("cpu");
    assert.ok(finding.state === "ready", JSON.stringify(finding));
    assert.ok(!finding.isSoftware && finding.error === 0 && finding.gflops > 0);
  });

  it("that are not there are found missing, with the reason", async () => {
    const webgpu = await probeProvider("webgpu", { env: WITHOUT_VULKAN });
    if (process.platform === "linux" && process.arch === "x64") {
      assert.ok(webgpu.state === "no-device", JSON.stringify(webgpu));
      assert.match(webgpu.message, /adapter/);
      assert.doesNotMatch(webgpu.message, /onnxruntime_src/);
    }
    assert.deepEqual(await probeProvider(ABSENT), { provider: ABSENT, state: "not-listed" });
  });

  const failing = async (script: string, deadlineMs?: number) => {
    const entry = path.join(dir, "probe.cjs");
    writeFileSync(entry, script);
    const finding = await probeProvider("cpu", { entry, ...(deadlineMs ? { deadlineMs } : {}) });
    assert.ok(finding.state === "failed", JSON.stringify(finding));
    return finding.message;
  };
  it("whose driver aborts, ends or never answers fail the probe and nothing else", async () => {
    assert.match(await failing(`process.once("message", () => process.abort())`), /ended with/);
    assert.match(await failing(`console.error("out of memory"); process.exit(3)`), /code 3: out of memory/);
    assert.match(await failing(`process.on("message", () => {})`, 1_000), /no answer within 1 s/);
  });

  it("that took two processes with them are left alone, until someone tries them anew", async () => {
    const attempts = path.resolve(import.meta.dirname, "../../../engine/devices/attempts.ts");
    const cacheDir = path.join(dir, "findings");
    const crash = (...steps: string[]) =>
      spawnSync(process.execPath, ["--input-type=module-typescript", "--eval", steps.join(";")], { encoding: "utf8" });
    const begin = [
      `import { createAttempts } from ${JSON.stringify(pathToFileURL(attempts).href)}`,
      `const attempts = createAttempts(${JSON.stringify(cacheDir)})`,
      `attempts.begin("webgpu")`,
    ];
    const probe = (provider: Provider): Promise<Finding> =>
      Promise.resolve({ provider, state: "no-device", message: "probed" });
    const cache = createFindingCache({ folder: cacheDir, probe });
    const expect = async (message: RegExp, finding = cache.find("webgpu")) =>
      assert.match(describeFinding(await finding), message);

    assert.notEqual(crash(...begin, "process.abort()").status, 0);
    await expect(/probed/);
    crash(...begin, `attempts.end("webgpu")`);
    crash(...begin, "process.abort()");
    await expect(/probed/);
    crash(...begin, "process.abort()");
    await expect(/2 processes ended before their first result/);
    await expect(/probed/, cache.refresh("webgpu"));
    await expect(/probed/);
  });

  it("that cannot be used leave the model to the CPU, which says so", async () => {
    await using expected = await openModel(folder.dir, { threads: 1, device: "cpu" });
    await using model = await openModel(folder.dir, { threads: 1, device: ABSENT });
    assert.deepEqual([model.device.provider, model.device.isFallback], ["cpu", true]);
    assert.deepEqual(await codes(), ["device-unavailable"]);
    assert.equal((await model.complete(REQUEST, never)).text, (await expected.complete(REQUEST, never)).text);
  });

  it("that fail to initialise leave training to the CPU, with the same bytes", async () => {
    const train = async (provider: Provider) => {
      const shape = { nRows: 1, rowTokens: 16, nTargets: 8 };
      const adamW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 };
      await using trainer = await createTrainer(loadCheckpoint(folder.dir), {
        trained: { kind: "lora", rank: 2, alpha: 4 },
        objective: { kind: "sft" },
        shape,
        adamW,
        random: createRandom(1),
        threads: 1,
        provider,
      });
      const [batch] = packBatches([{ ids: [40, 41, 42, 43, 44], targets: [2, 3, 4], weight: 1 }], shape);
      const { loss } = await trainer.step([imitated(batch!)], 0.01);
      return [loss, Buffer.from(trainer.theta.buffer).toString("hex")];
    };
    assert.deepEqual(await train(ABSENT), await train("cpu"));
    assert.deepEqual(await codes(), ["device-failed"]);
    assert.match(notices[0]!.message, new RegExp(`^${ABSENT} could not compile.*going on with the CPU`));
  });

  it("are in the doctor's report beside the model's dialect, where only one that was asked for can be wrong", async () => {
    const examine = async (device: string) => {
      process.env["KEPT_DEVICE"] = device;
      try {
        const checks = await diagnose({ dataDir: path.join(dir, "data"), modelDir: folder.dir });
        const { fillInTheMiddle, detail } = checks.find(({ name }) => name === "fill in the middle")!;
        assert.deepEqual([fillInTheMiddle, detail], ["qwen2.5-coder", "qwen2.5-coder, prefix first"]);
        return new Map(checks.filter(({ name }) => name.startsWith("device")).map((one) => [one.name, one]));
      } finally {
        delete process.env["KEPT_DEVICE"];
      }
    };
    const found = await examine("auto");
    assert.deepEqual([...found.keys()], ["device", "device cpu", "device webgpu", "device cuda", "device dml"]);
    assert.ok([...found.values()].every(({ ok }) => ok));
    assert.match(found.get("device")!.detail, /^cpu \(asked for: auto\); inference of .* is faster here/);
    assert.deepEqual(found.get("device cpu")!.provider!.chosenFor.slice(0, 2), ["inference", "training"]);
    assert.equal(found.get(`device ${ABSENT}`)!.provider!.state, "not-listed");

    const wrong = await examine(ABSENT);
    assert.deepEqual(
      [...wrong.values()].filter(({ ok }) => !ok).map(({ name }) => name),
      ["device", `device ${ABSENT}`],
    );
    assert.match((await examine("gpu")).get("device")!.detail, /There is no device called gpu/);
  });

  const serve = async (device: string) => {
    const told: string[] = [];
    const env = { ...WITHOUT_VULKAN, KEPT_DEVICE: device };
    const before = { ...process.env };
    Object.assign(process.env, env);
    try {
      using engine = await startEngineProcess({
        entry: ENGINE_ENTRY,
        modelDir: folder.dir,
        threads: 1,
        onNotice: (notice) => told.push(notice),
      });
      return { told, text: (await engine.complete(REQUEST, never)).text };
    } finally {
      for (const name of Object.keys(env)) delete process.env[name];
      Object.assign(process.env, before);
    }
  };
  it("of the engine process are what KEPT_DEVICE names, or the CPU with a notice to the host", async () => {
    const [quiet, fallen] = [await serve("cpu"), await serve(ABSENT)];
    assert.deepEqual(quiet.told, []);
    assert.equal(fallen.told.length, 1);
    assert.match(fallen.told[0]!, /Running on the CPU.*\[device-unavailable\]/);
    assert.equal(fallen.text, quiet.text);
    await assert.rejects(serve("gpu"), { code: "device-invalid" });
  });
});
