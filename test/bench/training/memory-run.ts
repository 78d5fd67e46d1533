// One training step of the 0.5 B shape; prints its peak memory as JSON. A process of its own, run by `memory.ts`.
import { createRandom } from "../../../core/statistics/random.ts";
import type { Trained } from "../../../engine/training/parameters.ts";
import { createTrainer, imitated } from "../../../engine/training/trainer.ts";
import { arbitraryBatch, SHAPE_500M, uniformWeights } from "./shapes.ts";

const [strategy, threads] = [process.argv[2], Number(process.argv[3])];
const TRAINED: Record<string, Trained> = {
  lora: { kind: "lora", rank: SHAPE_500M.rank, alpha: 2 * SHAPE_500M.rank },
  "top-layers": { kind: "top-layers", nLayers: 2 },
  full: { kind: "full" },
};
const trained = TRAINED[strategy ?? ""];
if (!trained) throw new Error(`No strategy ${strategy}`);

const weights = uniformWeights(SHAPE_500M.config);
await using trainer = await createTrainer(
  { config: SHAPE_500M.config, weights },
  {
    trained,
    objective: { kind: "sft" },
    shape: SHAPE_500M,
    adamW: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 },
    random: createRandom(1),
    threads,
    recompute: true,
  },
);
const batch = imitated(arbitraryBatch(SHAPE_500M));
const started = performance.now();
const { loss } = await trainer.step([batch], 1e-4);
const seconds = (performance.now() - started) / 1000;
// Kilobytes, on every platform that Node knows.
process.stdout.write(JSON.stringify({ peakGb: process.resourceUsage().maxRSS / 1e6, seconds, loss }));
