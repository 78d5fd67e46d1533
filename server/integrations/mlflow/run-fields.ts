import type { TrainingProgress, TrainingRun } from "../../../protocol/api.ts";
import type { EvaluationReport } from "../../../protocol/evaluation.ts";
import type { Store } from "../../store/store.ts";
import type { Metric, Tag } from "./wire.ts";

/** MLflow's own limit on the value of a parameter or tag, characters. */
const MAX_VALUE_CHARS = 5_000;

/** What a run is made with: as it was asked for, and as it was trained once that is known. */
export function runParameters(store: Store, run: TrainingRun): Tag[] {
  const request = store.runs.request(run.id);
  const manifest = run.versionId === null ? null : (store.versions.manifest(run.versionId) as Manifest | null);
  return [
    { key: "strategy", value: run.strategy },
    // How many, never which: folders are nobody's business there.
    { key: "workspaces", value: String(request?.workspaces.length ?? 0) },
    ...flat("requested", request?.overrides ?? {}),
    ...flat("", manifest?.hyperParameters ?? {}),
  ];
}

interface Manifest {
  readonly hyperParameters?: unknown;
}

/** Where a run stands, and what it came from and led to. No message of a failure: it may name a path. */
export function runTags(store: Store, run: TrainingRun): Tag[] {
  const dataset = run.datasetId === null ? null : store.datasets.get(run.datasetId);
  const base = run.versionId === null ? undefined : store.versions.get(run.versionId)?.base;
  const tags: Readonly<Record<string, string | null | undefined>> = {
    "kept.state": run.state,
    "kept.stage": run.stage,
    "kept.dataset_id": run.datasetId,
    "kept.dataset_sha256": dataset?.sha256,
    "kept.base_sha256": base,
    "kept.version": run.versionId,
    "kept.champion_before": run.evaluation?.champion,
    "kept.verdict": run.evaluation?.verdict,
    "kept.reason": run.evaluation?.reason,
    "kept.error": run.error?.code,
  };
  return Object.entries(tags).flatMap(([key, value]) =>
    value === null || value === undefined || value === "" ? [] : [{ key, value: value.slice(0, MAX_VALUE_CHARS) }],
  );
}

type Named = readonly [key: string, value: number];

export const pointMetrics = (point: TrainingProgress): Named[] => [
  ["loss", point.loss],
  ...(point.validationLoss === null ? [] : [["validation_loss", point.validationLoss] as const]),
  ["tokens_per_second", point.tokensPerSecond],
];

export const evaluationMetrics = (report: EvaluationReport): Named[] => [
  ["eval.cases", report.cases],
  ["eval.accepted_at_line", report.acceptedAtLine.challenger],
  ["eval.champion.accepted_at_line", report.acceptedAtLine.champion],
  ["eval.edit_similarity", report.editSimilarity.challenger],
  ["eval.champion.edit_similarity", report.editSimilarity.champion],
  ["eval.held_out_loss", report.heldOutLoss.challenger],
  ["eval.champion.held_out_loss", report.heldOutLoss.champion],
  ["eval.difference", report.primary.difference],
  ["eval.difference_low", report.primary.low],
  ["eval.difference_high", report.primary.high],
  ["eval.guards_failed", report.guards.filter(({ holds }) => !holds).length],
];

/** As MLflow takes it: JSON has no word for what is no number, protobuf's JSON has three. */
export const logged = ([key, value]: Named, timestamp: number, step: number): Metric => ({
  key,
  value: (Number.isFinite(value) ? value : String(value)) as number,
  timestamp,
  step,
});

/** Nested settings as `outer.inner` parameters. */
function flat(prefix: string, value: unknown): Tag[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [
      {
        key: prefix,
        value: (typeof value === "string" ? value : JSON.stringify(value ?? null)).slice(0, MAX_VALUE_CHARS),
      },
    ];
  }
  return Object.entries(value).flatMap(([key, inner]) => flat(prefix === "" ? key : `${prefix}.${key}`, inner));
}
