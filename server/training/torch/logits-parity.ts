import { readFileSync } from "node:fs";
import { linearLayers } from "../../../engine/architectures/decoder-config.ts";
import { adapterInputs, buildInferenceGraph } from "../../../engine/architectures/inference-graph.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { createKvCache } from "../../../engine/generate/kv-cache.ts";
import { compileGraph, floats, int32s, int64s } from "../../../engine/graph/session.ts";
import { AppError } from "../../errors.ts";

/** Largest difference of a logit between PyTorch and the engine that counts as rounding. */
export const PARITY_BAR = 1e-3;

/**
 * Largest absolute difference between the engine's logits of a model folder and those that `parity.py`
 * wrote, over every token of one row. Throws `parity` above {@link PARITY_BAR}.
 */
export async function checkParity(modelDir: string, logitsFile: string): Promise<number> {
  const { ids, logits } = JSON.parse(readFileSync(logitsFile, "utf8")) as { ids: number[]; logits: number[][] };
  const ours = await engineLogits(modelDir, ids);
  const { length: vocabulary } = logits[0]!;
  let largest = 0;
  logits.forEach((row, at) => {
    row.forEach((value, id) => {
      const difference = Math.abs(value - ours[at * vocabulary + id]!);
      // NaN is no rounding either.
      if (!(difference <= largest)) largest = difference;
    });
  });
  if (!(largest <= PARITY_BAR)) {
    throw new AppError(
      "parity",
      `The engine's logits of ${modelDir} differ from PyTorch's by up to ${largest}, more than ${PARITY_BAR}.`,
    );
  }
  return largest;
}

/** Logits (T x V) of every position, without an adapter. */
async function engineLogits(modelDir: string, ids: readonly number[]): Promise<Float32Array> {
  const { config, weights } = loadCheckpoint(modelDir);
  const session = await compileGraph(buildInferenceGraph(config, weights), { threads: 1, prepack: false });
  try {
    const cache = createKvCache(config);
    const noAdapter = Object.fromEntries(
      linearLayers(config).flatMap(({ name, nIn, nOut }) => [
        [adapterInputs(name).a, floats(new Float32Array(nIn), [1, nIn])],
        [adapterInputs(name).b, floats(new Float32Array(nOut), [nOut, 1])],
      ]),
    );
    const outputs = await session.run(
      {
        ids: int64s(ids, [ids.length]),
        rows: int64s([...ids.keys()], [ids.length]),
        last_position: int32s([ids.length - 1], [1]),
        total_tokens: int32s([ids.length], []),
        ...cache.feeds,
        ...noAdapter,
      },
      { logits: null, ...cache.fetches },
    );
    return outputs["logits"]!.data as Float32Array;
  } finally {
    await session.release();
  }
}
