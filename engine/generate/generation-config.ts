import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { EngineError } from "../engine-error.ts";
import type { CopyWeight } from "./copy-prior.ts";
import { LINE_FEATURES } from "./line-choice.ts";

/** What a model folder says about how to generate with it: its `generation_config.json`. */
export interface GenerationConfig {
  /** λ of the copy prior by length of the match, from 1; empty for a model that goes without one. */
  readonly copyPriorWeights: readonly CopyWeight[];
  /** λ of remembered code by length of the match, from MIN_MATCH; empty for a model that goes without it. */
  readonly memoryPriorWeights: readonly CopyWeight[];
  /** Weights of `line-choice.ts`, all of them; empty for a model that goes without. */
  readonly lineChoiceWeights: readonly number[];
}

/**
 * Reads `copy_prior_weights` and `memory_prior_weights`, lists of [unanimous, divided], and
 * `line_choice_weights`, a list of numbers; every other key is left alone.
 *
 * @throws {EngineError} checkpoint-invalid for a file that is not JSON, or weights outside [0, 1)
 */
export function readGenerationConfig(modelDir: string): GenerationConfig {
  const file = path.join(modelDir, "generation_config.json");
  if (!existsSync(file)) return { copyPriorWeights: [], memoryPriorWeights: [], lineChoiceWeights: [] };
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new EngineError("checkpoint-invalid", `${file} is not JSON.`, { cause });
  }
  const weightsOf = (key: string): CopyWeight[] => {
    const rows = (content as Readonly<Record<string, unknown>> | null)?.[key] ?? [];
    if (Array.isArray(rows) && rows.every(isWeightPair)) {
      return rows.map(([unanimous, divided]) => ({ unanimous, divided }));
    }
    throw new EngineError(
      "checkpoint-invalid",
      `${key} in ${file} has to be a list of pairs of numbers from 0 to below 1.`,
    );
  };
  return {
    copyPriorWeights: weightsOf("copy_prior_weights"),
    memoryPriorWeights: weightsOf("memory_prior_weights"),
    lineChoiceWeights: lineWeightsOf(
      (content as Readonly<Record<string, unknown>> | null)?.["line_choice_weights"],
      file,
    ),
  };
}

function lineWeightsOf(value: unknown, file: string): readonly number[] {
  if (value === undefined) return [];
  const isWhole = Array.isArray(value) && value.length === LINE_FEATURES;
  if (isWhole && value.every((one): one is number => typeof one === "number")) return value;
  throw new EngineError("checkpoint-invalid", `line_choice_weights in ${file} has to be ${LINE_FEATURES} numbers.`);
}

function isWeightPair(row: unknown): row is [number, number] {
  return (
    Array.isArray(row) && row.length === 2 && row.every((value) => typeof value === "number" && value >= 0 && value < 1)
  );
}
