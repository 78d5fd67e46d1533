import type { TrainingRequest, TrainingRun } from "../../protocol/api.ts";
import type { EvaluationReport } from "../../protocol/evaluation.ts";
import type { GateDecision } from "../../core/evaluation/gate.ts";
import type { Clock } from "../clock.ts";
import type { Snapshot } from "../datasets/snapshot.ts";
import { AppError } from "../errors.ts";
import type { JobEnd } from "../jobs/runner.ts";
import type { CollectTask, FromWorker, ToWorker, TrainingTask } from "../jobs/worker-messages.ts";
import { describedModel, freezeModel, readFrozenModel, requireSameBase } from "../models/frozen-model.ts";
import { readModelFile, type ModelFile } from "../models/model-file.ts";
import type { ModelConfig } from "../models/model-config.ts";
import { MAX_WORKER_MIB } from "../jobs/worker-memory.ts";
import { runWorker } from "../jobs/worker-process.ts";
import type { Log } from "../log.ts";
import { hasModel, type DataPlaces } from "../places.ts";
import type { PushHub } from "../push/hub.ts";
import type { Registry } from "../registry/registry.ts";
import type { Job } from "../store/job-store.ts";
import type { Store } from "../store/store.ts";
import { DEFAULT_LORA } from "./hyper-parameters.ts";
import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

/** Training runs: queued by a request, done by a worker, recorded stage by stage. */
export interface Training {
  /** Queues a run. @throws AppError `no-model` */
  start(request: TrainingRequest): TrainingRun;
  /** False when the run has already ended. */
  cancel(runId: string): boolean;
  /** Ends the run's work until it is resumed; false when it neither waits nor trains. It goes on from its last checkpoint. */
  pause(runId: string): boolean;
  /** Queues a paused run again; false when it is not paused. */
  resume(runId: string): boolean;
  /** Does the job of a run: collect, train, test, deploy. */
  perform(job: Job, signal: AbortSignal): Promise<JobEnd>;
  /** The job of a run ran out of attempts. */
  giveUp(runId: string, error: string): void;
}

export interface TrainingParts {
  readonly store: Store;
  readonly registry: Registry;
  readonly hub: PushHub;
  readonly clock: Clock;
  readonly log: Log;
  readonly places: DataPlaces;
  readonly modelDir: string;
  readonly base: () => string;
  readonly workerEntry: string;
  /** What a worker needs to build a dataset of the feedback so far and the histories of `workspaces`. */
  readonly collect: (request: {
    readonly workspaces: readonly string[];
    readonly seed: number;
    readonly config: ModelConfig | null;
  }) => Promise<CollectTask>;
  /** The model's file that the server follows, read anew; null while it follows none. */
  readonly followed: () => ModelFile | null;
  /** Lists a dataset that a worker wrote. */
  readonly recordSnapshot: (snapshot: Snapshot) => void;
  /** Serves a version that has beaten the champion, in the caller's transaction. */
  readonly deploy: (version: string, champion: string | null, reason: string) => void;
  /** Tells the runner that there is work, and that a run's work has to end. */
  readonly runner: () => { wake(): void; interrupt(subject: string): void };
}

