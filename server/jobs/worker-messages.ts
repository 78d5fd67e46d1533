import type { FilterFit } from "../../core/filter/show-filter.ts";
import type { GateDecision } from "../../core/evaluation/gate.ts";
import type { TrainingProgress, TrainingRequest } from "../../protocol/api.ts";
import type { EvaluationSample } from "../../protocol/samples.ts";
import type { SignalRequest } from "../../protocol/signals.ts";
import type { ExportedFile, ExportRequest } from "../datasets/export.ts";
import type { Snapshot, SnapshotOrigin } from "../datasets/snapshot.ts";
import type { ModelConfig } from "../models/model-config.ts";
import type { Attributed } from "../signals/attribute.ts";
import type { LoraHyperParameters, TrainingResult } from "../training/backend.ts";

/** Messages between the server and a worker process, over Node's IPC channel. */

export interface CollectTask {
  /** The store, which the worker reads by itself: what all feedback is never passes through the server. */
  readonly database: string;
  /** Folders whose git history is mined. */
  readonly workspaces: readonly string[];
  readonly origin: Omit<SnapshotOrigin, "workspaces" | "eventWatermark" | "labelVersion">;
}

export interface AdapterPlace {
  readonly version: string;
  readonly dir: string;
}

/** Build a dataset and end. */
export interface DatasetTask {
  readonly kind: "dataset";
  readonly datasetsDir: string;
  readonly collect: CollectTask;
}

/** Collect, train, then evaluate once the server has registered the adapter. */
export interface TrainingTask {
  readonly kind: "training";
  readonly runId: string;
  readonly runDir: string;
  readonly modelDir: string;
  readonly datasetsDir: string;
  /** Rows to build a dataset from, or the hash of the one that an earlier attempt built. */
  readonly collect: CollectTask | { readonly sha256: string };
  readonly overrides: TrainingRequest["overrides"];
  readonly strategy: Exclude<TrainingRequest["strategy"], "in-context">;
  readonly backend: TrainingRequest["backend"];
  /** The model's file as it was when the run was asked for; null without one. */
  readonly config: ModelConfig | null;
  /** The store: outcomes that the show filter is fitted to. */
  readonly database: string;
}

/** Find who wrote the lines that signals name, and end. */
export interface AttributeTask {
  readonly kind: "attribute";
  readonly dataDir: string;
  readonly request: SignalRequest;
}

/** Write a dataset for other tools, and end. */
export interface ExportTask {
  readonly kind: "export";
  readonly request: Omit<ExportRequest, "signal" | "onProgress">;
}

export type WorkerTask = DatasetTask | TrainingTask | AttributeTask | ExportTask;

export type ToWorker =
  | { readonly kind: "task"; readonly task: WorkerTask }
  | { readonly kind: "evaluate"; readonly challenger: AdapterPlace; readonly champion: AdapterPlace | null };

export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "collected"; readonly snapshot: Snapshot }
  | { readonly kind: "exported"; readonly files: readonly ExportedFile[] }
  | { readonly kind: "attributed"; readonly attributed: Attributed }
  | { readonly kind: "progress"; readonly progress: TrainingProgress }
  /** Something that a person should know and that stopped nothing, under a documented code. */
  | { readonly kind: "notice"; readonly code: string; readonly message: string }
  | {
      readonly kind: "trained";
      readonly result: Omit<TrainingResult, "curve">;
      readonly lora: LoraHyperParameters;
      /** Times that an adapter counts what was trained. */
      readonly scale?: number;
    }
  | {
      readonly kind: "evaluated";
      readonly decision: GateDecision;
      readonly samples: readonly EvaluationSample[];
      readonly filter: FilterFit;
    }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };
