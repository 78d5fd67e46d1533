// Measures pairs for the gate's benchmark: node test/bench/gate/measure-pairs.ts <points.jsonl[.xz]> <out.tsv>
// [--rows 1000] [--cases 900] [--seed 1] [--adapter <folder>]. An adapter is trained on the newest rows of the first
// four fifths, unless one that was is given, and meets the base model at cases of the last fifth. As the server's
// gate does, both copy from the code of earlier commits.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { acceptedAtLine, editSimilarity } from "../../../core/evaluation/similarity.ts";
import type { CaseMeasures, GateCase } from "../../../core/evaluation/gate.ts";
import type { DatasetRow } from "../../../core/dataset-row.ts";
import type { HistoryPoint } from "../../../core/history-point.ts";
import { evenlySpaced } from "../../../core/statistics/evenly-spaced.ts";
import { openModel, type Model } from "../../../engine/generate/model.ts";
import { followRememberedCode } from "../../../server/evaluation/remembered.ts";
import { readPointsFile } from "../../../server/replay/points-file.ts";
import { withoutSecrets } from "../../../server/replay/walk.ts";
import type { TrainingRow } from "../../../server/training/backend.ts";
import { loraFor } from "../../../server/training/hyper-parameters.ts";
import { createOnnxBackend } from "../../../server/training/onnx/backend.ts";
import { datasetOf, requestAt } from "../base/replay.ts";
import { pairLines } from "./pairs.ts";

const modelDir = path.resolve(import.meta.dirname, "../../../models/base");

/** Test part of a points file: its last fifth in time. */
const TRAIN_SHARE = 0.8;
/** Share of the training part that decides when to stop. */
const VALIDATION_SHARE = 0.1;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "1000" },
    cases: { type: "string", default: "900" },
    seed: { type: "string", default: "1" },
    adapter: { type: "string" },
  },
});
const [pointsFile, out] = positionals;
if (!pointsFile || !out) throw new Error("measure-pairs.ts <points.jsonl[.xz]> <out.tsv>");

const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
const dataset = datasetOf(pointsFile);
const points: HistoryPoint[] = [];
for await (const point of readPointsFile(pointsFile, stop.signal)) {
  if (point.target.trim() !== "") points.push(withoutSecrets(point));
}
const border = Math.floor(points.length * TRAIN_SHARE);
const learnt = points.slice(0, border).slice(-Number(values.rows));
const validationFrom = Math.floor(learnt.length * (1 - VALIDATION_SHARE));
const cases = evenlySpaced(points.slice(border), Number(values.cases));
const runDir = mkdtempSync(path.join(os.tmpdir(), "kept-gate-"));
try {
  const adapterDir = values.adapter ?? (await trainedAdapter());
  await using model = await openModel(modelDir, { threads: 1 });
  const base = await measureAll(model, null);
  const adapted = await measureAll(model, adapterDir);
  const pairs: GateCase[] = cases.map(({ commit }, i) => ({
    group: commit,
    champion: base[i]!,
    challenger: adapted[i]!,
  }));
  writeFileSync(out, pairLines(pairs));
} finally {
  rmSync(runDir, { recursive: true, force: true });
}

async function trainedAdapter(): Promise<string> {
  const { adapterDir } = await createOnnxBackend().train(
    {
      runId: dataset,
      modelDir,
      train: learnt.slice(0, validationFrom).map(rowOf),
      validation: learnt.slice(validationFrom).map(rowOf),
      runDir,
      lora: loraFor({ seed: Number(values.seed) }, validationFrom),
    },
    ({ step, totalSteps, loss }) => {
      if (step % 20 === 0) process.stderr.write(`${dataset}: step ${step} of ${totalSteps}, loss ${loss.toFixed(3)}\n`);
    },
    stop.signal,
  );
  return adapterDir;
}

async function measureAll(model: Model, dir: string | null): Promise<CaseMeasures[]> {
  await model.setAdapter(dir === null ? null : { version: "adapter", dir });
  const measures: CaseMeasures[] = [];
  const remembered = followRememberedCode(points.map(feedbackOf), (text) => model.tokenizer.encode(text));
  for (const point of cases) {
    const request = requestAt(point, dataset);
    const row = feedbackOf(point);
    await remembered.forwardTo([row]);
    const memory = remembered.memoryAt(row);
    const { text } = await model.complete(request, stop.signal, { memory });
    stop.signal.throwIfAborted();
    const { nats, servedNats, nTokens } = await model.scoreCompletion(request, point.target, { memory });
    measures.push({
      acceptedAtLine: acceptedAtLine(text, point.target),
      editSimilarity: editSimilarity(text, point.target),
      heldOutLoss: servedNats / nTokens,
      lossAlone: nats / nTokens,
    });
    if (measures.length % 100 === 0) process.stderr.write(`${dataset}: ${measures.length} of ${cases.length}\n`);
  }
  return measures;
}

/** What was written at a point, as if an editor had suggested it. */
const feedbackOf = (point: HistoryPoint): DatasetRow => ({
  ...rowOf(point),
  id: point.id,
  source: "feedback",
  root: dataset,
  language: point.language,
  good: true,
  writtenAt: point.writtenAt,
  group: point.commit,
});

function rowOf(point: HistoryPoint): TrainingRow {
  return {
    suggestionId: point.id,
    repository: dataset.split("+").at(-1)!,
    path: point.path,
    prefix: point.prefix,
    suffix: point.suffix,
    examples: [],
    completion: point.target,
    weight: 1,
  };
}
