import { setTimeout as pause } from "node:timers/promises";
import type { EngineProcess } from "../../../engine/process/host.ts";
import type { Comparison } from "./compare-llama.ts";
import { quantile } from "./medians.ts";
import { requestAt, typingPoints } from "./typing-points.ts";

const KEYSTROKES = 4;
/** From the request to its cancellation: it is reading its prompt by then, or has begun to write. */
const CANCEL_AFTER_MS = [2, 5, 10, 20];

/**
 * What someone waits for while typing: from a keystroke to a complete one-line suggestion, the text before
 * it having been read for the last one, and from a cancellation to the engine's being free, process
 * channel included.
 */
export async function measureLatency(engine: EngineProcess, nPoints: number, signal: AbortSignal): Promise<Comparison> {
  const never = new AbortController().signal;
  const warm: number[] = [];
  const cold: number[] = [];
  const cancel: number[] = [];
  let nTokens = 0;
  for (const [i, point] of typingPoints(nPoints).entries()) {
    if (signal.aborted) break;
    for (let typed = 0; typed <= KEYSTROKES; typed++) {
      const startedAt = performance.now();
      const completion = await engine.complete(requestAt(point, typed), never);
      (typed === 0 ? cold : warm).push(performance.now() - startedAt);
      nTokens += completion.nTokens;
    }
    // Another file, so that the prompt is read anew and takes a while.
    const other = typingPoints(nPoints)[(i + Math.floor(nPoints / 2)) % nPoints]!;
    const controller = new AbortController();
    const pending = engine.complete({ ...requestAt(other, 0), lines: "block" }, controller.signal);
    await Promise.race([pending, pause(CANCEL_AFTER_MS[i % CANCEL_AFTER_MS.length])]);
    const cancelledAt = performance.now();
    controller.abort();
    if ((await pending).finish === "cancelled") cancel.push(performance.now() - cancelledAt);
  }
  const metrics = {
    "latency.warm.p50Ms": quantile(warm, 0.5),
    "latency.warm.p95Ms": quantile(warm, 0.95),
    "latency.cold.p50Ms": quantile(cold, 0.5),
    "latency.cold.p95Ms": quantile(cold, 0.95),
    "latency.tokensPerSuggestion": nTokens / (warm.length + cold.length),
    "latency.cancelled": cancel.length,
    "latency.cancel.p50Ms": quantile(cancel, 0.5),
    "latency.cancel.p95Ms": quantile(cancel, 0.95),
  };
  const bar = (name: string, value: number, target: number) => ({ name, value, target, want: "at-most" }) as const;
  return {
    metrics,
    bars: [
      bar("keystroke to one-line suggestion, p50, ms", metrics["latency.warm.p50Ms"], 60),
      bar("keystroke to one-line suggestion, p95, ms", metrics["latency.warm.p95Ms"], 150),
      bar("cancellation to a free engine, p95, ms", metrics["latency.cancel.p95Ms"], 30),
    ],
  };
}
