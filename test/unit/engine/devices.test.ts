import assert from "node:assert/strict";
import fc from "fast-check";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { buildInferenceGraph } from "../../../engine/architectures/inference-graph.ts";
import { buildBlockGraphs } from "../../../engine/architectures/training-graph.ts";
import {
  AUTO_MIN_ADVANTAGE,
  AUTO_MIN_PARAMETERS,
  AUTO_ORDER,
  chooseProvider,
  type Workload,
} from "../../../engine/devices/choice.ts";
import { createComputeDevice } from "../../../engine/devices/compute-device.ts";
import { PROVIDERS, requestedDevice, type Device, type Provider } from "../../../engine/devices/device.ts";
import { createFindingCache, machineKey } from "../../../engine/devices/finding-cache.ts";
import { describeFinding, remedy, type Finding, type Ready } from "../../../engine/devices/finding.ts";
import { deviceForModel } from "../../../engine/devices/model-device.ts";
import type { Notice } from "../../../engine/devices/notice.ts";
import { judge } from "../../../engine/devices/probe.ts";
import type { Graph } from "../../../engine/graph/graph.ts";
import type { GraphSession } from "../../../engine/graph/session.ts";
import { randomWeights, TINY } from "../../support/tiny-decoder.ts";
import { describeProvider, reportDevices } from "../../../server/doctor/devices.ts";

const READY: Ready = { state: "ready", isSoftware: false, drivers: [], gflops: 900, cpuGflops: 100, error: 1e-6 };
const LARGE: Workload = { kind: "inference", nParameters: 500e6 };

/** What is there; every other provider is not listed. */
const machine =
  (
    there: Partial<
      Record<Provider, Finding extends infer F ? (F extends Finding ? Omit<F, "provider"> : never) : never>
    >,
  ) =>
  (provider: Provider): Promise<Finding> =>
    Promise.resolve({ provider, ...(there[provider] ?? { state: "not-listed" }) } as Finding);

