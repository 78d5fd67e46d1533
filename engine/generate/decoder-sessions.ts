import type { Tensor } from "onnxruntime-node";
import type { DecoderConfig } from "../architectures/decoder-config.ts";
import { buildInferenceGraph } from "../architectures/inference-graph.ts";
import type { Precision } from "../architectures/inference-weights.ts";
import type { Weights } from "../architectures/weights.ts";
import { createComputeDevice } from "../devices/compute-device.ts";
import type { Provider } from "../devices/device.ts";
import { notify } from "../devices/notice.ts";
import { EngineError } from "../engine-error.ts";
import { compileGraph, type GraphSession } from "../graph/session.ts";
import type { LoraAdapter } from "../lora/adapter.ts";
import { cachedStore, int8Key, type CachedStore, type Int8CacheOptions } from "../quantize/int8-cache.ts";
import { fileStore, memoryStore, type Int8Store } from "../quantize/int8-store.ts";
import { adapterFeeds } from "./adapter-feeds.ts";

/** A compiled graph, and what it takes beside tokens and cache. */
export interface Decoder {
  readonly session: GraphSession;
  readonly adapterFeeds: Readonly<Record<string, Tensor>>;
}

/**
 * The graphs of one model: one without adapter inputs, so that the base model pays nothing for what it
 * does not use, and one with them, compiled when the first adapter comes. From then on a swap passes
 * other tensors.
 */
export interface DecoderSessions {
  /** The decoder with an adapter, or of the base model alone. Not while a run is under way. */
  decoderFor(adapter: LoraAdapter | null): Promise<Decoder>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface DecoderSessionOptions {
  readonly threads: number;
  readonly precision: Precision;
  readonly nParameters: number;
  /** Where the graphs run, as long as the device lasts; the CPU unless given. */
  readonly provider?: Provider;
  /** Identity of the weights: those of a large model are quantised once and kept. Not kept unless given. */
  readonly sha256?: string;
  readonly cache?: Int8CacheOptions;
}

/**
 * Largest model of which both graphs are kept: each has its own copy of the weights. A larger one leaves
 * the graph without adapter inputs for good when its first adapter comes, and serves the base model with
 * an adapter of zeros.
 */
const MAX_PARAMETERS_TWICE = 64_000_000;

/** From here on int8 weights go through a file that is mapped: a copy in memory costs more than writing it. */
const MIN_MAPPED_PARAMETERS = 2_000_000;

/** From here on quantising takes longer than reading and hashing what was quantised before: half a second. */
const MIN_CACHED_PARAMETERS = 64_000_000;

export async function openDecoderSessions(
  config: DecoderConfig,
  weights: Weights,
  options: DecoderSessionOptions,
): Promise<DecoderSessions> {
  const { threads, precision } = options;
  const isLarge = options.nParameters > MAX_PARAMETERS_TWICE;
  const device = createComputeDevice(options.provider ?? "cpu");
  const compileFrom = async (store: Int8Store, provider: Provider, adapters: "inputs" | "none") => {
    try {
      const graph = buildInferenceGraph(config, weights, { precision, adapters }, store);
      const session = await compileGraph(graph, { threads, prepack: true, provider });
      if ("commit" in store) (store as CachedStore).commit();
      return session;
    } finally {
      store[Symbol.dispose]();
    }
  };
  const { nParameters, sha256 } = options;
  const isCached = precision === "int8" && nParameters >= MIN_CACHED_PARAMETERS && sha256 !== undefined;
  // Of the context, which has no weights, the key is left free.
  const keyOf = (adapters: string) => int8Key(sha256, { ...config, contextTokens: 0 }, adapters);
  const compileOn = async (provider: Provider, adapters: "inputs" | "none") => {
    if (nParameters < MIN_MAPPED_PARAMETERS) return compileFrom(memoryStore(), provider, adapters);
    if (!isCached) return compileFrom(fileStore(), provider, adapters);
    try {
      return await compileFrom(cachedStore(keyOf(adapters), options.cache), provider, adapters);
    } catch (error) {
      if (!(error instanceof EngineError && error.code === "quantised-cache-unavailable")) throw error;
      notify({ code: error.code, message: error.message });
      return compileFrom(fileStore(), provider, adapters);
    }
  };
  const compile = (adapters: "inputs" | "none") => device.open((provider) => compileOn(provider, adapters));
  let plain: GraphSession | null = await compile("none");
  let adapted: GraphSession | null = null;
  return {
    async decoderFor(adapter) {
      if (!adapter && plain) return { session: plain, adapterFeeds: {} };
      adapted ??= await compile("inputs");
      if (plain && isLarge) {
        await plain.release();
        plain = null;
      }
      return { session: adapted, adapterFeeds: adapterFeeds(config, adapter) };
    },
    async [Symbol.asyncDispose]() {
      await plain?.release();
      await adapted?.release();
    },
  };
}
