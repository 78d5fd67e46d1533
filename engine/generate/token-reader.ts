import type { Tensor } from "onnxruntime-node";
import type { DecoderConfig } from "../architectures/decoder-config.ts";
import { int32s, int64s, type GraphSession } from "../graph/session.ts";
import { createKvCache, rewindTo } from "./kv-cache.ts";

/** Reads tokens through the inference graph, each run after what its key-value cache holds. */
export interface TokenReader {
  /** Reads the tokens after the cached ones; logits (rows.length, V) of the given positions among them. */
  read(ids: readonly number[], rows: readonly number[]): Promise<Float32Array>;
  /** Makes the cache hold all of `ids`; logits (V) after the last. Null when the signal ended it between two runs. */
  prefill(ids: readonly number[], signal: AbortSignal): Promise<Float32Array | null>;
  /** Reads with these adapter inputs from now on; what was cached belongs to the old ones and is dropped. */
  useAdapter(feeds: Record<string, Tensor>): void;
  /** Forgets every token. */
  clear(): void;
}

/** Tokens of one run of the graph: a run cannot be cancelled, so runs are short. */
const PREFILL_CHUNK = 128;

export function createTokenReader(
  session: GraphSession,
  config: DecoderConfig,
  adapterFeeds: Record<string, Tensor>,
): TokenReader {
  const cache = createKvCache(config);
  let adapter = adapterFeeds;

  async function read(ids: readonly number[], rows: readonly number[]): Promise<Float32Array> {
    const total = cache.ids.length + ids.length;
    const outputs = await session.run(
      {
        ids: int64s(ids, [ids.length]),
        rows: int64s(rows, [rows.length]),
        last_position: int32s([total - 1], [1]),
        total_tokens: int32s([total], []),
        ...cache.feeds,
        ...adapter,
      },
      { logits: null, ...cache.fetches },
    );
    cache.ids.push(...ids);
    return outputs["logits"]!.data as Float32Array;
  }

  return {
    read,
    async prefill(ids, signal) {
      // The last token is always read anew: its logits are not in the cache.
      rewindTo(cache, ids.slice(0, -1));
      let logits: Float32Array | null = null;
      for (let at = cache.ids.length; at < ids.length && !signal.aborted; at += PREFILL_CHUNK) {
        const chunk = ids.slice(at, at + PREFILL_CHUNK);
        logits = await read(chunk, [chunk.length - 1]);
      }
      return signal.aborted ? null : logits;
    },
    useAdapter(feeds) {
      adapter = feeds;
      cache.ids.length = 0;
    },
    clear() {
      cache.ids.length = 0;
    },
  };
}
