import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { acceptedAtLine, editSimilarity } from "../../core/evaluation/similarity.ts";
import { evenlySpaced } from "../../core/statistics/evenly-spaced.ts";
import type { HistoryPoint } from "../../core/history-point.ts";
import { openModel, type Model } from "../../engine/generate/model.ts";
import { readPointsFile } from "../../server/replay/points-file.ts";
import { measureInfilling } from "./infilling/measure.ts";
import type { Bench } from "./harness/report.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** The test part of a points file is its last fifth in time. */
const TEST_SHARE = 0.2;

/** Text shown before, and predicted in, one window of bits per byte; characters. */
const SHOWN_CHARS = 600;
const PREDICTED_CHARS = 900;

const options = {
  model: { type: "string", default: path.join(root, "models/base") },
  points: { type: "string", multiple: true, default: [] as string[] },
  files: { type: "string", default: root },
  limit: { type: "string", default: "300" },
  tasks: { type: "string", default: "200" },
} as const;

/**
 * `npm run bench -- base [--points <file.jsonl[.xz]>]... [--files <git folder>] [--limit 300] [--tasks 200] [--model <dir>]`.
 * Bits per byte are measured on TypeScript files of a git folder that the model was not trained on: by
 * default Kept's own. A points file named `x.jsonl.xz` with an `x.baseline.json` beside it brings the
 * figures of the retrieval baseline that needs no model.
 */
export const bench: Bench = {
  about: "the base model: bits per byte, replay accepted@line beside no-model retrieval, and infilling with tests",
  async run({ args, signal, say }) {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: true });
    const limit = Number(values.limit);
    await using model = await openModel(values.model, { threads: os.availableParallelism() });
    const metrics: Record<string, number> = {
      parameters: model.info.nParameters,
      weightBytes: weightBytes(values.model),
      bitsPerByte: await bitsPerByte(model, values.files, limit, say),
    };
    for (const file of values.points) {
      const name = path.basename(file).replace(/\.jsonl(\.xz)?$/, "");
      const points: HistoryPoint[] = [];
      for await (const point of readPointsFile(file, signal)) points.push(point);
      const test = evenlySpaced(points.slice(Math.floor(points.length * (1 - TEST_SHARE))), limit);
      let accepted = 0;
      let similarity = 0;
      for (const point of test) {
        const { text } = await model.complete(
          {
            ...point,
            repository: name.split("+").at(-1)!,
            examples: [],
            maxTokens: 48,
            lines: "single",
          },
          signal,
        );
        accepted += Number(acceptedAtLine(text, point.target));
        similarity += editSimilarity(text, point.target);
      }
      say(`${name}: ${test.length} points`);
      metrics[`${name}.points`] = test.length;
      metrics[`${name}.acceptedAtLine`] = accepted / test.length;
      metrics[`${name}.editSimilarity`] = similarity / test.length;
      const baseline = retrievalBaseline(file);
      if (baseline) {
        metrics[`${name}.retrieval.acceptedAtLine`] = baseline.em;
        metrics[`${name}.retrieval.editSimilarity`] = baseline.es;
      }
    }
    const infilling = await measureInfilling(model.complete, { limit: Number(values.tasks), signal, say });
    metrics["infilling.tasks"] = infilling.nTasks;
    metrics["infilling.passRate"] = infilling.passed / infilling.nTasks;
    return { metrics, bars: [] };
  },
};

/** Bits per byte of text that follows SHOWN_CHARS of a file, averaged over windows spread over the files. */
async function bitsPerByte(model: Model, folder: string, limit: number, say: (line: string) => void): Promise<number> {
  const files = execFileSync("git", ["-C", folder, "ls-files", "*.ts"], { encoding: "utf8" }).trim().split("\n");
  let nats = 0;
  let nBytes = 0;
  const chosen = evenlySpaced(files, limit);
  for (const file of chosen) {
    const text = readFileSync(path.join(folder, file), "utf8");
    const [shown, predicted] = [text.slice(0, SHOWN_CHARS), text.slice(SHOWN_CHARS, SHOWN_CHARS + PREDICTED_CHARS)];
    const lineStart = shown.lastIndexOf("\n") + 1;
    if (predicted.length < PREDICTED_CHARS / 4 || lineStart === 0) continue;
    const completion = shown.slice(lineStart) + predicted;
    const request = { prefix: shown.slice(0, lineStart), suffix: "", path: file, repository: "", examples: [] };
    nats += (await model.scoreCompletion({ ...request, maxTokens: 1, lines: "block" }, completion)).nats;
    nBytes += Buffer.byteLength(completion);
  }
  say(`bits per byte: ${chosen.length} files, ${nBytes} bytes`);
  return nats / Math.LN2 / nBytes;
}

/** The no-model figures published with a points file: retrieval and visible prefix, index updated after each commit. */
function retrievalBaseline(pointsFile: string): { em: number; es: number } | null {
  const file = pointsFile.replace(/\.jsonl(\.xz)?$/, ".baseline.json");
  if (!existsSync(file)) return null;
  const { table } = JSON.parse(readFileSync(file, "utf8")) as {
    table: Record<string, { all: { em: number; es: number } }>;
  };
  return table["pts.cont.ret+local"]?.all ?? null;
}

function weightBytes(folder: string): number {
  const names = readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
  return names.reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
}
