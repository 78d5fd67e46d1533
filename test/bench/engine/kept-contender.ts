import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { openDecoderSessions } from "../../../engine/generate/decoder-sessions.ts";
import { argmax } from "../../../engine/generate/logits.ts";
import { createTokenReader } from "../../../engine/generate/token-reader.ts";
import { promptIds, serveContender } from "./contender.ts";

/** Tokens of one run while speed alone counts; the engine takes fewer where a run would last too long. */
const CHUNK_TOKENS = 256;
const CONTEXT_TOKENS = 1_024;

await serveContender(async (dir, threads) => {
  const { config: stored, weights, nParameters } = loadCheckpoint(dir);
  const config = { ...stored, contextTokens: CONTEXT_TOKENS };
  const precision = process.argv[4] === "float32" ? "float32" : "int8";
  const sessions = await openDecoderSessions(config, weights, { threads, precision, nParameters });
  const reader = createTokenReader(config, await sessions.decoderFor(null));
  reader.chunkTokens = CHUNK_TOKENS;
  const never = new AbortController().signal;
  return {
    async round(nPrefill, nDecode, seed) {
      const ids = promptIds(nPrefill, seed);
      const startedAt = performance.now();
      let id = argmax((await reader.prefill(ids, never))!);
      const prefillMs = performance.now() - startedAt;
      const decodeMs: number[] = [];
      for (let i = 0; i < nDecode; i++) {
        const from = performance.now();
        const [logits] = await reader.readAfter(nPrefill + i, [id]);
        id = argmax(logits!);
        decodeMs.push(performance.now() - from);
      }
      return { prefillMs, decodeMs };
    },
  };
});
