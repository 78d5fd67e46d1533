import type { TrainingRun } from "../../../protocol/api.ts";
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { ContentFiles } from "../../registry/content-files.ts";
import type { OutboxRow, RemoteThing } from "../../store/outbox-store.ts";
import type { Store } from "../../store/store.ts";
import { keptVersion } from "../../version.ts";
import { artifactPath, type MlflowClient } from "./client.ts";
import { evaluationMetrics, logged, pointMetrics, runParameters, runTags } from "./run-fields.ts";
import { MLFLOW, type MlflowSettings } from "./settings.ts";
import { RECORD_FILE, recordOf } from "../../models/version-record.ts";
import type { Run, RunStatus, Tag } from "./wire.ts";

/** By these tags what an earlier attempt made is found again. */
const RUN_TAG = "kept.run_id";
const VERSION_TAG = "kept.version";
/** What one log-batch may hold: MLflow's own limits. */
const MAX_METRICS = 1_000;
const METRICS_PER_POINT = 3;
/** Folder of a run's artifacts that a registered version points to. */
const ADAPTER_FOLDER = "adapter";
/** Aliases that MLflow follows. */
const ALIASES = ["champion", "candidate"] as const;

export interface MlflowParts {
  readonly store: Store;
  readonly files: Pick<ContentFiles, "read">;
  readonly client: MlflowClient;
  readonly settings: MlflowSettings;
  readonly clock: Clock;
}

/**
 * Brings MLflow up to the newest state of one thing. May be repeated at will: what has an identity is looked for
 * before it is made, what has none (the points of a curve) is sent after the last step that is there.
 */
export async function deliverToMlflow(parts: MlflowParts, row: OutboxRow): Promise<void> {
  switch (row.topic) {
    case "run":
      return deliverRun(parts, row.subject);
    case "points":
      return deliverPoints(parts, row.subject, row.attempts > 0);
    case "version":
      return void (await deliverVersion(parts, row.subject));
    case "alias":
      return deliverAlias(parts, row.subject);
    default:
      throw new AppError("integration-invalid", `The outbox has a ${row.topic} that MLflow has no place for.`);
  }
}

async function deliverRun(parts: MlflowParts, runId: string): Promise<void> {
  const { store, client } = parts;
  const run = store.runs.get(runId);
  if (run === null) return;
  const remote = await remoteRun(parts, run);
  const params = runParameters(store, run);
  await client.logBatch({ run_id: remote.id, params, tags: runTags(store, run) });
  const dataset = run.datasetId === null ? null : store.datasets.get(run.datasetId);
  if (dataset !== null && store.outbox.remote(MLFLOW, "dataset", runId) === null) {
    await client.logDataset(remote.id, {
      name: "kept",
      // Half of the hash: MLflow keeps 36 characters.
      digest: dataset.sha256.slice(0, 32),
      source_type: "kept",
      source: JSON.stringify({ id: dataset.id, sha256: dataset.sha256 }),
      profile: JSON.stringify({ rows: dataset.rows, sources: dataset.sources }),
    });
    store.outbox.setRemote(MLFLOW, "dataset", runId, { id: dataset.id, sent: 1 });
  }
  await deliverEvaluation(parts, run, remote);
  await client.updateRun({
    run_id: remote.id,
    status: STATUS[run.state],
    ...(run.finishedAt === null ? {} : { end_time: Date.parse(run.finishedAt) }),
  });
}

const STATUS: Readonly<Record<TrainingRun["state"], RunStatus>> = {
  queued: "SCHEDULED",
  running: "RUNNING",
  paused: "RUNNING",
  succeeded: "FINISHED",
  failed: "FAILED",
  cancelled: "KILLED",
};

async function deliverEvaluation(parts: MlflowParts, run: TrainingRun, remote: RemoteThing): Promise<void> {
  const { store, client, settings } = parts;
  const { evaluation } = run;
  if (evaluation === null || store.outbox.remote(MLFLOW, "evaluation", runEvaluation(run)) !== null) return;
  // The time is the run's own, so that a second attempt logs the very same values.
  const timestamp = Date.parse(run.createdAt);
  await client.logBatch({
    run_id: remote.id,
    metrics: evaluationMetrics(evaluation).map((one) => logged(one, timestamp, 0)),
  });
  const version = store.outbox.remote(MLFLOW, "version", evaluation.challenger);
  if (version !== null) {
    await client.tagVersion(settings.model, version.id, { key: "kept.verdict", value: evaluation.verdict });
  }
  store.outbox.setRemote(MLFLOW, "evaluation", runEvaluation(run), { id: evaluation.id, sent: 1 });
}

const runEvaluation = (run: TrainingRun): string => `${run.id}:${run.evaluation!.id}`.slice(0, 120);

async function deliverPoints(parts: MlflowParts, runId: string, mayHaveArrived: boolean): Promise<void> {
  const { store, client, clock } = parts;
  const run = store.runs.get(runId);
  if (run === null) return;
  const remote = await remoteRun(parts, run);
  const known = mayHaveArrived ? ((await client.lastStep(remote.id, "loss")) ?? 0) : 0;
  let sent = Math.max(remote.sent, known);
  const points = store.runs.curve(runId).filter(({ step }) => step > sent);
  const nAtOnce = Math.floor(MAX_METRICS / METRICS_PER_POINT);
  for (let at = 0; at < points.length; at += nAtOnce) {
    const some = points.slice(at, at + nAtOnce);
    const timestamp = clock.wallMs();
    const metrics = some.flatMap((point) => pointMetrics(point).map((one) => logged(one, timestamp, point.step)));
    await client.logBatch({ run_id: remote.id, metrics });
    sent = some.at(-1)!.step;
    store.outbox.setRemote(MLFLOW, "run", runId, { id: remote.id, sent });
  }
}

