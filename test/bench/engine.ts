import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { loadCheckpoint, readConfig } from "../../engine/checkpoint/checkpoint.ts";
import { startEngineProcess } from "../../engine/process/host.ts";
import { compareWithLlama } from "./engine/compare-llama.ts";
import { measureLatency } from "./engine/latency.ts";
import { installLlama } from "./engine/llama-install.ts";
import { writeRandomModel, writeShippedModel } from "./engine/model-files.ts";
import { baseShape, S120, S30, S500 } from "./engine/shapes.ts";
import { measureSwaps } from "./engine/swaps.ts";
import type { Bar, Bench } from "./harness/report.ts";

const SHIPPED = path.resolve(import.meta.dirname, "../../models/base");

/**
 * Options: `--only` some of base, s30, s120, s500, latency, swaps (comma-separated, default all) · `--rounds`
 * counted rounds of a comparison (default 7) · `--threads` of a comparison (default 2) · `--model-dir`.
 */
export const bench: Bench = {
  about: "speed and memory of inference against llama.cpp on the same model; latency; adapter swaps under load",
  async run({ args, signal, say }) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: "string", default: "base,s30,s120,s500,latency,swaps" },
        rounds: { type: "string", default: "7" },
        threads: { type: "string", default: "2" },
        "model-dir": { type: "string", default: SHIPPED },
      },
    });
    const only = new Set(values.only.split(","));
    const modelDir = path.resolve(values["model-dir"]);
    const metrics: Record<string, number> = {};
    const bars: Bar[] = [];
    const add = (part: { metrics: Readonly<Record<string, number>>; bars: readonly Bar[] }) => {
      Object.assign(metrics, part.metrics);
      bars.push(...part.bars);
    };
    const folder = mkdtempSync(path.join(os.tmpdir(), "kept-bench-engine-"));
    try {
      const isCompared = ["base", "s30", "s120", "s500"].some((name) => only.has(name));
      if (isCompared && installLlama(say)) {
        const options = { threads: Number(values.threads), rounds: Number(values.rounds), signal };
        const { config, weights } = loadCheckpoint(modelDir);
        const tokenizer = path.join(modelDir, "tokenizer.json");
        for (const shape of [baseShape(config), S30, S120, S500]) {
          if (!only.has(shape.name) || signal.aborted) continue;
          say(`${shape.name}: writing the model for both sides…`);
          const files =
            shape.name === "base"
              ? writeShippedModel(folder, modelDir, config, weights)
              : writeRandomModel(folder, shape, tokenizer);
          say(`${shape.name}: ${options.rounds} rounds of each side in turn, ${options.threads} threads…`);
          add(await compareWithLlama(shape, files, options));
          if (shape.name !== "base") rmSync(files.dir, { recursive: true });
          rmSync(files.gguf);
        }
      }
      if ((only.has("latency") || only.has("swaps")) && !signal.aborted) {
        say("latency and swaps: the engine process with one thread fewer than there are cores…");
        const entry = path.resolve(import.meta.dirname, "../../engine/process/main.ts");
        using engine = await startEngineProcess({
          entry,
          modelDir,
          threads: Math.max(1, os.availableParallelism() - 1),
        });
        if (only.has("latency")) add(await measureLatency(engine, 40, signal));
        if (only.has("swaps")) add(await measureSwaps(engine, readConfig(modelDir), folder, signal));
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    return { metrics, bars };
  },
};
