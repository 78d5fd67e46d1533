import type { JsonAnswer, JsonCall, JsonClient } from "../../egress/json-client.ts";
import { AppError } from "../../errors.ts";
import * as wire from "./wire.ts";
import type { z } from "zod";

/** The calls of MLflow's REST interface (version 2.0) that Kept makes. All throw as `JsonClient.call`. */
export interface MlflowClient {
  /** The id of an experiment; null when there is none of this name. */
  experiment(name: string): Promise<wire.Experiment | null>;
  /** Null when another made it in the meantime. */
  createExperiment(name: string): Promise<string | null>;
  /** Runs with a tag of this value, whatever became of them. */
  runsTagged(experimentId: string, tag: string, value: string): Promise<wire.Run[]>;
  run(id: string): Promise<wire.Run | null>;
  createRun(run: {
    experiment_id: string;
    run_name: string;
    start_time: number;
    tags: readonly wire.Tag[];
  }): Promise<wire.Run>;
  updateRun(update: { run_id: string; status: wire.RunStatus; end_time?: number }): Promise<void>;
  logBatch(batch: {
    run_id: string;
    metrics?: readonly wire.Metric[];
    params?: readonly wire.Tag[];
    tags?: readonly wire.Tag[];
  }): Promise<void>;
  logDataset(runId: string, dataset: wire.Dataset): Promise<void>;
  /** The last step of a metric; null when it has none. */
  lastStep(runId: string, metric: string): Promise<number | null>;
  registeredModel(name: string): Promise<boolean>;
  createRegisteredModel(name: string, tags: readonly wire.Tag[]): Promise<void>;
  versionsTagged(model: string, tag: string, value: string): Promise<wire.ModelVersion[]>;
  version(model: string, version: string): Promise<wire.ModelVersion | null>;
  createVersion(version: {
    name: string;
    source: string;
    run_id: string;
    description: string;
    tags: readonly wire.Tag[];
  }): Promise<wire.ModelVersion>;
  tagVersion(model: string, version: string, tag: wire.Tag): Promise<void>;
  versionByAlias(model: string, alias: string): Promise<wire.ModelVersion | null>;
  setAlias(model: string, alias: string, version: string): Promise<void>;
  removeAlias(model: string, alias: string): Promise<void>;
  /** Through the artifact proxy; `path` as `artifactPath` makes it. */
  putArtifact(path: string, bytes: Uint8Array): Promise<void>;
  getArtifact(path: string, maxBytes: number): Promise<Buffer>;
}

/** Runs or versions with one tag: more than two would be a mistake that was made before. */
const MAX_FOUND = 5;

