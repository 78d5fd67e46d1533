import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { EngineError } from "../engine-error.ts";
import type { CopyWeight } from "./copy-prior.ts";

/** What a model folder says about how to generate with it: its `generation_config.json`. */
export interface GenerationConfig {
  /** λ of the copy prior by length of the match, from 1; empty for a model that goes without one. */
  readonly copyPriorWeights: readonly CopyWeight[];
}

/**
 * Reads `copy_prior_weights`, a list of [unanimous, divided]; every other key is left alone.
 *
 * @throws {EngineError} checkpoint-invalid for a file that is not JSON, or weights outside [0, 1)
 */
export function readGenerationConfig(modelDir: string): GenerationConfig {
  const file = path.join(modelDir, "generation_config.json");
  if (!existsSync(file)) return { copyPriorWeights: [] };
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new EngineError("checkpoint-invalid", `${file} is not JSON.`, { cause });
  }
  const rows = (content as { copy_prior_weights?: unknown } | null)?.copy_prior_weights ?? [];
  if (!Array.isArray(rows) || !rows.every(isWeightPair)) {
    throw new EngineError(
      "checkpoint-invalid",
      `copy_prior_weights in ${file} has to be a list of pairs of numbers from 0 to below 1.`,
    );
  }
  return { copyPriorWeights: rows.map(([unanimous, divided]) => ({ unanimous, divided })) };
}

function isWeightPair(row: unknown): row is [number, number] {
  return (
    Array.isArray(row) && row.length === 2 && row.every((value) => typeof value === "number" && value >= 0 && value < 1)
  );
}