describe("the choice of a device", () => {
  const check = async (
    name: string,
    wanted: Device,
    there: Parameters<typeof machine>[0],
    expected: { provider: Provider; reason: RegExp; isFallback?: boolean },
    work: Workload = LARGE,
  ) => {
    const choice = await chooseProvider(wanted, work, machine(there));
    assert.equal(choice.provider, expected.provider, name);
    assert.match(choice.reason, expected.reason, name);
    assert.equal(choice.isFallback, expected.isFallback ?? false, name);
  };

  it("takes what answers, for a model that gains from it", async () => {
    await check("webgpu", "auto", { webgpu: READY }, { provider: "webgpu", reason: /900 GFLOP/ });
    await check("cuda first", "auto", { webgpu: READY, cuda: READY }, { provider: "cuda", reason: /answers/ });
    await check("dml before webgpu", "auto", { webgpu: READY, dml: READY }, { provider: "dml", reason: /answers/ });
    const broken = { state: "failed", message: "ended with SIGABRT" } as const;
    await check("past a broken one", "auto", { cuda: broken, webgpu: READY }, { provider: "webgpu", reason: /./ });
  });

  it("stays on the CPU with the reason", async () => {
    const cpu = (reason: RegExp) => ({ provider: "cpu", reason }) as const;
    await check("nothing", "auto", {}, cpu(/no other provider/));
    await check("software", "auto", { webgpu: { ...READY, isSoftware: true } }, cpu(/webgpu: a software .*only on/));
    await check("slow", "auto", { webgpu: { ...READY, gflops: 150 } }, cpu(/less than 2 times as fast/));
    await check(
      "no device",
      "auto",
      { webgpu: { state: "no-device", message: "none" } },
      cpu(/webgpu: no device: none/),
    );
    await check("asked for", "cpu", { cuda: READY }, cpu(/asked for/));
    const toy = { kind: "inference", nParameters: 6.5e6 } as const;
    await check("a small model", "auto", { cuda: READY }, cpu(/6\.5 M parameters is faster here/), toy);
  });

  it("takes what was asked for where it answers, and is a fallback where it does not", async () => {
    const toy = { kind: "training", nParameters: 1e6 } as const;
    const software = { ...READY, isSoftware: true };
    await check("software", "webgpu", { webgpu: software }, { provider: "webgpu", reason: /software/ }, toy);
    const missing = { state: "libraries-missing", message: "libx.so" } as const;
    const fallback = { provider: "cpu", reason: /cuda was asked for: .*libx\.so/, isFallback: true } as const;
    await check("libraries", "cuda", { cuda: missing, webgpu: READY }, fallback);
    await check("not listed", "dml", {}, { provider: "cpu", reason: /does not have it/, isFallback: true });
  });

  it("tries nothing for a model that gains nothing", () =>
    chooseProvider("auto", { kind: "training", nParameters: AUTO_MIN_PARAMETERS.training - 1 }, () =>
      assert.fail("nothing is to be tried"),
    ));

  const finding = fc.oneof(
    fc.record({
      state: fc.constant("ready" as const),
      isSoftware: fc.boolean(),
      drivers: fc.constant([]),
      gflops: fc.integer({ min: 1, max: 1000 }),
      cpuGflops: fc.integer({ min: 1, max: 1000 }),
      error: fc.constant(0),
    }),
    fc.record({ state: fc.constantFrom("no-device", "failed", "libraries-missing"), message: fc.string() }),
    fc.constant({ state: "not-listed" } as const),
  );
  it("never chooses by itself what does not answer, is software or is not clearly faster", () =>
    fc.assert(
      fc.asyncProperty(
        fc.record({ cuda: finding, dml: finding, webgpu: finding }),
        fc.constantFrom("inference", "training"),
        fc.nat(1e9),
        async (there, kind, nParameters) => {
          const { provider, isFallback } = await chooseProvider("auto", { kind, nParameters }, machine(there as never));
          assert.equal(isFallback, false);
          if (provider === "cpu") return;
          const found = there[provider];
          assert.ok(found.state === "ready" && !found.isSoftware);
          assert.ok(found.gflops >= AUTO_MIN_ADVANTAGE * found.cpuGflops);
          assert.ok(nParameters >= AUTO_MIN_PARAMETERS[kind]);
          assert.ok(AUTO_ORDER.includes(provider));
        },
      ),
    ));

  it("is told when it is not what was asked for", async () => {
    const told: Notice[] = [];
    const find = machine({ webgpu: { state: "no-device", message: "No supported adapters" } });
    await deviceForModel("webgpu", LARGE, { find }, (notice) => told.push(notice));
    assert.deepEqual(
      told.map(({ code }) => code),
      ["device-unavailable"],
    );
    assert.match(told[0]!.message, /Running on the CPU, since webgpu was asked for: no device/);
    await deviceForModel("auto", LARGE, { find }, (notice) => told.push(notice));
    assert.equal(told.length, 1);
  });

  it("is read from KEPT_DEVICE", () => {
    assert.equal(requestedDevice({}), "auto");
    assert.equal(requestedDevice({ KEPT_DEVICE: "" }), "auto");
    assert.equal(requestedDevice({ KEPT_DEVICE: "WebGPU" }), "webgpu");
    assert.throws(() => requestedDevice({ KEPT_DEVICE: "gpu" }), { code: "device-invalid", message: /gpu.*auto, cpu/ });
  });
});

describe("what a probe's answer means", () => {
  const answer = { ok: true, gflops: 9, cpuGflops: 3, error: 1e-6, drivers: ["libvulkan_lvp.so"] } as const;
  const failed = (message: string) => judge("webgpu", { ok: false, message }).state;

  it("a device is real when the driver holds a device file open", () => {
    const isSoftware = (deviceFiles: string[] | null) => {
      const judged = judge("webgpu", { ...answer, deviceFiles });
      assert.ok(judged.state === "ready");
      return judged.isSoftware;
    };
    assert.equal(isSoftware(["/dev/dri/renderD128"]), false);
    assert.equal(isSoftware([]), true);
    assert.equal(isSoftware(null), false);
  });

  it("wrong results are a failure", () => {
    for (const error of [0.5, Number.POSITIVE_INFINITY, Number.NaN])
      assert.equal(judge("webgpu", { ...answer, deviceFiles: ["/dev/dri/renderD128"], error }).state, "failed");
  });

  it("tells what is missing from what is broken", () => {
    assert.equal(failed("Failed to get a WebGPU adapter: No supported adapters"), "no-device");
    assert.equal(failed("CUDA failure 100: no CUDA-capable device is detected"), "no-device");
    assert.equal(failed("libcudnn.so.9: cannot open shared object file"), "libraries-missing");
    assert.equal(failed("the probe ended with SIGABRT"), "failed");
  });
});

