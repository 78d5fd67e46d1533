import { PROTOCOL_VERSION } from "../protocol/api.ts";
import { createCanaries } from "./canary/canary.ts";
import { isoTime, systemClock, type Clock } from "./clock.ts";
import { prepareDataDir } from "./data-dir.ts";
import { buildDatasetInWorker, collectTask, recordSnapshot } from "./datasets/collect.ts";
import { createDatasetReader } from "./datasets/contents.ts";
import { exportInWorker } from "./datasets/export-in-worker.ts";
import { watchDataDir } from "./data-watch.ts";
import { allowances, permitsOf } from "./egress/allowances.ts";
import { openConnectionLog } from "./egress/connection-log.ts";
import { openEgress } from "./egress/egress.ts";
import { createEnding } from "./ending.ts";
import { createForgetting } from "./forget/forget.ts";
import { createHttpServer } from "./http/listener.ts";
import { listen, stopListening } from "./http/listening.ts";
import { createLoginCodes } from "./http/login-codes.ts";
import { readEndpointKey } from "./endpoint-key.ts";
import { createToken } from "./http/token.ts";
import { createSemaphore } from "./http/semaphore.ts";
import { completePlace } from "./serving/complete-place.ts";
import { createServedEngine } from "./serving/served-engine.ts";
import { startEventWriter } from "./ingest/event-writer.ts";
import { acquireInstanceLock } from "./instance-lock.ts";
import { startLabelStudio } from "./integrations/label-studio/integration.ts";
import { startMlflow } from "./integrations/mlflow/integration.ts";
import { createJobRunner, type JobRunner } from "./jobs/runner.ts";
import { deriveSuggestions } from "./labels/derive.ts";
import { createLabelVersions } from "./labels/label-versions.ts";
import { endWorkers } from "./jobs/worker-process.ts";
import { removeLeftovers } from "./leftovers.ts";
import { createLog, type Log } from "./log.ts";
import { startDispatcher } from "./integrations/ci/dispatch.ts";
import { ciSettingsOf, readActiveModel } from "./models/active-model.ts";
import { deployVersion } from "./models/deploy.ts";
import { followModel } from "./models/follow-model.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { observeServer } from "./metrics/observe-server.ts";
import { startOtlpPush } from "./metrics/otlp.ts";
import { engineEntry, hasModel, writerEntry, type DataPlaces } from "./places.ts";
import { createPushHub } from "./push/hub.ts";
import { baseModelIdentity } from "./registry/base-model.ts";
import { openContentFiles } from "./registry/content-files.ts";
import { createRegistry } from "./registry/registry.ts";
import { startScheduler } from "./schedule/scheduler.ts";
import { attributeInWorker } from "./signals/attribute-in-worker.ts";
import { startSweeper } from "./retention/sweeper.ts";
import { createReserve } from "./reserve.ts";
import { removeRuntimeFile, writeRuntimeFile } from "./runtime-file.ts";
import { openOrRestore } from "./store-recovery.ts";
import type { Store } from "./store/store.ts";
import { createTraining, type Training } from "./training/training.ts";
import { keptVersion } from "./version.ts";

export interface AppOptions {
  readonly dataDir: string;
  readonly modelDir: string;
  readonly mediaDir: string;
  readonly workerEntry: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly log: { readonly level: string; readonly destination: string | "stderr" };
  readonly clock?: Clock;
  /** Between two pushes of metrics, milliseconds; a minute unless given. */
  readonly otlpEveryMs?: number;
  /** From the start to the first sweep, milliseconds; ten minutes unless given. */
  readonly sweepAfterMs?: number;
  /** Between two looks at the model's file, milliseconds; five seconds unless given. */
  readonly modelEveryMs?: number;
  /** Between two looks at whether the training workflow is to be started, milliseconds; a minute unless given. */
  readonly dispatchEveryMs?: number;
  /** Between two looks at whether training is due, milliseconds; a minute unless given. */
  readonly scheduleEveryMs?: number;
  /** Between two looks at what connected systems are to hear, milliseconds; a second unless given. */
  readonly outboxEveryMs?: number;
}

/** A running server. Disposing of it finishes requests, stops the worker and closes the store. */
export interface App extends AsyncDisposable {
  readonly port: number;
  readonly token: string;
  readonly places: DataPlaces;
  readonly log: Log;
  /** Resolves when a client asks the server to end. */
  readonly shutdownRequested: Promise<void>;
  /** Resolves with the reason when the disk failed and nothing can be stored any more. */
  readonly broken: Promise<string>;
  /** Resolves with what became of the data folder when it is no longer the one that was opened. */
  readonly lost: Promise<string>;
  /** Ends the work of other processes at once, without a look at the disk. */
  abandon(): void;
}

/** A training run waits this long for labels of events that were just stored, milliseconds. */
const SETTLE_MS = 60_000;
/** Large batches of events that are read and stored at once; each may have a mebibyte. */
const LARGE_BATCHES = 4;
/** Reports whose lines are looked for at once: a process each. */
const ATTRIBUTIONS = 1;
/** Datasets that are written for other tools at once: a process each. */
const EXPORTS = 1;