export function createTraining(parts: TrainingParts): Training {
  const { store, hub, clock } = parts;
  const publish = (runId: string): void => hub.publish("run", store.runs.get(runId)!);
  const finish = (runId: string, state: "failed" | "cancelled", error: TrainingRun["error"]): void => {
    store.runs.finish(runId, state, clock.wallMs(), error);
    publish(runId);
  };

  return {
    start(asked) {
      const model = asked.config === undefined ? parts.followed() : readModelFile(asked.config);
      const request = requestOf(asked, model);
      if (request.strategy === "in-context") return withoutTraining(parts, request);
      if (!hasModel(parts.modelDir)) throw new AppError("no-model", "There is no base model to train an adapter for.");
      const id = uuidv7();
      if (model !== null) {
        requireSameBase(model, { modelDir: parts.modelDir, identity: parts.base }, parts.places.models);
        freezeModel(path.join(parts.places.runs, id), model);
      }
      const createdAt = clock.wallMs();
      store.transaction(() => {
        store.runs.create({ id, request, createdAt });
        store.jobs.enqueue({ id: uuidv7(), kind: "training", subject: id, createdAt });
      });
      publish(id);
      parts.runner().wake();
      return store.runs.get(id)!;
    },
    cancel(runId) {
      const state = store.runs.get(runId)?.state;
      if (state !== "queued" && state !== "running" && state !== "paused") return false;
      store.jobs.cancel(runId);
      finish(runId, "cancelled", null);
      parts.runner().interrupt(runId);
      return true;
    },
    pause(runId) {
      const run = store.runs.get(runId);
      // What is tested and deployed is done in moments, and has no checkpoint.
      const canWait = run?.stage === "queued" || run?.stage === "collect" || run?.stage === "train";
      if (run === null || !canWait || (run.state !== "queued" && run.state !== "running")) return false;
      store.transaction(() => {
        store.jobs.cancel(runId);
        store.runs.moveTo(runId, run.stage, "paused");
      });
      publish(runId);
      parts.runner().interrupt(runId);
      return true;
    },
    resume(runId) {
      const run = store.runs.get(runId);
      if (run?.state !== "paused") return false;
      store.transaction(() => {
        store.runs.moveTo(runId, run.stage, "queued");
        store.jobs.enqueue({ id: uuidv7(), kind: "training", subject: runId, createdAt: clock.wallMs() });
      });
      publish(runId);
      parts.runner().wake();
      return true;
    },
    giveUp(runId, error) {
      const state = store.runs.get(runId)?.state;
      if (state === "queued" || state === "running") finish(runId, "failed", { code: "worker-failed", message: error });
    },
    perform: (job, signal) => performRun(parts, job, signal, publish),
  };
}

/** The index of examples follows every label by itself: such a run has nothing to do, and has ended. */
function withoutTraining({ store, hub, clock }: TrainingParts, request: TrainingRequest): TrainingRun {
  const id = uuidv7();
  store.transaction(() => {
    store.runs.create({ id, request, createdAt: clock.wallMs() });
    store.runs.finish(id, "succeeded", clock.wallMs(), null);
  });
  const run = store.runs.get(id)!;
  hub.publish("run", run);
  return run;
}

/** What a model's file says goes before what a request says; its overrides are for one run. */
const requestOf = (request: TrainingRequest, model: ModelFile | null): TrainingRequest => {
  if (model === null) return request;
  const { strategy, backend } = model.config;
  return { ...request, config: model.file, strategy, backend };
};