describe("findings of earlier probes", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "kept-findings-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("are believed until they are old, or the machine changes, or someone asks anew", async () => {
    let probes = 0;
    let hours = 0;
    const env: NodeJS.ProcessEnv = {};
    const cache = createFindingCache({
      folder,
      env,
      now: () => hours * 3_600_000,
      probe: (provider) => Promise.resolve({ provider, state: "failed", message: `probe ${++probes}` }),
    });
    const expect = async (n: number, finding = cache.find("webgpu")) =>
      assert.deepEqual(await finding, { provider: "webgpu", state: "failed", message: `probe ${n}` });
    await expect(1);
    hours = 23;
    await expect(1);
    hours = 25;
    await expect(2);
    await expect(3, cache.refresh("webgpu"));
    await expect(3);
    env["VK_ICD_FILENAMES"] = path.join(folder, "driver.json");
    await expect(4);
    if (process.platform === "linux") {
      writeFileSync(env["VK_ICD_FILENAMES"], "{}");
      await expect(5);
    }
    hours = 0;
    assert.notEqual((await cache.find("webgpu")) as unknown, null, "a clock set back asks again");
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith("webgpu")),
      ["webgpu.json"],
    );
  });

  it("that are damaged or of another provider are asked for again", async () => {
    const cache = createFindingCache({ folder, probe: (provider) => Promise.resolve({ provider, ...READY }) });
    for (const text of ["", "{", "null", `{"key":"${machineKey(process.env)}","at":0}`]) {
      writeFileSync(path.join(folder, "cuda.json"), text);
      assert.equal((await cache.find("cuda")).state, "ready");
    }
  });

  it("are not needed: a folder that cannot be written costs a probe", async () => {
    const file = path.join(folder, "a-file");
    writeFileSync(file, "");
    const cache = createFindingCache({ folder: file, probe: (provider) => Promise.resolve({ provider, ...READY }) });
    assert.equal((await cache.find("cuda")).state, "ready");
  });
});

describe("a compute device", () => {
  /** Sessions that answer with their provider, and fail on demand where that is not the CPU. */
  function fakes() {
    const told: Notice[] = [];
    const failing = { compile: false, run: false };
    const log: string[] = [];
    const attempts = {
      begin: (provider: Provider) => log.push(`begin ${provider}`),
      end: (provider: Provider) => log.push(`end ${provider}`),
    };
    const device = createComputeDevice("webgpu", (notice) => told.push(notice), attempts);
    const open = (name: string) =>
      device.open((provider) => {
        log.push(`compile ${name} on ${provider}`);
        if (failing.compile && provider !== "cpu") return Promise.reject(new Error("no kernel"));
        const run = <T>(value: T): Promise<T> =>
          failing.run && provider !== "cpu" ? Promise.reject(new Error("device lost")) : Promise.resolve(value);
        const session: GraphSession = {
          run: () => run({ [provider]: null as never }),
          runInPlace: () => run(undefined),
          release: () => Promise.resolve(void log.push(`release ${name} on ${provider}`)),
        };
        return Promise.resolve(session);
      });
    return { told, failing, log, device, open };
  }
  const ranOn = async (session: GraphSession) => Object.keys(await session.run({}))[0];

  it("serves as long as it lasts", async () => {
    const { open, told, log } = fakes();
    const session = await open("a");
    assert.equal(await ranOn(session), "webgpu");
    await session.release();
    assert.deepEqual(told, []);
    assert.deepEqual(log, ["begin webgpu", "compile a on webgpu", "end webgpu", "release a on webgpu"]);
  });

  it("that cannot compile leaves everything to the CPU", async () => {
    const { open, told, failing, log, device } = fakes();
    failing.compile = true;
    assert.equal(await ranOn(await open("a")), "cpu");
    assert.equal(await ranOn(await open("b")), "cpu");
    assert.equal(device.provider, "cpu");
    const attempt = ["begin webgpu", "compile a on webgpu", "end webgpu"];
    assert.deepEqual(log, [...attempt, "compile a on cpu", "compile b on cpu"]);
    assert.deepEqual(told, [
      { code: "device-failed", message: "webgpu could not compile the model; going on with the CPU. no kernel" },
    ]);
  });

  it("that is lost moves all its sessions to the CPU, does the failed run again, and says so once", async () => {
    const { open, told, failing, log } = fakes();
    const [a, b] = [await open("a"), await open("b")];
    assert.equal(await ranOn(b), "webgpu");
    failing.run = true;
    assert.equal(await ranOn(a), "cpu");
    await b.runInPlace({}, {});
    assert.deepEqual([await ranOn(a), await ranOn(b)], ["cpu", "cpu"]);
    assert.equal(told.length, 1);
    assert.match(told[0]!.message, /failed in a run; going on with the CPU\. device lost/);
    const moves = (name: string) => [`compile ${name} on cpu`, `release ${name} on webgpu`];
    const opened = ["begin webgpu", "compile a on webgpu", "compile b on webgpu", "end webgpu"];
    assert.deepEqual(log.slice(0, 4), opened);
    assert.deepEqual(log.slice(4), [...moves("a"), ...moves("b")]);
  });

  it("of the CPU passes errors on", async () => {
    const told: Notice[] = [];
    const device = createComputeDevice("cpu", (notice) => told.push(notice));
    await assert.rejects(
      device.open(() => Promise.reject(new Error("bad graph"))),
      /bad graph/,
    );
    assert.deepEqual(told, []);
  });
});