/**
 * The composition root: opens the data folder, joins the stages and listens.
 * @throws AppError `data-dir`, `already-running`, `newer-schema`, `corrupt-store`, `port-in-use`
 */
export async function startApp(options: AppOptions): Promise<App> {
  const clock = options.clock ?? systemClock;
  const places = prepareDataDir(options.dataDir);
  await using undo = createEnding();
  undo.use(acquireInstanceLock(places.lock));
  const log = createLog(options.log);
  const store = undo.use(openOrRestore(places, log));
  removeLeftovers(places, store);
  const watch = undo.use(watchDataDir(places));
  const hub = undo.use(createPushHub());
  const metrics = undo.use(createMetrics());
  undo.use(observeServer(metrics, { store, hub, database: places.database }));
  const { settings } = store;
  const egress = openEgress({ permits: () => permitsOf(settings), log: openConnectionLog(places.egressLog) });
  const collector = allowedCollector(settings);
  undo.use(startOtlpPush({ collect: metrics.collect, endpoint: collector, egress, log, everyMs: options.otlpEveryMs }));
  const files = openContentFiles(places.files);
  const base = baseModelIdentity(options.modelDir);
  const registry = createRegistry({ store, files, clock, hub, adaptersDir: places.adapters, base });
  const { workerEntry, modelDir } = options;
  const engine = undo.use(
    createServedEngine({
      entry: engineEntry(),
      modelDir,
      examples: store.examples,
      materialise: registry.materialise,
      log,
    }),
  );
  const canaries = undo.use(createCanaries({ store, registry, clock, log }));
  const events = undo.use(
    startEventWriter({
      entry: writerEntry(),
      data: { database: places.database },
      hub,
      log,
      onDerived: () => canaries.wake(),
    }),
  );

  // A store that cannot be written may be one that is no longer there: that ends in another way.
  void events.broken.then(() => watch.look());

  const model = undo.use(
    followModel({ store, clock, log, derive: () => events.derive(), everyMs: options.modelEveryMs }),
  );
  undo.use(
    startDispatcher({
      ci: () => ciSettingsOf(readActiveModel(settings)),
      verdicts: store.suggestions.countRated,
      settings,
      egress,
      clock,
      log,
      env: process.env,
      everyMs: options.dispatchEveryMs,
    }),
  );
  const training = createTraining({
    store,
    registry,
    hub,
    clock,
    log,
    places,
    modelDir,
    base,
    workerEntry,
    async collect(request) {
      await events.settled(AbortSignal.timeout(SETTLE_MS));
      return collectTask({ store, database: places.database, clock }, request);
    },
    followed: model.now,
    deploy: canaries.deploy,
    recordSnapshot: (snapshot) => recordSnapshot(store, snapshot, clock),
    runner: () => runner,
  });
  const runner = createJobRunner({
    jobs: store.jobs,
    clock,
    log,
    handle: training.perform,
    onDead: training.giveUp,
  });
  undo.use(runner);

  const derive = (suggestionIds: Iterable<string>) => deriveSuggestions(store, suggestionIds);
  const forgetting = createForgetting({
    store,
    clock,
    hub,
    log,
    datasetsDir: places.datasets,
    comparisonsDir: places.comparisons,
    derive,
    derived: () => events.settled(AbortSignal.timeout(SETTLE_MS)),
    cancelActiveRuns: (isAffected) => cancelActiveRuns(store, training, runner, isAffected),
  });
  undo.defer(() => forgetting.idle());

  undo.use(startSweeper({ store, places, clock, log, hub, derive, firstMs: options.sweepAfterMs }));
  const scheduler = undo.use(
    startScheduler({
      store,
      clock,
      log,
      start: training.start,
      pause: training.pause,
      resume: training.resume,
      canTrain: () => hasModel(modelDir),
      hasDrifted: canaries.hasDrifted,
      everyMs: options.scheduleEveryMs,
    }),
  );
  const reserve = undo.use(createReserve(places));
  const datasets = undo.use(createDatasetReader(store, places.datasets));
  let port = 0;
  undo.use(startMlflow({ store, files, egress, clock, log, env: process.env, everyMs: options.outboxEveryMs }));
  const labelStudio = undo.use(
    startLabelStudio({
      store,
      egress,
      clock,
      log,
      env: process.env,
      record: (recorded) => events.take(JSON.stringify({ events: recorded })),
      complete: async (place, signal) =>
        hasModel(modelDir) ? completePlace(engine, store.versions.alias("champion"), place, signal) : null,
      modelVersion: () => store.versions.alias("champion") ?? (base().slice(0, 16) || "none"),
      port: () => port,
      train() {
        if (store.runs.active() === null)
          training.start({ strategy: "lora", backend: "onnx", workspaces: [], overrides: {} });
      },
      everyMs: options.outboxEveryMs,
    }),
  );
  let token = createToken();
  const startedAt = isoTime(clock.wallMs());
  const shutdown = Promise.withResolvers<void>();
  const loginCodes = createLoginCodes(clock);
  const announce = (): void =>
    writeRuntimeFile(places.runtimeFile, {
      pid: process.pid,
      port,
      token,
      version: keptVersion,
      protocol: PROTOCOL_VERSION,
      startedAt,
    });
  const server = createHttpServer({
    store,
    files,
    registry,
    canaries,
    engine,
    training,
    labelStudio,
    events,
    reserve,
    forgetting,
    async buildDataset(request, signal) {
      const build = () =>
        buildDatasetInWorker(
          { store, database: places.database, clock, workerEntry, datasetsDir: places.datasets },
          request,
          signal,
        );
      // Labels that are made anew, as with other weights, belong to one version when they are read.
      await events.settled(AbortSignal.any([signal, AbortSignal.timeout(SETTLE_MS)]));
      const revision = store.forget.revision();
      const built = await build();
      // What was forgotten while the worker had it must not come back with its dataset.
      if (store.forget.revision() === revision || !(await forgetting.withdrawIfForgotten(built.id))) return built;
      return build();
    },
    labels: createLabelVersions({ store, clock, wake: events.derive }),
    datasets,
    exportDataset: (id, format, signal) =>
      exportInWorker(
        { store, workerEntry, datasetsDir: places.datasets, exportsDir: places.exports, modelDir },
        id,
        format,
        signal,
      ),
    exports: createSemaphore(EXPORTS),
    hub,
    clock,
    log,
    metrics,
    token: () => token,
    endpointKey: () => readEndpointKey(places.endpointKey),
    rotateToken() {
      const before = token;
      token = createToken();
      try {
        announce();
      } catch (error) {
        // The file still has the old one: then that has to count.
        token = before;
        throw error;
      }
      loginCodes.clear();
      hub.endAll();
      log.info({ event: "token-rotated" });
    },
    loginCodes,
    largeBatches: createSemaphore(LARGE_BATCHES),
    async attribute(request, signal) {
      // What was reported just before is found too.
      await events.settled(signal);
      return attributeInWorker(workerEntry, options.dataDir, request, signal);
    },
    attributions: createSemaphore(ATTRIBUTIONS),
    schedule: scheduler.state,
    deploy: (request) => deployVersion({ store, registry, canaries, base }, request),
    mediaDir: options.mediaDir,
    port: () => port,
    shutdown: shutdown.resolve,
  });
  port = await listen(server, options.port);
  undo.defer(() => stopListening(server, hub));

  // Whatever an earlier server left running has ended with it.
  const nRequeued = store.jobs.requeueAll();
  announce();
  undo.defer(() => removeRuntimeFile(places.runtimeFile, token));
  void forgetting.resume().catch((err: unknown) => log.error({ event: "forgetting-failed", err }));
  log.info({ event: "listening", port, pid: process.pid, requeued: nRequeued });
  runner.wake();
  // Evidence that was stored and not acted upon before the server ended.
  canaries.look();

  const owned = undo.move();
  let stopped: Promise<void> | null = null;
  return {
    port,
    get token() {
      return token;
    },
    places,
    log,
    shutdownRequested: shutdown.promise,
    broken: events.broken,
    lost: watch.lost,
    abandon: endWorkers,
    [Symbol.asyncDispose]: () => (stopped ??= Promise.resolve(owned[Symbol.asyncDispose]())),
  };
}

