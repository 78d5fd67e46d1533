import { mkdirSync } from "node:fs";
import path from "node:path";
import { createRandom } from "../../../core/statistics/random.ts";
import { linearLayers, type DecoderConfig } from "../../../engine/architectures/decoder-config.ts";
import { writeAdapter, type LoraAdapter } from "../../../engine/lora/adapter.ts";
import type { EngineProcess } from "../../../engine/process/host.ts";
import type { Comparison } from "./compare-llama.ts";
import { quantile } from "./medians.ts";
import { requestAt, typingPoints } from "./typing-points.ts";

const SWAPS = 100;
/** Requests between two swaps, so that the 99th percentile is not the swaps alone. */
const REQUESTS_PER_SWAP = 2;
const RANK = 16;

/**
 * A hundred swaps between two adapters and the base model while requests come without a pause. Every text
 * must be the one that its adapter writes when nothing is swapped: a token of another one would change it.
 */
export async function measureSwaps(
  engine: EngineProcess,
  config: DecoderConfig,
  folder: string,
  signal: AbortSignal,
): Promise<Comparison> {
  const adapters = [
    null,
    ...["v1", "v2"].map((version, i) => writeRandomAdapter(config, path.join(folder, version), i)),
  ];
  const requests = typingPoints(24).map((point) => ({ ...requestAt(point, 0), maxTokens: 16 }));
  const never = new AbortController().signal;
  const expected = new Map<string, string>();
  const key = (adapter: string | null, i: number) => `${adapter} ${i}`;
  const quiet: number[] = [];
  for (const adapter of adapters) {
    await engine.setAdapter(adapter);
    for (const [i, request] of requests.entries()) {
      const startedAt = performance.now();
      const { text } = await engine.complete(request, never);
      quiet.push(performance.now() - startedAt);
      expected.set(key(adapter?.version ?? null, i), text);
    }
  }
  const busy: number[] = [];
  const swaps: Promise<void>[] = [];
  let failures = 0;
  let mixed = 0;
  for (let i = 0; i < SWAPS * REQUESTS_PER_SWAP && !signal.aborted; i++) {
    if (i % REQUESTS_PER_SWAP === 0) {
      const adapter = adapters[(i / REQUESTS_PER_SWAP) % adapters.length]!;
      swaps.push(engine.setAdapter(adapter).catch(() => void failures++));
    }
    const at = i % requests.length;
    const startedAt = performance.now();
    try {
      const { text, adapter } = await engine.complete(requests[at]!, never);
      if (text !== expected.get(key(adapter, at))) mixed++;
    } catch {
      failures++;
    }
    busy.push(performance.now() - startedAt);
  }
  await Promise.all(swaps);
  await engine.setAdapter(null);
  const ratio = quantile(busy, 0.99) / quantile(quiet, 0.99);
  const metrics = {
    "swaps.count": swaps.length,
    "swaps.failures": failures,
    "swaps.mixed": mixed,
    "swaps.quiet.p50Ms": quantile(quiet, 0.5),
    "swaps.quiet.p99Ms": quantile(quiet, 0.99),
    "swaps.p50Ms": quantile(busy, 0.5),
    "swaps.p99Ms": quantile(busy, 0.99),
    "swaps.p99Ratio": ratio,
  };
  const bar = (name: string, value: number, target: number) => ({ name, value, target, want: "at-most" }) as const;
  return {
    metrics,
    bars: [
      bar("failures through 100 adapter swaps", failures, 0),
      bar("texts that no one adapter wrote", mixed, 0),
      bar("p99 with swaps over p99 without", ratio, 2),
    ],
  };
}

function writeRandomAdapter(config: DecoderConfig, dir: string, seed: number): { version: string; dir: string } {
  const random = createRandom(seed + 1);
  const matrix = (size: number) => Float32Array.from({ length: size }, () => 0.04 * (random() - 0.5));
  const layers: LoraAdapter["layers"] = new Map(
    linearLayers(config).map(({ name, nIn, nOut }) => [
      name,
      { rank: RANK, scale: 2, a: matrix(RANK * nIn), b: matrix(nOut * RANK) },
    ]),
  );
  mkdirSync(dir, { recursive: true });
  writeAdapter(dir, { rank: RANK, alpha: 2 * RANK, layers }, config, { baseModel: "base", baseSha256: "", readme: "" });
  return { version: path.basename(dir), dir };
}
