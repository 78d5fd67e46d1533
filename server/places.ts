import envPaths from "env-paths";
import { existsSync } from "node:fs";
import path from "node:path";

/**
 * Where things lie. This file runs as `server/places.ts` or bundled into `dist/*.cjs`; either way the
 * package's root is one folder up.
 */
const packageRoot = path.dirname(import.meta.dirname);
const fromSource = path.basename(import.meta.dirname) === "server";

/** --data-dir, then KEPT_DATA_DIR, then the platform's folder for application data. */
export function resolveDataDir(flag: string | undefined, env: NodeJS.ProcessEnv): string {
  return path.resolve(flag ?? env["KEPT_DATA_DIR"] ?? envPaths("kept", { suffix: "" }).data);
}

/** --model-dir, then KEPT_MODEL_DIR, then the base model that Kept ships. */
export function resolveModelDir(flag: string | undefined, env: NodeJS.ProcessEnv): string {
  return path.resolve(flag ?? env["KEPT_MODEL_DIR"] ?? path.join(packageRoot, "models", "base"));
}

/** The entry of the training worker: the bundle, or the source when there is none beside us. */
export function workerEntry(): string {
  if (!fromSource) return path.join(import.meta.dirname, "worker.cjs");
  return path.join(packageRoot, "server", "worker.ts");
}

/** The entry of the engine process, likewise. */
export function engineEntry(): string {
  if (!fromSource) return path.join(import.meta.dirname, "engine.cjs");
  return path.join(packageRoot, "engine", "process", "main.ts");
}

/** The entry of the threads that training steps run in, likewise. */
export function laneEntry(): string {
  if (!fromSource) return path.join(import.meta.dirname, "lane.cjs");
  return path.join(packageRoot, "engine", "training", "lane-thread.ts");
}

/** The entry of the thread that writes events, likewise. */
export function writerEntry(): string {
  if (!fromSource) return path.join(import.meta.dirname, "writer.cjs");
  return path.join(packageRoot, "server", "writer.ts");
}

/** Kept's own folder: the clone, or where the package is installed. */
export const installedIn = (): string => packageRoot;

/** The Python programs of the torch backend, and its `requirements.txt`. */
export const torchPrograms = (): string => path.join(packageRoot, "server", "training", "torch");

/** Places in Kept's own source that training replays against forgetting; `scripts/general-places.mjs` writes them. */
export const generalPlaces = (): string => path.join(packageRoot, "server", "training", "general-places.jsonl");

/** The built dashboard. */
export function mediaDir(env: NodeJS.ProcessEnv): string {
  return path.resolve(env["KEPT_MEDIA_DIR"] ?? path.join(packageRoot, "dist", "media"));
}

/** Where `kept backup` puts backups unless it is told otherwise. */
export const backupsOf = (dataDir: string): string => `${dataDir}-backups`;

/** Files of one data folder. */
export interface DataPlaces {
  readonly dataDir: string;
  readonly database: string;
  readonly lock: string;
  readonly runtimeFile: string;
  /** The key that other editors complete with, when there is one. */
  readonly endpointKey: string;
  readonly log: string;
  readonly files: string;
  readonly datasets: string;
  /** Datasets that are being sent to somebody; emptied at every start. */
  readonly exports: string;
  readonly runs: string;
  readonly adapters: string;
  /** Adapters and figures of `kept replay --compare`. */
  readonly comparisons: string;
  /** Base models that were pulled from a hub. */
  readonly models: string;
  /** Every connection to another machine. */
  readonly egressLog: string;
}

export function dataPlaces(dataDir: string): DataPlaces {
  return {
    dataDir,
    database: path.join(dataDir, "kept.db"),
    lock: path.join(dataDir, "server.lock"),
    runtimeFile: path.join(dataDir, "server.json"),
    endpointKey: path.join(dataDir, "endpoint-key"),
    log: path.join(dataDir, "server.log"),
    files: path.join(dataDir, "files"),
    datasets: path.join(dataDir, "datasets"),
    exports: path.join(dataDir, "exports"),
    runs: path.join(dataDir, "runs"),
    adapters: path.join(dataDir, "adapters"),
    comparisons: path.join(dataDir, "comparisons"),
    models: path.join(dataDir, "models"),
    egressLog: path.join(dataDir, "egress.jsonl"),
  };
}

/** True when the folder holds a model: a configuration beside its weights. */
export const hasModel = (modelDir: string): boolean => existsSync(path.join(modelDir, "config.json"));
