import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { weightShapes } from "../architectures/decoder-config.ts";
import type { StoredCheckpoint } from "../checkpoint/checkpoint.ts";
import type { StoredType } from "../checkpoint/safetensors.ts";
import { bytesOf, writeSafetensorsFile } from "../checkpoint/safetensors-writer.ts";
import type { LoraAdapter } from "../lora/adapter.ts";
import { floatToBfloat, floatToHalf } from "./half.ts";
import { mergedWeights } from "./merge.ts";

/** Files of a model folder beside its configuration and weights. */
const COMPANIONS = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"];

/** Largest weight file, as Hugging Face's own tools split them, bytes. */
const MAX_SHARD_BYTES = 2e9;

type WrittenType = Exclude<StoredType, "I8">;
const BYTES: Record<WrittenType, number> = { F32: 4, F16: 2, BF16: 2 };

interface PlannedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: WrittenType;
  readonly bytes: number;
}

/**
 * Write base and adapter as one model folder in the Hugging Face layout, each tensor in the type that it
 * has in the base; int8 becomes float16. Weights over 2 GB are split. One tensor is in memory at a time.
 */
export function writeMergedModel(
  folder: string,
  baseDir: string,
  base: StoredCheckpoint,
  adapter: LoraAdapter,
  readme: string,
  maxShardBytes = MAX_SHARD_BYTES,
): void {
  mkdirSync(folder, { recursive: true });
  const values = mergedWeights(base.config, (name) => base.weights.get(name)!, adapter);
  const shards = planShards(base, maxShardBytes);
  const fileName = (i: number) =>
    shards.length === 1 ? "model.safetensors" : `model-${five(i + 1)}-of-${five(shards.length)}.safetensors`;
  shards.forEach((tensors, i) => writeShard(path.join(folder, fileName(i)), tensors, values));
  if (shards.length > 1) {
    const index = {
      metadata: { total_size: shards.flat().reduce((sum, { bytes }) => sum + bytes, 0) },
      weight_map: Object.fromEntries(shards.flatMap((tensors, i) => tensors.map(({ name }) => [name, fileName(i)]))),
    };
    writeFileSync(path.join(folder, "model.safetensors.index.json"), `${JSON.stringify(index, null, 2)}\n`);
  }
  copyFileSync(path.join(baseDir, "config.json"), path.join(folder, "config.json"));
  for (const name of COMPANIONS)
    if (existsSync(path.join(baseDir, name))) copyFileSync(path.join(baseDir, name), path.join(folder, name));
  writeFileSync(path.join(folder, "README.md"), readme);
}

function planShards({ config, weights }: StoredCheckpoint, maxShardBytes: number): PlannedTensor[][] {
  const shards: PlannedTensor[][] = [[]];
  let filled = 0;
  for (const [name, shape] of weightShapes(config)) {
    const stored = weights.external(name)?.type ?? "float16";
    const type = stored === "float32" ? "F32" : stored === "bfloat16" ? "BF16" : "F16";
    const bytes = shape.reduce((product, n) => product * n, 1) * BYTES[type];
    if (filled > 0 && filled + bytes > maxShardBytes) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)!.push({ name, shape, type, bytes });
    filled += bytes;
  }
  return shards;
}

function writeShard(file: string, tensors: readonly PlannedTensor[], values: (name: string) => Float32Array): void {
  const written = tensors.map(({ name, shape, type, bytes }) => ({
    name,
    shape,
    dtype: type,
    nBytes: bytes,
    bytes: () => encoded(values(name), type),
  }));
  writeSafetensorsFile(file, written, { format: "pt" });
}

function encoded(values: Float32Array, type: WrittenType): Uint8Array {
  if (type === "F32") return bytesOf(values);
  const narrow = type === "F16" ? floatToHalf : floatToBfloat;
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = narrow(values[i]!);
  return new Uint8Array(halves.buffer);
}

const five = (n: number): string => String(n).padStart(5, "0");