describe("graphs for a device", () => {
  const config = { ...TINY, headDim: 16 };
  const shape = { nRows: 1, rowTokens: 8, nTargets: 4 };
  const lora = { kind: "lora", rank: 2, scale: 1 } as const;
  const place = { gradientOfInput: "wanted", output: "targets" } as const;
  const blocks = (keep: "everything" | "nothing") =>
    Object.values(buildBlockGraphs(config, lora, shape, keep, place, "float32")).filter(isGraph);
  const inference = (["float32", "int8"] as const).flatMap((precision) =>
    (["inputs", "none"] as const).map((adapters) =>
      buildInferenceGraph(config, randomWeights(config), { precision, adapters }),
    ),
  );

  it("have nothing that WebGPU lacks or computes wrong", () => {
    const graphs = [...inference, ...blocks("everything"), ...blocks("nothing")];
    assert.ok(graphs.length >= 8);
    for (const { op, outputs } of graphs.flatMap(({ nodes }) => nodes)) {
      assert.notEqual(op, "FusedMatMul");
      if (op === "Split") assert.ok(outputs.length <= 15);
      if (op === "SimplifiedLayerNormalization") assert.equal(outputs.length, 1);
    }
  });
});

const isGraph = (value: unknown): value is Graph => typeof value === "object" && value !== null && "nodes" in value;

describe("the doctor's report on devices", () => {
  const report = (asked: Device, nParameters: number | null, there: Parameters<typeof machine>[0]) =>
    reportDevices(asked, nParameters, { refresh: machine(there) });

  it("has every provider, and what each is chosen for", async () => {
    const { providers, inference, training } = await report("auto", 6.5e6, { webgpu: READY });
    assert.deepEqual(
      providers.map(({ provider, state }) => [provider, state]),
      [
        ["cpu", "ready"],
        ["webgpu", "ready"],
        ["cuda", "not-listed"],
        ["dml", "not-listed"],
      ],
    );
    assert.deepEqual([inference.provider, training.provider], ["cpu", "cpu"]);
    assert.deepEqual(providers[0]!.chosenFor, ["inference", "training"]);
    assert.deepEqual(providers[1]!.chosenFor, ["models of 200 M parameters and more"]);
    assert.match(describeProvider(providers[1]!), /900 GFLOP.*chosen for models of 200 M/);
  });

  it("says why a provider is left alone and what to do", async () => {
    const there = {
      cuda: { state: "libraries-missing", message: "x.so" },
      webgpu: { ...READY, isSoftware: true },
    } as const;
    const lines = (await report("auto", 1e9, there)).providers.map(describeProvider);
    assert.match(lines[1]!, /software device answers.*; only on request/);
    assert.match(lines[2]!, /libraries are missing: x\.so; run `npm rebuild onnxruntime-node`/);
    assert.equal(lines.filter((line) => /chosen/.test(line)).length, 1);
  });

  it("shows the fallback from what was asked for", async () => {
    const { inference } = await report("cuda", null, {
      cuda: { state: "failed", message: "the probe ended with SIGSEGV" },
    });
    assert.deepEqual([inference.provider, inference.isFallback], ["cpu", true]);
    assert.match(inference.reason, /SIGSEGV/);
  });

  it("has a sentence for every finding, and a remedy for all that is missing", () => {
    for (const provider of PROVIDERS) {
      for (const state of ["no-device", "libraries-missing", "failed"] as const) {
        assert.match(describeFinding({ provider, state, message: "reason" }), /reason$/);
        assert.ok(remedy({ provider, state })!.length > 10);
      }
      assert.equal(remedy({ provider, state: "not-listed" }), null);
    }
  });
});
