import { openSafetensors, readTensor } from "../../engine/checkpoint/safetensors-file.ts";
import { storedType, toFloat32 } from "../../engine/checkpoint/safetensors.ts";
import { EngineError } from "../../engine/engine-error.ts";
import { parseAdapterConfig } from "../../engine/lora/adapter-config.ts";
import { invalidArchive } from "./tar.ts";
import { readFileSync, statSync } from "node:fs";

/** Far more than any adapter's configuration has. */
const MAX_CONFIG_BYTES = 2 ** 20;
/** One matrix of an adapter: rank 1,024 for a layer of 32,768 inputs, as 32-bit numbers. */
const MAX_TENSOR_BYTES = 128 * 2 ** 20;

/**
 * Looks at a file of an adapter before it is taken in. False for weights that may lie in the store and must
 * not be served: they are not finite, or all of them are zero in every matrix.
 * @throws AppError `archive-invalid`
 */
export function checkAdapterFile(name: string, file: string, shown: string): boolean {
  try {
    if (name === "adapter_config.json") {
      if (statSync(file).size > MAX_CONFIG_BYTES) throw invalidArchive(`${shown} is too large`);
      parseAdapterConfig(readFileSync(file, "utf8"));
    }
    return name === "adapter_model.safetensors" ? hasSaneWeights(file, shown) : true;
  } catch (error) {
    if (error instanceof EngineError) throw invalidArchive(`${shown}: ${error.message}`);
    throw error;
  }
}

function hasSaneWeights(file: string, shown: string): boolean {
  const opened = openSafetensors(file);
  let isFinite = true;
  let hasValue = false;
  for (const [tensor, entry] of opened.tensors) {
    storedType(tensor, entry);
    if (entry.end - entry.start > MAX_TENSOR_BYTES) throw invalidArchive(`${shown} has a matrix that is too large`);
    for (const value of toFloat32(readTensor(opened, tensor)!)) {
      isFinite &&= Number.isFinite(value);
      hasValue ||= value !== 0;
    }
  }
  return isFinite && hasValue;
}