async function performRun(
  parts: TrainingParts,
  job: Job,
  signal: AbortSignal,
  publish: (runId: string) => void,
): Promise<JobEnd> {
  const { store, registry, hub, clock } = parts;
  const runId = job.subject;
  const request = store.runs.request(runId);
  const run = store.runs.get(runId);
  if (request === null || run === null || run.finishedAt !== null) return { kind: "cancelled" };

  /** Writes only while the claim holds the job: a worker that lost its lease changes nothing. */
  const fenced = (work: () => void): void => {
    store.transaction(() => {
      if (!store.jobs.holds(job)) throw new Error("The lease was lost.");
      work();
    });
    publish(runId);
  };
  const runDir = path.join(parts.places.runs, runId);
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  const model = readFrozenModel(runDir);
  const config = model?.config ?? null;
  const earlier = run.datasetId === null ? null : store.datasets.get(run.datasetId);
  const task: TrainingTask = {
    kind: "training",
    runId,
    runDir,
    modelDir: parts.modelDir,
    datasetsDir: parts.places.datasets,
    collect:
      earlier === null
        ? await parts.collect({
            workspaces: request.workspaces,
            seed: request.overrides.seed ?? config?.seed ?? DEFAULT_LORA.seed,
            config,
          })
        : { sha256: earlier.sha256 },
    overrides: request.overrides,
    strategy: request.strategy === "in-context" ? "lora" : request.strategy,
    backend: request.backend,
    config,
    database: parts.places.database,
  };
  fenced(() => store.runs.moveTo(runId, earlier === null ? "collect" : "train", "running"));

  let end: JobEnd | null = null;
  let challenger = "";
  let champion: string | null = null;

  const onMessage = (message: FromWorker, send: (message: ToWorker) => void): void => {
    switch (message.kind) {
      case "collected":
        if (request.onlyNew === true && isKnown(store, runId, message.snapshot.id, model?.sha256))
          throw new AppError("nothing-to-learn", "Nothing is new since the last run: its dataset is the same.");
        return fenced(() => {
          parts.recordSnapshot(message.snapshot);
          store.runs.setDataset(runId, message.snapshot.id);
          store.runs.moveTo(runId, "train", "running");
        });
      case "progress":
        if (!store.jobs.progressed(job)) return;
        store.runs.addPoint(message.progress);
        return hub.publish("progress", message.progress);
      case "notice":
        return parts.log.warn({ event: "worker-notice", run: runId, code: message.code, message: message.message });
      case "trained": {
        const { lora, scale } = message;
        const { adapterDir, trainLoss } = message.result;
        const datasetId = store.runs.get(runId)!.datasetId!;
        const base = parts.base();
        const described = model === null ? {} : { model: describedModel(model) };
        fenced(() => {
          challenger = registry.register({
            adapterDir,
            base,
            runId,
            datasetId,
            hyperParameters: scale === undefined ? lora : { ...lora, scale },
            ...described,
          }).id;
          store.runs.setTrained(runId, challenger, trainLoss);
          store.runs.moveTo(runId, "test", "running");
        });
        champion = store.versions.alias("champion");
        return send({
          kind: "evaluate",
          challenger: { version: challenger, dir: registry.materialise(challenger) },
          champion: champion === null ? null : { version: champion, dir: registry.materialise(champion) },
        });
      }
      case "evaluated": {
        const report = reportOf(message.decision, challenger, champion ?? BASE_ALONE);
        fenced(() => {
          store.versions.putEvaluation(runId, challenger, report, clock.wallMs());
          store.samples.put(runId, message.samples);
          store.filters.put(challenger, message.filter, clock.wallMs());
          store.runs.moveTo(runId, "deploy", "running");
        });
        fenced(() => {
          // A model is served where a person names its folder; only adapters are pushed to editors.
          if (report.verdict === "promote" && task.strategy === "lora" && request.deploy !== false)
            parts.deploy(challenger, champion, report.reason);
          store.runs.finish(runId, "succeeded", clock.wallMs(), null);
        });
        registry.announce();
        end = { kind: "succeeded" };
        return;
      }
      case "failed":
        fenced(() =>
          store.runs.finish(runId, "failed", clock.wallMs(), { code: message.code, message: message.message }),
        );
        end = { kind: "failed", error: message.message };
        return;
      case "ready":
        return;
    }
  };

  const inner = new AbortController();
  const stopped = AbortSignal.any([signal, inner.signal]);
  let thrown: unknown = null;
  const { how, lastWords, endedFor } = await runWorker(
    parts.workerEntry,
    task,
    (message, send) => {
      try {
        onMessage(message, send);
      } catch (error) {
        thrown = error;
        inner.abort(error);
      }
    },
    stopped,
  );
  if (end !== null) return end;
  if (signal.aborted) return { kind: "cancelled" };
  if (thrown !== null) {
    parts.log.error({ event: "run-failed", run: runId, err: thrown });
    const { code, message } =
      thrown instanceof AppError ? thrown : { code: "internal", message: (thrown as Error).message };
    store.runs.finish(runId, "failed", clock.wallMs(), { code, message });
    publish(runId);
    return { kind: "failed", error: message };
  }
  if (endedFor === "memory") {
    const message = `The training process was ended because it took more than ${MAX_WORKER_MIB()} MiB of memory.`;
    fenced(() => store.runs.finish(runId, "failed", clock.wallMs(), { code: "worker-memory", message }));
    return { kind: "failed", error: message };
  }
  parts.log.warn({ event: "worker-died", run: runId, how, lastWords });
  return { kind: "retry", error: `The training worker ended (${how}). ${lastWords}`.trim() };
}

/** Whether the newest run that succeeded had this dataset, and the same file of a model. */
function isKnown(store: Store, runId: string, datasetId: string, sha256: string | undefined): boolean {
  const last = store.runs.list(LAST_RUNS).find(({ id, state }) => state === "succeeded" && id !== runId);
  if (last === undefined || last.datasetId !== datasetId || last.versionId === null) return false;
  return store.versions.manifest(last.versionId)?.model?.sha256 === sha256;
}
/** Runs among which the last one that succeeded is looked for. */
const LAST_RUNS = 50;

/** Stands for the champion in a report when no adapter serves. */
export const BASE_ALONE = "base";

const reportOf = (decision: GateDecision, challenger: string, champion: string): EvaluationReport => ({
  id: randomUUID(),
  challenger,
  champion,
  ...decision,
  guards: decision.guards.map((guard) => ({ ...guard })),
});
