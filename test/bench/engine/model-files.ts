import { copyFileSync, mkdirSync, readFileSync, closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { weightShapes, type DecoderConfig } from "../../../engine/architectures/decoder-config.ts";
import type { Weights } from "../../../engine/architectures/weights.ts";
import { bfloat16ToFloat32 } from "../../../engine/checkpoint/float-conversion.ts";
import { writeGgufModel } from "../../../engine/export/gguf-model.ts";
import type { TokenizerDefinition } from "../../../engine/export/gguf-tokenizer.ts";
import { sizeOf } from "../../../engine/graph/graph.ts";
import { hubConfig } from "../../support/hub-config.ts";
import type { Shape } from "./shapes.ts";

/** The same model for both sides: a folder for Kept and a Q8_0 file for llama.cpp. */
export interface ModelFiles {
  readonly dir: string;
  readonly gguf: string;
}

/** Random weights of a shape, in bfloat16. Speed does not depend on them; they only have to stay finite. */
export function writeRandomModel(folder: string, { name, config }: Shape, tokenizerFile: string): ModelFiles {
  const dir = path.join(folder, name);
  mkdirSync(dir);
  copyFileSync(tokenizerFile, path.join(dir, "tokenizer.json"));
  writeFileSync(path.join(dir, "config.json"), JSON.stringify(hubConfig(config)));
  const shapes = weightShapes(config);
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [tensor, shape] of shapes) {
    const end = offset + 2 * sizeOf(shape);
    header[tensor] = { dtype: "BF16", shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header).padEnd(Math.ceil(JSON.stringify(header).length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const fd = openSync(path.join(dir, "model.safetensors"), "w");
  try {
    writeSync(fd, length);
    writeSync(fd, json);
    for (const [tensor, shape] of shapes) writeWhole(fd, randomHalves(tensor, sizeOf(shape)));
  } finally {
    closeSync(fd);
  }
  const weight = (tensor: string) => bfloat16ToFloat32(randomHalves(tensor, sizeOf(shapes.get(tensor)!)));
  return { dir, gguf: writeGguf(folder, name, config, weight, tokenizerFile) };
}

/** The shipped model, with its weights as a GGUF file beside it. */
export function writeShippedModel(folder: string, dir: string, config: DecoderConfig, weights: Weights): ModelFiles {
  const weight = (tensor: string) => weights.get(tensor)!;
  return { dir, gguf: writeGguf(folder, "base", config, weight, path.join(dir, "tokenizer.json")) };
}

function writeGguf(
  folder: string,
  name: string,
  config: DecoderConfig,
  weight: (tensor: string) => Float32Array,
  tokenizerFile: string,
): string {
  const file = path.join(folder, `${name}.gguf`);
  const tokenizer = JSON.parse(readFileSync(tokenizerFile, "utf8")) as TokenizerDefinition;
  writeGgufModel(file, { name, config, weight, tokenizer }, "Q8_0");
  return file;
}

/** 1 in a norm, 0 in a bias, and elsewhere ± 2^-6 to 2^-5 at random: the upper halves of float32 numbers. */
function randomHalves(tensor: string, size: number): Uint16Array {
  const halves = new Uint16Array(size);
  if (tensor.includes("norm")) return halves.fill(0x3f80);
  if (tensor.endsWith("bias")) return halves;
  let state = size % 65_521;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    halves[i] = ((state >>> 16) & 0x807f) | 0x3c80;
  }
  return halves;
}

function writeWhole(fd: number, { buffer }: Uint16Array): void {
  const bytes = new Uint8Array(buffer);
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, Math.min(2 ** 28, bytes.length - done));
}
