import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { createRandom } from "../../../core/statistics/random.ts";
import { addInput, addOutput, addReal, createGraph } from "../../../engine/graph/graph.ts";
import { gemm } from "../../../engine/graph/operators.ts";
import { addInPlaceOutput, compileGraph, floats } from "../../../engine/graph/session.ts";
import { laneEntry } from "../../../server/places.ts";
import { createTrainer, imitated } from "../../../engine/training/trainer.ts";
import { arbitraryBatch, uniformWeights, type StepShape } from "./shapes.ts";

/** Seconds of one run, by the clock and by the processor. */
export interface Seconds {
  readonly wall: number;
  readonly cpu: number;
}

export interface Contender {
  run(): Promise<Seconds>;
  [Symbol.asyncDispose](): Promise<void>;
}

const GEMM_SIZE = 1024;
export const GEMM_FLOPS = 2 * GEMM_SIZE ** 3;

/** A product of two matrices of 1024 by 1024 in ONNX Runtime. */
export async function gemmContender(threads: number): Promise<Contender> {
  const g = createGraph("gemm");
  const size = [GEMM_SIZE, GEMM_SIZE];
  const [a, b] = [addInput(g, "a", "float32", size), addInput(g, "b", "float32", size)];
  addOutput(g, "y", gemm(g, a, b));
  addInPlaceOutput(g, addReal(g, [0], [1]));
  const session = await compileGraph(g, { threads, prepack: false });
  const random = createRandom(1);
  const matrix = () =>
    floats(
      Float32Array.from({ length: GEMM_SIZE ** 2 }, () => random() - 0.5),
      size,
    );
  const feeds = { a: matrix(), b: matrix() };
  const y = matrix();
  return {
    run: () => timed(() => session.runInPlace(feeds, { y })),
    [Symbol.asyncDispose]: () => session.release(),
  };
}

/** Kept's own step as a training run makes it: forward and backward in two parts, clipping and AdamW. */
export async function keptContender(whole: StepShape, threads: number): Promise<Contender> {
  const shape = { ...whole, nRows: whole.nRows / 2, nTargets: whole.nTargets / 2 };
  const trainer = await createTrainer(
    { config: shape.config, weights: uniformWeights(shape.config) },
    {
      trained: { kind: "lora", rank: shape.rank, alpha: 2 * shape.rank },
      objective: { kind: "sft" },
      shape,
      adamW: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 },
      random: createRandom(1),
      threads,
      laneEntry: laneEntry(),
    },
  );
  const batches = [imitated(arbitraryBatch(shape)), imitated(arbitraryBatch(shape))];
  return {
    run: () => timed(() => trainer.step(batches, 1e-3)),
    [Symbol.asyncDispose]: () => trainer[Symbol.asyncDispose](),
  };
}

/** PyTorch with PEFT in a process of its own; null when that Python has neither. */
export async function peftContender(
  python: string,
  shape: StepShape,
  threads: number,
  signal: AbortSignal,
): Promise<Contender | null> {
  const script = path.join(import.meta.dirname, "peft_step.py");
  const { config, nRows, rowTokens, nTargets, rank } = shape;
  const child = spawn(python, [script, JSON.stringify({ ...config, nRows, rowTokens, nTargets, rank, threads })], {
    stdio: ["pipe", "pipe", "ignore"],
    signal,
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const failed = new Promise<null>((resolve) => {
    child.once("error", () => resolve(null));
    child.once("exit", () => resolve(null));
  });
  const line = async (): Promise<string | null> => {
    const next = await Promise.race([lines.next(), failed]);
    return next === null || next.done ? null : next.value;
  };
  if ((await line()) !== "ready") {
    child.kill();
    return null;
  }
  return {
    async run() {
      child.stdin.write("step\n");
      const answer = await line();
      if (answer === null) throw new Error("The process of PyTorch ended");
      return JSON.parse(answer) as Seconds;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await failed;
    },
  };
}

/** Time one run in this process. */
export async function timed(run: () => Promise<unknown> | unknown): Promise<Seconds> {
  const used = process.cpuUsage();
  const started = performance.now();
  await run();
  const { user, system } = process.cpuUsage(used);
  return { wall: (performance.now() - started) / 1000, cpu: (user + system) / 1e6 };
}
