import { createHash } from "node:crypto";
import type { Trained } from "../../engine/training/parameters.ts";
import type { TrainingJob } from "./backend.ts";

/** Steps between checkpoints: what a crash costs at most. */
export const CHECKPOINT_STEPS = 25;

/** Times that a run looks at the validation rows; the best of them is kept. */
export const VALIDATIONS = 6;

/** Blocks that the strategy `top-layers` trains unless the job says. */
const DEFAULT_TOP_LAYERS = 2;

/** The usual moments of AdamW. */
export const BETAS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** What a job's strategy trains of a model. */
export function trainedBy({ strategy = "lora", topLayers = DEFAULT_TOP_LAYERS, lora }: TrainingJob): Trained {
  switch (strategy) {
    case "lora":
      return { kind: "lora", rank: lora.rank, alpha: lora.alpha };
    case "top-layers":
      return { kind: "top-layers", nLayers: topLayers };
    case "full":
      return { kind: "full" };
  }
}

/** Identity of a job: a checkpoint of another one is not gone on from. */
export function jobKey(job: TrainingJob, baseSha256: string): string {
  const place = { runId: "", modelDir: "", runDir: "" };
  return createHash("sha256")
    .update(JSON.stringify({ baseSha256, ...job, ...place }))
    .digest("hex");
}
