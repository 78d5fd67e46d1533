import type { DecoderConfig } from "../architectures/decoder-config.ts";
import { int32s, int64s } from "../graph/session.ts";
import type { Decoder } from "./decoder-sessions.ts";
import { createKvCache, rewindTo } from "./kv-cache.ts";

/** Reads tokens through the inference graph, each run after what its key-value cache holds. */
export interface TokenReader {
  /** Reads the tokens after the cached ones; logits (rows.length, V) of the given positions among them. */
  read(ids: readonly number[], rows: readonly number[]): Promise<Float32Array>;
  /** Makes the cache hold all of `ids`; logits (V) after the last. Null when the signal ended it between two runs. */
  prefill(ids: readonly number[], signal: AbortSignal): Promise<Float32Array | null>;
  /** Reads with another decoder from now on; what was cached belongs to the old one's adapter and is dropped. */
  use(decoder: Decoder): void;
  /** Forgets every token. */
  clear(): void;
}

/** Tokens of one run of the graph: a run cannot be cancelled, so runs are short. */
const PREFILL_CHUNK = 128;

export function createTokenReader(config: DecoderConfig, first: Decoder): TokenReader {
  const cache = createKvCache(config);
  let decoder = first;

  async function read(ids: readonly number[], rows: readonly number[]): Promise<Float32Array> {
    const total = cache.ids.length + ids.length;
    const outputs = await decoder.session.run(
      {
        ids: int64s(ids, [ids.length]),
        rows: int64s(rows, [rows.length]),
        last_position: int32s([total - 1], [1]),
        total_tokens: int32s([total], []),
        ...cache.feeds,
        ...decoder.adapterFeeds,
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
    use(next) {
      decoder = next;
      cache.ids.length = 0;
    },
    clear() {
      cache.ids.length = 0;
    },
  };
}
