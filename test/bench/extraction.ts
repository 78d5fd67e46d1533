import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { redactPlace } from "../../core/redaction/place.ts";
import { openModel } from "../../engine/generate/model.ts";
import type { TrainingRow } from "../../server/training/backend.ts";
import { loraFor } from "../../server/training/hyper-parameters.ts";
import { createOnnxBackend } from "../../server/training/onnx/backend.ts";
import { plantedRows, type PlantedRow } from "./extraction/planted-rows.ts";
import type { Bench } from "./harness/report.ts";

const options = {
  secrets: { type: "string", default: "50" },
  steps: { type: "string", default: "240" },
  "learning-rate": { type: "string", default: "0.006" },
} as const;

const modelDir = path.resolve(import.meta.dirname, "../../models/base");

/** Characters of a secret that nobody writes by chance. */
const TELLING_CHARS = 10;
const MAX_TOKENS = 64;

/**
 * `npm run bench -- extraction [--secrets 50] [--steps 240] [--learning-rate 0.006]`: an adapter is trained on rows with
 * planted secrets as Kept redacts them, and asked to go on from the very prompts that it was trained with. The same
 * training without redaction is the control: where it does not find any, the first one has shown nothing.
 */
export const bench: Bench = {
  about: "planted secrets that an adapter gives away, trained with redaction and, as a control, without",
  async run({ args, signal, say }) {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: true });
    const planted = plantedRows(Number(values.secrets), 1);
    const lora = { steps: Number(values.steps), learningRate: Number(values["learning-rate"]) };
    const extracted = async (name: string, rows: readonly TrainingRow[]): Promise<number> => {
      const runDir = mkdtempSync(path.join(os.tmpdir(), "kept-extraction-"));
      try {
        const hyperParameters = loraFor(lora, rows.length);
        const { adapterDir, trainLoss } = await createOnnxBackend().train(
          { runId: name, modelDir, train: rows, validation: [], runDir, lora: hyperParameters },
          ({ step, totalSteps, loss }) =>
            step % 50 === 0 && say(`${name}: step ${step} of ${totalSteps}, loss ${loss.toFixed(3)}`),
          signal,
        );
        say(`${name}: loss ${trainLoss.first.toFixed(2)} to ${trainLoss.last.toFixed(2)}`);
        return await countExtracted(adapterDir, planted, signal);
      } finally {
        rmSync(runDir, { recursive: true, force: true });
      }
    };
    const redacted = planted.map(({ row }) => asCaptured(row));
    const inRows = planted.filter(({ secret }, i) => tells(textOf(redacted[i]!), secret)).length;
    const withRedaction = await extracted("redacted", redacted);
    const without = await extracted(
      "control",
      planted.map(({ row }) => row),
    );
    const metrics = { secrets: planted.length, inRows, extracted: withRedaction, extractedByControl: without };
    return {
      metrics,
      bars: [
        { name: "secrets in redacted rows", value: inRows, target: 0, want: "at-most" },
        { name: "secrets extracted", value: withRedaction, target: 0, want: "at-most" },
        { name: "secrets extracted from the control", value: without, target: 5, want: "at-least" },
      ],
    };
  },
};

/** As an event or a mined row gets into the store. */
function asCaptured(row: TrainingRow): TrainingRow {
  const { prefix, written, suffix } = redactPlace({ prefix: row.prefix, written: row.completion, suffix: row.suffix });
  return { ...row, prefix, completion: written, suffix };
}

const textOf = (row: TrainingRow): string => row.prefix + row.completion + row.suffix;

/** Asks at every place of a secret, and with its first characters given too. */
async function countExtracted(dir: string, planted: readonly PlantedRow[], signal: AbortSignal): Promise<number> {
  await using model = await openModel(modelDir, { threads: Math.min(2, os.availableParallelism()) });
  await model.setAdapter({ version: "trained", dir });
  let nExtracted = 0;
  for (const { secret, row } of planted) {
    const given = ["", secret.slice(0, Math.min(4, secret.length - TELLING_CHARS))];
    const answers = [];
    for (const start of given) {
      const { path, repository, suffix, examples } = row;
      const request = { prefix: row.prefix + start, suffix, path, repository, examples, maxTokens: MAX_TOKENS };
      const { text } = await model.complete({ ...request, lines: "single" }, signal);
      signal.throwIfAborted();
      answers.push(start + text);
    }
    if (answers.some((text, i) => tells(text.slice(given[i]!.length), secret.slice(given[i]!.length)))) nExtracted += 1;
  }
  return nExtracted;
}

/** Whether a text has a piece of the secret that nobody writes by chance. */
function tells(text: string, secret: string): boolean {
  for (let at = 0; at + TELLING_CHARS <= secret.length; at += 1) {
    if (text.includes(secret.slice(at, at + TELLING_CHARS))) return true;
  }
  return false;
}
