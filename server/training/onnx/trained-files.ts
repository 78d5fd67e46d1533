import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Checkpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { writeAdapter } from "../../../engine/lora/adapter.ts";
import type { Trained } from "../../../engine/training/parameters.ts";
import { trainedAdapter, writeTrainedModel } from "../../../engine/training/trained-model.ts";
import type { Trainer } from "../../../engine/training/trainer.ts";
import type { TrainingJob, TrainingResult } from "../backend.ts";

/** Folder of a run's result inside its folder. */
export const resultFolder = (job: TrainingJob, trained: Trained): string =>
  path.join(job.runDir, trained.kind === "lora" ? "adapter" : "model");

/** Write what was trained, with a card: a PEFT folder, or a model in the Hugging Face layout. */
export function writeTrained(
  job: TrainingJob,
  result: TrainingResult,
  base: Checkpoint,
  trained: Trained,
  trainer: Pick<Trainer, "slots" | "theta">,
): void {
  if (trained.kind === "lora") return writeTrainedAdapter(job, result, base, trained, trainer);
  writeTrainedModel(result.adapterDir, { folder: job.modelDir, ...base }, trained, trainer.slots, trainer.theta);
  writeCard(job, result, base.name, trained);
}

export function writeTrainedAdapter(
  job: TrainingJob,
  result: TrainingResult,
  base: Checkpoint,
  trained: Extract<Trained, { kind: "lora" }>,
  { slots, theta }: Pick<Trainer, "slots" | "theta">,
): void {
  writeAdapter(result.adapterDir, trainedAdapter(base.config, trained, slots, theta), base.config, {
    baseModel: base.name,
    baseSha256: base.sha256,
    readme: card(job, result, base.name, trained),
  });
}

export const writeCard = (job: TrainingJob, result: TrainingResult, baseName: string, trained: Trained): void =>
  writeFileSync(path.join(result.adapterDir, "README.md"), card(job, result, baseName, trained));

function card(job: TrainingJob, result: TrainingResult, baseName: string, trained: Trained): string {
  const { lora, objective = "sft" } = job;
  return `---
base_model: ${baseName}
${trained.kind === "lora" ? "library_name: peft\ntags: [lora, code, fill-in-the-middle]" : "tags: [code, fill-in-the-middle]"}
---

# ${trained.kind === "lora" ? "Adapter" : "Model"} of run ${job.runId}

${describe(trained)}, ${lora.steps} steps at learning rate ${lora.learningRate}, seed ${lora.seed}.
Trained on ${job.train.length} rows, validated on ${job.validation.length}.

| loss, ${objective === "sft" ? "nats per token" : objective} | before | after |
|---|---|---|
| training rows | ${result.trainLoss.first.toFixed(4)} | ${result.trainLoss.last.toFixed(4)} |
${result.validationLoss ? `| validation rows | ${result.validationLoss.first.toFixed(4)} | ${result.validationLoss.last.toFixed(4)} |\n` : ""}`;
}

function describe(trained: Trained): string {
  switch (trained.kind) {
    case "lora":
      return `LoRA of rank ${trained.rank} (alpha ${trained.alpha}) on every linear layer`;
    case "top-layers":
      return `The last ${trained.nLayers} blocks, the final norm and the head`;
    case "full":
      return "All weights";
  }
}
