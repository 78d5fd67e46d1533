import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { loadCheckpoint } from "../../engine/checkpoint/checkpoint.ts";
import { loadTokenizer } from "../../engine/tokenizer/tokenizer.ts";
import { startTrain, temporaryFolder } from "./kept-train.ts";

/** A smoke run takes a minute on two cores that do other work as well; a stuck one must not hold up the suite. */
const RUN_TIMEOUT_MS = 400_000;

interface Result {
  readonly out: string;
  readonly files: readonly string[];
  readonly steps: number;
  readonly parameters: number;
  readonly heldOutLoss: number;
  readonly largestLogitDifference: number;
  readonly cycles: readonly { readonly ended: boolean; readonly steps: number }[];
}

describe("kept train --strategy full --backend torch --smoke", function () {
  this.timeout(RUN_TIMEOUT_MS);

  it("runs the whole recipe; Ctrl+C leaves a checkpoint and nothing running; the run goes on; the engine agrees", async () => {
    using folder = temporaryFolder();
    const workDir = path.join(folder.dir, "work");
    const args = ["--strategy", "full", "--backend", "torch", "--smoke", "--json", "--work-dir", workDir];
    const first = startTrain(args);
    await first.said(/Training 0\.15 M parameters/);
    first.child.kill("SIGINT");
    const stopped = await first.ended;
    assert.equal(stopped.code, 130, stopped.stderr);
    assert.match(stopped.stderr, /Stopped\. The checkpoint is in /);
    assert.equal(stopped.stdout, "");
    const state = readState(workDir);
    assert.ok(state.step < 80, "it was stopped early");
    assert.deepEqual(processesNaming(workDir), []);

    const second = await startTrain(args).ended;
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stderr, new RegExp(`Going on from step ${state.step}\\.`));
    const result = JSON.parse(second.stdout) as Result;
    assert.equal(result.steps, 80);
    assert.deepEqual(
      result.cycles.map(({ ended, steps }) => [ended, steps]),
      [
        [true, 40],
        [true, 40],
      ],
    );
    // Guessing among 1,024 entries costs ln 1024 = 6.93 nats.
    assert.ok(result.heldOutLoss < 5.8, `held-out loss ${result.heldOutLoss}`);
    assert.ok(result.largestLogitDifference <= 1e-3 && result.largestLogitDifference > 0);
    assert.ok(result.files.filter((file) => file.endsWith(".safetensors")).length > 1, "the weights are in shards");
    const checkpoint = loadCheckpoint(result.out);
    assert.equal(checkpoint.nParameters, result.parameters);
    const tokenizer = loadTokenizer(result.out);
    assert.equal(tokenizer.fimOrder, "spm");
    const text = "export const total = (a: number) => a * 2;\n";
    assert.equal(tokenizer.decode(tokenizer.encode(text)), text);

    const other = await startTrain([...args, "--corpus", path.join(folder.dir, "none-*.jsonl")]).ended;
    assert.equal(other.code, 1);
    assert.match(other.stderr, /holds a run with another corpus.*--fresh/s);
  });

  it("says when the corpus is not there", async () => {
    using folder = temporaryFolder();
    const corpus = path.join(folder.dir, "none-*.jsonl");
    const run = await startTrain(["--smoke", "--work-dir", folder.dir, "--corpus", corpus]).ended;
    assert.equal(run.code, 1);
    assert.match(run.stderr, /prepare\.py failed: No file matches .*none-\*\.jsonl.*\(worker-failed\)/s);
  });
});

function readState(workDir: string): { step: number } {
  const file = path.join(workDir, "checkpoint", "state.json");
  assert.ok(existsSync(file), "there is a checkpoint");
  return JSON.parse(readFileSync(file, "utf8")) as { step: number };
}

/** Processes of this machine that have the folder in their command line. */
function processesNaming(folder: string): string[] {
  return execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(folder));
}