export function createMlflowClient(json: JsonClient, signal: AbortSignal): MlflowClient {
  const call = <S extends z.ZodType>(
    method: JsonCall["method"],
    path: string,
    schema: S,
    rest: Partial<JsonCall> = {},
  ) => json.call({ method, path: `api/2.0/mlflow/${path}`, signal, ...rest }, schema);
  const post = async <S extends z.ZodType>(path: string, body: unknown, schema: S): Promise<z.infer<S>> =>
    must(await call("POST", path, schema, { body }));
  const tell = async (path: string, body: unknown): Promise<void> => void (await post(path, body, wire.nothing));
  const get = <S extends z.ZodType>(path: string, query: Record<string, string | number>, schema: S) =>
    call("GET", path, schema, { query });

  return {
    async experiment(name) {
      const found = await get("experiments/get-by-name", { experiment_name: name }, wire.experimentAnswer);
      return unless(found, ["RESOURCE_DOES_NOT_EXIST"])?.experiment ?? null;
    },
    async createExperiment(name) {
      const made = await call("POST", "experiments/create", wire.experimentMade, { body: { name } });
      return unless(made, ["RESOURCE_ALREADY_EXISTS"])?.experiment_id ?? null;
    },
    async runsTagged(experimentId, tag, value) {
      const body = {
        experiment_ids: [experimentId],
        filter: `tags.\`${tag}\` = '${quoted(value)}'`,
        run_view_type: "ALL",
        max_results: MAX_FOUND,
      };
      return (await post("runs/search", body, wire.runsAnswer)).runs;
    },
    async run(id) {
      const found = await get("runs/get", { run_id: id }, wire.runAnswer);
      return unless(found, ["RESOURCE_DOES_NOT_EXIST"])?.run ?? null;
    },
    createRun: async (run) => (await post("runs/create", run, wire.runAnswer)).run,
    updateRun: (update) => tell("runs/update", update),
    logBatch: (batch) => tell("runs/log-batch", batch),
    logDataset: (runId, dataset) =>
      tell("runs/log-inputs", {
        run_id: runId,
        datasets: [{ dataset, tags: [{ key: "mlflow.data.context", value: "training" }] }],
      }),
    async lastStep(runId, metric) {
      // The newest first is no order that MLflow knows, so the run's latest value stands for the curve.
      const found = await get("runs/get", { run_id: runId }, wire.runAnswer);
      const latest = unless(found, ["RESOURCE_DOES_NOT_EXIST"])?.run.data.metrics.find(({ key }) => key === metric);
      return latest?.step ?? null;
    },
    async registeredModel(name) {
      const found = await get("registered-models/get", { name }, wire.registeredModelAnswer);
      return unless(found, ["RESOURCE_DOES_NOT_EXIST"]) !== null;
    },
    async createRegisteredModel(name, tags) {
      const body = { name, description: "Adapters that Kept trained.", tags };
      const made = await call("POST", "registered-models/create", wire.registeredModelAnswer, { body });
      unless(made, ["RESOURCE_ALREADY_EXISTS"]);
    },
    async versionsTagged(model, tag, value) {
      const filter = `name = '${quoted(model)}' and tags.\`${tag}\` = '${quoted(value)}'`;
      return must(await get("model-versions/search", { filter, max_results: MAX_FOUND }, wire.versionsAnswer))
        .model_versions;
    },
    async version(model, version) {
      const found = await get("model-versions/get", { name: model, version }, wire.versionAnswer);
      return unless(found, ["RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"])?.model_version ?? null;
    },
    createVersion: async (version) => (await post("model-versions/create", version, wire.versionAnswer)).model_version,
    tagVersion: (name, version, tag) => tell("model-versions/set-tag", { name, version, ...tag }),
    async versionByAlias(name, alias) {
      const found = await get("registered-models/alias", { name, alias }, wire.versionAnswer);
      // An alias that nobody set is an invalid value to MLflow.
      return unless(found, ["RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"])?.model_version ?? null;
    },
    setAlias: (name, alias, version) => tell("registered-models/alias", { name, alias, version }),
    async removeAlias(name, alias) {
      const gone = await call("DELETE", "registered-models/alias", wire.nothing, { body: { name, alias } });
      unless(gone, ["RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"]);
    },
    putArtifact: (path, bytes) => json.upload({ method: "PUT", path: ARTIFACTS + encoded(path), signal }, bytes),
    getArtifact: (path, maxBytes) =>
      json.download({ method: "GET", path: ARTIFACTS + encoded(path), signal }, maxBytes),
  };
}

const ARTIFACTS = "api/2.0/mlflow-artifacts/artifacts/";
const PROXIED = "mlflow-artifacts:/";

/** Where the artifact proxy has what MLflow calls by this address. @throws AppError `integration-invalid` when it does not */
export function artifactPath(uri: string): string {
  const path = uri.startsWith(PROXIED)
    ? uri
        .slice(PROXIED.length)
        .replace(/^\/\/[^/]*/, "")
        .replace(/^\/+/, "")
    : "";
  if (path !== "" && !path.split("/").some((part) => part === "" || part === "." || part === "..")) return path;
  throw new AppError("integration-invalid", "MLflow does not keep artifacts behind its own address.", {
    hint: "Start MLflow with --serve-artifacts, and a new experiment: the place of artifacts is fixed when it is made.",
  });
}

const encoded = (path: string): string => path.split("/").map(encodeURIComponent).join("/");

/** MLflow's filters have no escape for a quote; names with one are refused where they are set. */
const quoted = (value: string): string => value.replaceAll("'", "");

function must<T>(answer: JsonAnswer<T>): T {
  if (answer.ok) return answer.value;
  const { error_code: code, message } = wire.problem.parse(answer.problem ?? {});
  throw new AppError("integration-invalid", `MLflow refused with ${code || answer.status}: ${message.slice(0, 200)}`);
}

/** The answer, or null when MLflow refused for one of these reasons. */
function unless<T>(answer: JsonAnswer<T>, reasons: readonly string[]): T | null {
  if (!answer.ok && reasons.includes(wire.problem.parse(answer.problem ?? {}).error_code)) return null;
  return must(answer);
}
