import { mkdirSync } from "node:fs";
import path from "node:path";
import { createRandom } from "../../../core/statistics/random.ts";
import { linearLayers, type DecoderConfig } from "../../../engine/architectures/decoder-config.ts";
import { writeAdapter, type LoraAdapter } from "../../../engine/lora/adapter.ts";
import type { EngineProcess } from "../../../engine/process/host.ts";
import type { Comparison } from "./compare-llama.ts";
import { quantile } from "./medians.ts";
import { requestAt, typingPoints } from "./typing-points.ts";

/** Requests are served in turns of this many, without swaps and with them, so that both meet the same machine. */
const TURNS = 10;
const SWAPS_A_TURN = 10;
/** Requests between two swaps, so that the 99th percentile is not the swaps alone. */
const REQUESTS_A_SWAP = 2;
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
  for (const adapter of adapters) {
    await engine.setAdapter(adapter);
    for (const [i, request] of requests.entries())
      expected.set(key(adapter?.version ?? null, i), (await engine.complete(request, never)).text);
  }
  const times: Record<"quiet" | "busy", number[]> = { quiet: [], busy: [] };
  const swaps: Promise<void>[] = [];
  let failures = 0;
  let mixed = 0;
  let nSwaps = 0;
  const swap = () => {
    const adapter = adapters[nSwaps++ % adapters.length]!;
    swaps.push(engine.setAdapter(adapter).catch(() => void failures++));
  };
  for (let turn = 0; turn < TURNS && !signal.aborted; turn++) {
    for (const kind of ["quiet", "busy"] as const) {
      for (let i = 0; i < SWAPS_A_TURN * REQUESTS_A_SWAP; i++) {
        if (kind === "busy" && i % REQUESTS_A_SWAP === 0) swap();
        const at = (i * 7 + turn) % requests.length;
        const startedAt = performance.now();
        try {
          const { text, adapter } = await engine.complete(requests[at]!, never);
          if (text !== expected.get(key(adapter, at))) mixed++;
        } catch {
          failures++;
        }
        times[kind].push(performance.now() - startedAt);
      }
    }
  }
  await Promise.all(swaps);
  await engine.setAdapter(null);
  const ratio = quantile(times.busy, 0.99) / quantile(times.quiet, 0.99);
  const metrics = {
    "swaps.count": swaps.length,
    "swaps.failures": failures,
    "swaps.mixed": mixed,
    "swaps.quiet.p50Ms": quantile(times.quiet, 0.5),
    "swaps.quiet.p99Ms": quantile(times.quiet, 0.99),
    "swaps.p50Ms": quantile(times.busy, 0.5),
    "swaps.p99Ms": quantile(times.busy, 0.99),
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
