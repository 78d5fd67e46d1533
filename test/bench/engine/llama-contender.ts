import { pathToFileURL } from "node:url";
import { promptIds, serveContender } from "./contender.ts";
import { llamaEntry } from "./llama-install.ts";

/** The part of node-llama-cpp's interface that is used here. */
interface NodeLlamaCpp {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<{
      createContext(options: object): Promise<{ getSequence(): Sequence }>;
    }>;
  }>;
  readonly LlamaLogLevel: { readonly error: unknown };
}

interface Sequence {
  clearHistory(): Promise<void>;
  evaluate(ids: readonly number[], options: object): AsyncGenerator<number>;
}

const CONTEXT_TOKENS = 1_024;
const BATCH_TOKENS = 512;

await serveContender(async (file, threads) => {
  const { getLlama, LlamaLogLevel } = (await import(pathToFileURL(llamaEntry()).href)) as NodeLlamaCpp;
  const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: threads });
  const model = await llama.loadModel({ modelPath: file, gpuLayers: 0 });
  const options = { contextSize: CONTEXT_TOKENS, batchSize: BATCH_TOKENS, threads, flashAttention: true };
  const sequence = (await model.createContext(options)).getSequence();
  return {
    async round(nPrefill, nDecode, seed) {
      await sequence.clearHistory();
      const ids = promptIds(nPrefill, seed);
      const startedAt = performance.now();
      const decodeMs: number[] = [];
      let prefillMs = 0;
      let from = startedAt;
      // The first token that is given comes from the prompt's last logits; every later one from a run of its own.
      for await (const _ of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
        const now = performance.now();
        if (prefillMs === 0) prefillMs = now - startedAt;
        else decodeMs.push(now - from);
        from = now;
        if (decodeMs.length === nDecode) break;
      }
      return { prefillMs, decodeMs };
    },
  };
});
