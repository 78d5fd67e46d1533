/**
 * `node load-under-watch.ts <model folder> [compile]`: loads the folder, compiles its float32 graph where
 * asked, and prints as JSON what that took of the process: milliseconds, peak memory, and memory of its own.
 */
import { readFileSync } from "node:fs";
import { loadCheckpoint } from "../../engine/checkpoint/checkpoint.ts";
import { EngineError } from "../../engine/engine-error.ts";

export interface LoadReport {
  /** Of the refusal; null when the folder was loaded. */
  readonly code: string | null;
  readonly ms: number;
  /** Growth of the peak resident set, files that are mapped included. */
  readonly peakBytes: number;
  /** Growth of the memory that no file backs. */
  readonly ownBytes: number;
}

const BYTES_OF_KB = 1_024;
const peak = () => process.resourceUsage().maxRSS * BYTES_OF_KB;
const own = () =>
  Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? Number.NaN) * BYTES_OF_KB;

const [folder, what] = process.argv.slice(2);
// Imported only where needed: the runtime's library takes a second to load.
const runtime =
  what === "compile"
    ? {
        ...(await import("../../engine/architectures/inference-graph.ts")),
        ...(await import("../../engine/graph/session.ts")),
      }
    : null;
const before = { at: performance.now(), peak: peak(), own: own() };
let code: string | null = null;
try {
  const { config, weights } = loadCheckpoint(folder!);
  if (runtime) {
    const graph = runtime.buildInferenceGraph({ ...config, contextTokens: 16 }, weights);
    await runtime.compileGraph(graph, { threads: 1, prepack: false });
  }
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  code = error.code;
}
const report: LoadReport = {
  code,
  ms: performance.now() - before.at,
  peakBytes: peak() - before.peak,
  ownBytes: own() - before.own,
};
process.stdout.write(JSON.stringify(report));
