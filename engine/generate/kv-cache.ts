import type { Tensor } from "onnxruntime-node";
import type { DecoderConfig } from "../architectures/decoder-config.ts";
import { cacheNames } from "../architectures/inference-graph.ts";
import { floats } from "../graph/session.ts";

/**
 * Keys and values of the tokens that the model has read, at full length from the start: ONNX Runtime
 * writes new entries in place, and going back to an earlier token is only a smaller count.
 */
export interface KvCache {
  /** Tokens whose keys and values are valid, from the first. */
  readonly ids: number[];
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly fetches: Readonly<Record<string, Tensor>>;
}

export function createKvCache(config: DecoderConfig): KvCache {
  const shape = [1, config.nKvHeads, config.contextTokens, config.headDim];
  const size = config.nKvHeads * config.contextTokens * config.headDim;
  const feeds: Record<string, Tensor> = {};
  const fetches: Record<string, Tensor> = {};
  for (let layer = 0; layer < config.nLayers; layer++) {
    const names = cacheNames(layer);
    const key = floats(new Float32Array(size), shape);
    const value = floats(new Float32Array(size), shape);
    Object.assign(feeds, { [names.pastKey]: key, [names.pastValue]: value });
    Object.assign(fetches, { [names.presentKey]: key, [names.presentValue]: value });
  }
  return { ids: [], feeds, fetches };
}

/** Keep the tokens that the cache shares with `ids` from the start; returns how many. */
export function rewindTo(cache: KvCache, ids: readonly number[]): number {
  let shared = 0;
  while (shared < cache.ids.length && shared < ids.length && cache.ids[shared] === ids[shared]) shared++;
  cache.ids.length = shared;
  return shared;
}