/** The version of the registered model; made with its files when MLflow has none. Null when the store has none either. */
async function deliverVersion(parts: MlflowParts, versionId: string): Promise<string | null> {
  const { store, client, settings, files } = parts;
  const version = store.versions.get(versionId);
  const record = recordOf(store, versionId);
  const run = version === null ? null : store.runs.get(version.runId);
  if (version === null || record === null || run === null) return null;
  const tagTaint = async (remote: string): Promise<void> => {
    if (version.tainted === true)
      await client.tagVersion(settings.model, remote, { key: "kept.tainted", value: "true" });
  };
  const known = store.outbox.remote(MLFLOW, "version", versionId);
  if (known !== null && (await client.version(settings.model, known.id)) !== null) {
    await tagTaint(known.id);
    return known.id;
  }
  await remoteModel(parts);
  const [found] = await client.versionsTagged(settings.model, VERSION_TAG, versionId);
  const remote = found ?? (await registerVersion());
  store.outbox.setRemote(MLFLOW, "version", versionId, { id: remote.version, sent: 1 });
  await tagTaint(remote.version);
  return remote.version;

  async function registerVersion() {
    const { id: mlflowRun } = await remoteRun(parts, run!);
    const { info } = (await client.run(mlflowRun))!;
    const folder = `${artifactPath(info.artifact_uri)}/${ADAPTER_FOLDER}`;
    // The files are there before anything points at them.
    for (const { name, sha256 } of settings.logArtifacts ? record!.manifest.files : [])
      await client.putArtifact(`${folder}/${name}`, files.read(sha256));
    await client.putArtifact(`${folder}/${RECORD_FILE}`, Buffer.from(JSON.stringify(record, null, 2)));
    return client.createVersion({
      name: settings.model,
      source: `${info.artifact_uri}/${ADAPTER_FOLDER}`,
      run_id: mlflowRun,
      description: `Adapter for base ${version!.base.slice(0, 12)}, from dataset ${record!.dataset.sha256.slice(0, 12)}.`,
      tags: [
        { key: VERSION_TAG, value: versionId },
        { key: "kept.base_sha256", value: version!.base },
        { key: "kept.dataset_sha256", value: record!.dataset.sha256 },
        ...record!.manifest.files.map(({ name, sha256 }) => ({ key: `kept.sha256.${name}`, value: sha256 })),
        ...ownTags(settings),
      ],
    });
  }
}

async function deliverAlias(parts: MlflowParts, name: string): Promise<void> {
  const { store, client, settings } = parts;
  const alias = ALIASES.find((one) => one === name);
  if (alias === undefined) return;
  const standing = store.versions.alias(alias);
  const version = standing === null ? null : await deliverVersion(parts, standing);
  if (version !== null) return client.setAlias(settings.model, alias, version);
  if (await client.registeredModel(settings.model)) await client.removeAlias(settings.model, alias);
}

/** The run in MLflow: as it is known, as an earlier attempt left it, or made now. */
async function remoteRun({ store, client, settings }: MlflowParts, run: TrainingRun): Promise<RemoteThing> {
  const known = store.outbox.remote(MLFLOW, "run", run.id);
  if (known !== null && isThere(await client.run(known.id))) return known;
  const experiment = await experimentId(client, settings.experiment);
  const [found] = (await client.runsTagged(experiment, RUN_TAG, run.id)).filter(isThere);
  const { info } =
    found ??
    (await client.createRun({
      experiment_id: experiment,
      run_name: `${run.strategy} ${run.createdAt.slice(0, 16)}`,
      start_time: Date.parse(run.createdAt),
      tags: [
        { key: RUN_TAG, value: run.id },
        { key: "mlflow.source.name", value: "kept" },
        { key: "mlflow.source.type", value: "JOB" },
        { key: "kept.code_version", value: keptVersion },
        ...ownTags(settings),
      ],
    }));
  // Whoever made it may have logged some of the curve.
  const sent = found === undefined ? 0 : ((await client.lastStep(info.run_id, "loss")) ?? 0);
  const remote = { id: info.run_id, sent };
  store.outbox.setRemote(MLFLOW, "run", run.id, remote);
  if (known !== null) {
    // Someone deleted the run there: the new one has nothing yet.
    store.outbox.removeRemote(MLFLOW, "dataset", run.id);
    store.outbox.add(MLFLOW, "points", run.id);
    if (run.evaluation !== null) store.outbox.removeRemote(MLFLOW, "evaluation", runEvaluation(run));
  }
  return remote;
}

const ownTags = ({ tags }: MlflowSettings): Tag[] => Object.entries(tags).map(([key, value]) => ({ key, value }));

const isThere = (run: Run | null): run is Run => run !== null && run.info.lifecycle_stage === "active";

async function experimentId(client: MlflowClient, name: string): Promise<string> {
  const found = (await client.experiment(name)) ?? (await makeExperiment(client, name));
  if (found.lifecycle_stage === "active") return found.experiment_id;
  throw new AppError("integration-invalid", `MLflow's experiment ${name} was deleted.`, {
    hint: "Restore it there (mlflow experiments restore), or name another with kept mlflow connect --experiment.",
  });
}

async function makeExperiment(client: MlflowClient, name: string) {
  const made = await client.createExperiment(name);
  const found = made === null ? await client.experiment(name) : { experiment_id: made, lifecycle_stage: "active" };
  if (found !== null) return found;
  throw new AppError("integration-invalid", `MLflow neither has nor makes the experiment ${name}.`);
}

async function remoteModel({ client, settings }: MlflowParts): Promise<void> {
  if (await client.registeredModel(settings.model)) return;
  await client.createRegisteredModel(settings.model, [{ key: "kept.kind", value: "lora-adapter" }]);
}
