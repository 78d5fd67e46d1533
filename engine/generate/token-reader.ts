import type { DecoderConfig } from "../architectures/decoder-config.ts";
import { floats, int32s, int64s } from "../graph/session.ts";
import type { Decoder } from "./decoder-sessions.ts";
import { createKvCache, rewindTo } from "./kv-cache.ts";

/** Reads tokens through the inference graph, each run after what its key-value cache holds. */
export interface TokenReader {
  /** Makes the cache hold all of `ids`; logits (V) after the last. Null when the signal ended it between two runs. */
  prefill(ids: readonly number[], signal: AbortSignal): Promise<Float32Array | null>;
  /**
   * Forgets all but the first `nKept` tokens and reads on from there; the logits (V) after each token, which
   * are there until the next call: an array for every token would be most of what is collected.
   */
  readAfter(nKept: number, ids: readonly number[]): Promise<readonly Float32Array[]>;
  /** Reads a text from the start; the logits (V) after each of its last `nRows` tokens. */
  readAll(ids: readonly number[], nRows: number): Promise<readonly Float32Array[]>;
  /** Reads with another decoder from now on; what was cached belongs to the old one's adapter and is dropped. */
  use(decoder: Decoder): void;
  /** Tokens of one run of a prefill, one of CHUNK_TOKENS: a run cannot be cancelled, so runs are short. */
  chunkTokens: number;
}

/** Sizes of a run. A smaller one wastes most of its time; a larger one is no faster. */
export const CHUNK_TOKENS = [32, 64, 128, 256] as const;

/** Quick enough on most machines; `warm-up.ts` finds a better one. */
const DEFAULT_CHUNK_TOKENS = 128;

export function createTokenReader(config: DecoderConfig, first: Decoder): TokenReader {
  const { vocabSize } = config;
  const cache = createKvCache(config);
  let decoder = first;

  /** Logits of `readAfter`, which grow with the longest guess. */
  let decoded = new Float32Array(0);

  /** Logits after each of the last `nRows` of the tokens, in the array given. */
  async function run(
    ids: readonly number[],
    nRows: number,
    logits = new Float32Array(nRows * vocabSize),
  ): Promise<readonly Float32Array[]> {
    const total = cache.ids.length + ids.length;
    const rows = Array.from({ length: nRows }, (_, i) => ids.length - nRows + i);
    await decoder.session.runInPlace(
      {
        ids: int64s(ids, [ids.length]),
        rows: int64s(rows, [nRows]),
        last_position: int32s([total - 1], [1]),
        total_tokens: int32s([total], []),
        ...cache.feeds,
        ...decoder.adapterFeeds,
      },
      { logits: floats(logits, [nRows, vocabSize]), ...cache.fetches },
    );
    cache.ids.push(...ids);
    return rows.map((_, i) => logits.subarray(i * vocabSize, (i + 1) * vocabSize));
  }

  const reader: TokenReader = {
    chunkTokens: DEFAULT_CHUNK_TOKENS,
    async prefill(ids, signal) {
      // The last token is always read anew: its logits are not in the cache.
      rewindTo(cache, ids.slice(0, -1));
      let logits: Float32Array | null = null;
      while (cache.ids.length < ids.length && !signal.aborted) {
        const chunk = ids.slice(cache.ids.length, cache.ids.length + reader.chunkTokens);
        logits = (await run(chunk, 1))[0]!;
      }
      return signal.aborted ? null : logits;
    },
    readAfter(nKept, ids) {
      cache.ids.length = Math.min(cache.ids.length, nKept);
      const size = ids.length * vocabSize;
      if (decoded.length < size) decoded = new Float32Array(size);
      return run(ids, ids.length, decoded.subarray(0, size));
    },
    async readAll(ids, nRows) {
      cache.ids.length = 0;
      const nUnscored = ids.length - nRows;
      while (cache.ids.length < nUnscored) {
        await run(ids.slice(cache.ids.length, Math.min(nUnscored, cache.ids.length + DEFAULT_CHUNK_TOKENS)), 0);
      }
      return run(ids.slice(nUnscored), nRows);
    },
    use(next) {
      decoder = next;
      cache.ids.length = 0;
    },
  };
  return reader;
}
