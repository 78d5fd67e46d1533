import { readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gitCommand } from "../../../tracker/git-command.ts";
import { AppError } from "../../errors.ts";
import type { RunConfiguration } from "../run-configuration.ts";

/** Steps of each cycle: enough for the loss to fall well below that of guessing. */
const SMOKE_STEPS = 40;
const SOURCE = /\.(?:ts|mts|mjs|cjs|js|py)$/;
/** Longer files are data, bytes. */
const MAX_SOURCE_BYTES = 200_000;

/**
 * The same recipe at toy size: every stage and every cycle, with a model of 0.2 M parameters and a few
 * thousand tokens a cycle. Cycles count tokens, so that a run is the same on every machine.
 */
export function smokeConfiguration(full: RunConfiguration): RunConfiguration {
  const contextTokens = 128;
  const batchRows = 8;
  const stepTokens = batchRows * contextTokens;
  return {
    ...full,
    base: null,
    data: {
      ...full.data,
      tokenizerFiles: 200,
      contextChars: 150,
      windowChars: 300,
      heldOutBuckets: 8,
      draws: Math.min(full.data.draws, 2),
    },
    model: {
      ...full.model,
      vocabSize: 1024,
      hiddenSize: 64,
      ffnSize: 160,
      layers: 2,
      heads: 4,
      kvHeads: 2,
      headDim: 16,
      contextTokens,
    },
    training: {
      ...full.training,
      batchRows,
      microRows: 4,
      reportSteps: 1,
      heldOutRows: 16,
      compile: false,
      cycles: full.training.cycles.map(({ decayFraction, learningRate, muonLearningRate, from }) => ({
        tokens: SMOKE_STEPS * stepTokens,
        warmupTokens: 5 * stepTokens,
        decayFraction,
        learningRate,
        muonLearningRate,
        from,
      })),
    },
    // Small files, so that a sharded folder is written and read.
    export: { ...full.export, maxFileMb: 0.2 },
  };
}

/** Write the source of a git work tree as one shard; its top folders stand for repositories. Returns the file. */
export async function writeOwnSource(root: string, workDir: string, signal: AbortSignal): Promise<string> {
  const listed = await gitCommand(root, ["ls-files", "-z"], signal).catch((cause: unknown) => {
    throw new AppError("invalid", `${root} is no git work tree, so its source cannot be the corpus.`, {
      cause,
      hint: "Give --corpus.",
    });
  });
  const lines = listed.split("\0").flatMap((file) => {
    const stats = SOURCE.test(file) ? statSync(path.join(root, file), { throwIfNoEntry: false }) : undefined;
    if (!stats?.isFile() || stats.size > MAX_SOURCE_BYTES) return [];
    const text = readFileSync(path.join(root, file), "utf8");
    return [JSON.stringify({ repo: `kept/${file.split("/")[0]}`, path: file, text })];
  });
  const shard = path.join(workDir, "own-source.jsonl");
  writeFileSync(shard, lines.join("\n") + "\n");
  return shard;
}
