import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stringify } from "yaml";
import { loadCheckpoint } from "../../engine/checkpoint/checkpoint.ts";
import { readRunConfiguration } from "../../server/training/run-configuration.ts";
import { smokeConfiguration, writeOwnSource } from "../../server/training/torch/smoke.ts";
import { root, temporaryFolder } from "./kept-train.ts";

const TIMEOUT_MS = 400_000;
/** What one command of a session brings back. */
const MAX_FILES = 8;
const MAX_FILE_BYTES = 16 * 2 ** 20;

describe("scripts/gpu", function () {
  this.timeout(TIMEOUT_MS);

  it("packs loads, prepares, trains in two commands, and brings a whole model back each time", async () => {
    using folder = temporaryFolder();
    const at = (name: string): string => path.join(folder.dir, name);
    await writeOwnSource(root, folder.dir, new AbortController().signal);
    const toy = smokeConfiguration(readRunConfiguration(path.join(root, "models/base/config.gpu.yaml")));
    const [cycle] = toy.training.cycles;
    assert.ok(cycle);
    const { tokens: _, warmupTokens: __, ...rest } = cycle;
    const cycles = [{ ...rest, minutes: 1, warmupSeconds: 1 }];
    writeFileSync(at("toy.yaml"), stringify({ ...toy, training: { ...toy.training, cycles } }));
    const pack = ["scripts/gpu/pack.mjs", "--corpus", at("own-source.jsonl"), "--config", at("toy.yaml")];
    execFileSync(process.execPath, [...pack, "--out", at("loads")], { cwd: root });

    const python = process.env["KEPT_PYTHON"] ?? "python3";
    mkdirSync(at("bin"));
    // The script calls python3: here that is the interpreter of the torch backend.
    writeFileSync(at("bin/python3"), `#!/bin/sh\nexec "${python}" "$@"\n`, { mode: 0o755 });
    const session = (out: string, ...args: string[]): string[] => {
      mkdirSync(at(out));
      execFileSync("bash", ["scripts/gpu/train.sh", ...args], {
        cwd: root,
        stdio: ["ignore", "ignore", "pipe"],
        env: {
          ...process.env,
          OUT: at(out),
          KEPT_GPU_DIR: at("place"),
          KEPT_GPU_RESERVE_SECONDS: "0",
          OMP_NUM_THREADS: "1",
          PATH: `${at("bin")}:${process.env["PATH"]}`,
        },
      });
      return readdirSync(at(out)).toSorted();
    };
    session("loaded", "load", at("loads/load-1"));
    const state = (): { step: number; cycles: { ended: boolean }[] } =>
      JSON.parse(readFileSync(at(path.join("place", "work", "checkpoint", "state.json")), "utf8")) as never;

    const first = session("first", "train", "60", "300");
    assert.ok(first.includes("folder.tar.gz") && first.length <= MAX_FILES, first.join(" "));
    assert.equal(state().cycles[0]?.ended, false);
    const { step } = state();
    assert.ok(step > 0);

    // The session has 20 seconds left: the schedule ends with them.
    const second = session("second", "train", "60", "20");
    assert.deepEqual([state().cycles.length, state().cycles[0]?.ended], [1, true]);
    assert.ok(state().step > step);
    for (const file of second) assert.ok(statSync(path.join(at("second"), file)).size <= MAX_FILE_BYTES);
    execFileSync("tar", ["-xzf", "folder.tar.gz"], { cwd: at("second") });
    assert.ok(existsSync(at("second/train.jsonl")));
    assert.equal(loadCheckpoint(at("second")).config.vocabSize, toy.model.vocabSize);

    const half = session("half", "bring", "1");
    assert.ok(half.includes("tokenizer.json") && half.some((file) => file.endsWith(".safetensors")));
  });
});