/** Where the user lets the metrics go to, asked whenever they would be sent. */
const allowedCollector = (settings: Store["settings"]) => (): URL | null => {
  const found = allowances(settings).find(({ purpose }) => purpose === "metrics");
  return found ? new URL(found.url) : null;
};

/** Longest wait for the process of a cancelled run, milliseconds. */
const CANCEL_MS = 15_000;

async function cancelActiveRuns(
  store: Store,
  training: Training,
  runner: JobRunner,
  isAffected: (datasetSha256: string | null) => boolean,
): Promise<void> {
  // A paused run would go on with a dataset that is no longer whole.
  for (const paused of store.runs.paused()) {
    const { datasetId } = store.runs.get(paused)!;
    if (isAffected(datasetId === null ? null : (store.datasets.get(datasetId)?.sha256 ?? null)))
      training.cancel(paused);
  }
  const id = store.runs.active();
  const run = id === null ? null : store.runs.get(id);
  // A run that waits collects later, without what is forgotten by then.
  if (run === null || run.state !== "running") return;
  if (!isAffected(run.datasetId === null ? null : (store.datasets.get(run.datasetId)?.sha256 ?? null))) return;
  training.cancel(run.id);
  const late = AbortSignal.timeout(CANCEL_MS);
  const waited = new Promise<void>((resolve) => late.addEventListener("abort", () => resolve(), { once: true }));
  await Promise.race([runner.idle(), waited]);
}
