import os from "node:os";
import { parseArgs } from "node:util";
import {
  gemmContender,
  GEMM_FLOPS,
  keptContender,
  peftContender,
  type Contender,
  type Seconds,
} from "./training/contenders.ts";
import { measureMemory } from "./training/memory.ts";
import { graphAdamW, typescriptAdamW } from "./training/optimizer.ts";
import { baseShape, computedFlops, SHAPE_115M, SHAPE_28M, stepFlops } from "./training/shapes.ts";
import { median } from "./engine/medians.ts";
import type { Bar, Bench } from "./harness/report.ts";

const options = {
  python: { type: "string", default: "python3" },
  threads: { type: "string", default: String(Math.min(2, os.availableParallelism())) },
  rounds: { type: "string", default: "9" },
  memory: { type: "string", multiple: true, default: ["lora"] as string[] },
} as const;

/** Products of matrices timed in each round: one alone is too short to be even. */
const GEMMS_A_ROUND = 4;

/** A training step's rate at two threads, engine.md 7. */
const LEAST_TOKENS_A_SECOND: Readonly<Record<string, number>> = { "28m": 1_500, "115m": 300 };

/** A training step's memory at 0.5 B parameters and 512 tokens, 10^9 bytes. */
const MEMORY_GB = 12;

/** Parameters of an adapter, and of a small model trained whole. */
const OPTIMIZER_SIZES = { adapter: 1_200_000, model: 27_800_000 };

/**
 * `npm run bench -- training [--python <python with torch and peft>] [--threads 2] [--rounds 9]
 * [--memory lora]...`. The contenders run in turn in every round, after one round that is not counted.
 * Each rate and ratio is given by the clock, which the bars are about, and by processor time, which other
 * programs on the machine disturb least but which passes over cores that wait.
 */
export const bench: Bench = {
  about: "a LoRA step against ONNX Runtime's own matrix product and PyTorch with PEFT; AdamW; memory at 0.5 B",
  async run({ args, signal, say }) {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: true });
    const threads = Number(values.threads);
    const metrics: Record<string, number> = { threads };
    const bars: Bar[] = [];
    for (const shape of [SHAPE_28M, SHAPE_115M, baseShape()]) {
      await using gemm = await gemmContender(threads);
      await using kept = await keptContender(shape, threads);
      const peft = await peftContender(values.python, shape, threads, signal);
      if (!peft) say(`${shape.name}: ${values.python} has no torch and peft; that ratio is not measured`);
      const repeated = { run: () => runs(gemm, GEMMS_A_ROUND), [Symbol.asyncDispose]: async () => {} };
      const contenders = { gemm: repeated, kept, ...(peft ? { peft } : {}) };
      const seconds = await inTurn(contenders, Number(values.rounds), signal);
      await peft?.[Symbol.asyncDispose]();
      const flops = stepFlops(shape);
      const tokens = shape.nRows * shape.rowTokens;
      for (const clock of ["cpu", "wall"] as const) {
        const of = (name: string) => median(seconds[name]!.map((one) => one[clock]));
        // Rounds lie side by side in time: the median of their ratios is less noisy than the ratio of medians.
        const ratio = (name: string) =>
          median(seconds["kept"]!.map((one, round) => seconds[name]![round]![clock] / one[clock]));
        const gemmRate = (GEMMS_A_ROUND * GEMM_FLOPS) / of("gemm");
        const suffix = clock === "cpu" ? "" : ".wall";
        metrics[`${shape.name}.stepSeconds${suffix}`] = of("kept");
        metrics[`${shape.name}.tokensPerSecond${suffix}`] = tokens / of("kept");
        metrics[`${shape.name}.gemmGflops${suffix}`] = gemmRate / 1e9;
        metrics[`${shape.name}.stepGflops${suffix}`] = flops / of("kept") / 1e9;
        metrics[`${shape.name}.shareOfGemm${suffix}`] = (flops / (GEMMS_A_ROUND * GEMM_FLOPS)) * ratio("gemm");
        // The bar's FLOPs are those of the definition; this is the rate of what was in fact computed.
        metrics[`${shape.name}.computedShareOfGemm${suffix}`] =
          (computedFlops(shape) / (GEMMS_A_ROUND * GEMM_FLOPS)) * ratio("gemm");
        if (!peft) continue;
        metrics[`${shape.name}.peftStepSeconds${suffix}`] = of("peft");
        metrics[`${shape.name}.timesPeft${suffix}`] = ratio("peft");
      }
      const bar = (name: string, key: string, target: number) =>
        bars.push({
          name: `${shape.name}: ${name}`,
          value: metrics[`${shape.name}.${key}`]!,
          target,
          want: "at-least",
        });
      bar("step, share of the matrix product's rate", "shareOfGemm.wall", 0.85);
      if (peft) bar("step, times PyTorch and PEFT", "timesPeft.wall", 1);
      const least = LEAST_TOKENS_A_SECOND[shape.name];
      if (least !== undefined) bar("tokens a second, by the clock", "tokensPerSecond.wall", least);
      say(`${shape.name}: ${metrics[`${shape.name}.stepGflops`]!.toFixed(0)} GFLOP/s`);
    }
    for (const [name, size] of Object.entries(OPTIMIZER_SIZES)) {
      await using typescript = typescriptAdamW(size);
      await using graph = await graphAdamW(size, threads);
      const seconds = await inTurn({ typescript, graph }, Number(values.rounds), signal);
      for (const [kind, all] of Object.entries(seconds))
        metrics[`adamw.${name}.${kind}Ms.wall`] = 1000 * median(all.map(({ wall }) => wall));
    }
    for (const strategy of values.memory) {
      if (strategy === "none") continue;
      const { peakGb, seconds } = await measureMemory(strategy, threads, signal);
      metrics[`500m.${strategy}.peakGb`] = peakGb;
      metrics[`500m.${strategy}.stepSeconds.wall`] = seconds;
      bars.push({ name: `500m: peak memory of ${strategy}, GB`, value: peakGb, target: MEMORY_GB, want: "at-most" });
    }
    return { metrics, bars };
  },
};

/** Every contender once a round, one after the other; the first round is left out. */
async function inTurn(
  contenders: Readonly<Record<string, Contender>>,
  rounds: number,
  signal: AbortSignal,
): Promise<Record<string, Seconds[]>> {
  const seconds: Record<string, Seconds[]> = {};
  for (let round = 0; round <= rounds; round++) {
    for (const [name, contender] of Object.entries(contenders)) {
      signal.throwIfAborted();
      const one = await contender.run();
      if (round > 0) (seconds[name] ??= []).push(one);
    }
  }
  return seconds;
}

async function runs(contender: Contender, n: number): Promise<Seconds> {
  let [wall, cpu] = [0, 0];
  for (let i = 0; i < n; i++) {
    const one = await contender.run();
    wall += one.wall;
    cpu += one.cpu;
  }
  return { wall, cpu };
}
