import { createHash } from "node:crypto";
import type { EvaluationReport } from "../../../protocol/evaluation.ts";
import type { EvaluationSample } from "../../../protocol/samples.ts";
import type { ContentFiles } from "../../../server/registry/content-files.ts";
import type { Store } from "../../../server/store/store.ts";

/** A finished run, its dataset, version, curve and report, as the server's own repositories hold them. */
export interface PastRun {
  readonly runId: string;
  readonly datasetId: string;
  readonly versionId: string;
  readonly atMs: number;
  readonly verdict: "promote" | "refuse";
}

/** Steps of a past run's curve. */
export const PAST_STEPS = 60;

export function putPastRun(store: Store, files: ContentFiles, past: PastRun): void {
  const { runId, datasetId, versionId, atMs } = past;
  store.runs.create({
    id: runId,
    request: { strategy: "lora", backend: "onnx", workspaces: [], overrides: {} },
    createdAt: atMs,
  });
  store.datasets.put({
    id: datasetId,
    createdAt: atMs + 2_000,
    sha256: createHash("sha256").update(datasetId).digest("hex"),
    rows: { train: 412, validation: 51, test: 53 },
    sources: { feedback: 96, history: 420 },
    manifest: {},
  });
  store.runs.setDataset(runId, datasetId);
  for (let step = 1; step <= PAST_STEPS; step++) {
    store.runs.addPoint({
      runId,
      step,
      totalSteps: PAST_STEPS,
      loss: lossAt(step),
      validationLoss: step % 10 === 0 ? lossAt(step) + 0.08 : null,
      tokensPerSecond: 640,
      secondsLeft: (PAST_STEPS - step) * 2,
    });
  }
  store.versions.put({
    id: versionId,
    createdAt: atMs + 120_000,
    base: "b".repeat(64),
    runId,
    datasetId,
    championBefore: null,
    files: [
      files.put("adapter_config.json", Buffer.from(JSON.stringify({ peft_type: "LORA", r: 8 }))),
      files.put("adapter_model.safetensors", Buffer.alloc(1_204_224, versionId)),
    ],
    manifest: {},
  });
  store.runs.setTrained(runId, versionId, { first: lossAt(1), last: lossAt(PAST_STEPS) });
  store.versions.putEvaluation(runId, versionId, report(past), atMs + 130_000);
  store.samples.put(runId, pastSamples(past));
  store.runs.finish(runId, "succeeded", atMs + 131_000, null);
}

/** Only the run that won has kept places of its test. */
const pastSamples = ({ verdict }: PastRun): EvaluationSample[] =>
  verdict === "refuse"
    ? []
    : [
        {
          suggestionId: null,
          root: "/projects/demo",
          path: "src/total.ts",
          language: "typescript",
          before: "export function total(rows: Row[]) {\n  return ",
          after: "\n}\n",
          kept: "rows.reduce((sum, row) => sum + row.price, 0);",
          champion: { text: "rows.reduce((sum, row) => sum + row.count, 0);", accepted: false },
          challenger: { text: "rows.reduce((sum, row) => sum + row.price, 0);", accepted: true },
        },
        {
          suggestionId: null,
          root: "/projects/demo",
          path: "src/<img src=x onerror=alert(1)>.ts",
          language: "typescript",
          before: "const a = ",
          after: "",
          kept: "<b>1</b>;",
          champion: { text: "", accepted: false },
          challenger: { text: "<script>\u202e</script>", accepted: false },
        },
      ];

/** A falling curve with a ripple. */
export const lossAt = (step: number): number => 1.1 + 1.6 * Math.exp(-step / 18) + 0.06 * Math.sin(step * 1.7);

function report({ runId, versionId, verdict }: PastRun): EvaluationReport {
  const wins = verdict === "promote";
  return {
    id: `evaluation-${runId}`,
    challenger: versionId,
    champion: "base",
    cases: 180,
    acceptedAtLine: wins ? { challenger: 0.267, champion: 0.228 } : { challenger: 0.231, champion: 0.228 },
    editSimilarity: wins ? { challenger: 0.5312, champion: 0.4987 } : { challenger: 0.4991, champion: 0.4987 },
    heldOutLoss: wins ? { challenger: 1.412, champion: 1.633 } : { challenger: 1.629, champion: 1.633 },
    primary: {
      metric: "edit similarity",
      difference: wins ? 0.0325 : 0.0004,
      low: wins ? 0.0121 : -0.0102,
      high: wins ? 0.0538 : 0.0109,
      confidence: 0.95,
      resamples: 2_000,
    },
    guards: [
      { name: "weights", holds: true, detail: "all finite, largest norm 0.81" },
      {
        name: "length mix",
        holds: wins,
        detail: wins ? "3 % longer than the champion" : "14 % longer than the champion",
      },
    ],
    verdict,
    reason: wins
      ? "The 95 % interval of the difference lies above zero and every guard holds."
      : "The 95 % interval of the difference contains zero, and a guard fails.",
  };
}
