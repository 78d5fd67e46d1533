import { linearLayers, type DecoderConfig } from "../../engine/architectures/decoder-config.ts";
import { adapterInputs } from "../../engine/architectures/inference-graph.ts";
import { createKvCache } from "../../engine/generate/kv-cache.ts";
import { floats, int32s, int64s, type GraphSession } from "../../engine/graph/session.ts";

/** Logits of every token, read in chunks of the given lengths. */
export async function inferenceLogits(
  config: DecoderConfig,
  session: GraphSession,
  ids: readonly number[],
  chunkTokens: readonly number[],
): Promise<Float32Array[]> {
  const cache = createKvCache(config);
  const noAdapter = Object.fromEntries(
    linearLayers(config).flatMap(({ name, nIn, nOut }) => [
      [adapterInputs(name).a, floats(new Float32Array(nIn), [1, nIn])],
      [adapterInputs(name).b, floats(new Float32Array(nOut), [nOut, 1])],
    ]),
  );
  const rows: Float32Array[] = [];
  for (const length of chunkTokens) {
    const chunk = ids.slice(rows.length, rows.length + length);
    const total = rows.length + chunk.length;
    const outputs = await session.run(
      {
        ids: int64s(chunk, [chunk.length]),
        rows: int64s([...chunk.keys()], [chunk.length]),
        last_position: int32s([total - 1], [1]),
        total_tokens: int32s([total], []),
        ...cache.feeds,
        ...noAdapter,
      },
      { logits: null, ...cache.fetches },
    );
    const logits = outputs["logits"]!.data as Float32Array;
    chunk.forEach((_, i) => rows.push(logits.slice(i * config.vocabSize, (i + 1) * config.vocabSize)));
  }
  return rows;
}
