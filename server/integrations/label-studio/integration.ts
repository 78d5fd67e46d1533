import type { Clock } from "../../clock.ts";
import { allowances } from "../../egress/allowances.ts";
import type { Egress, EgressLimits } from "../../egress/egress.ts";
import type { Log } from "../../log.ts";
import { startDrain } from "../../outbox/drain.ts";
import type { Store } from "../../store/store.ts";
import { openLabelStudio } from "./access.ts";
import { askWhereSignalsDisagree } from "./ask.ts";
import { predictions, type Complete } from "./backend.ts";
import type { LabelStudioClient } from "./client.ts";
import { deliverToLabelStudio } from "./deliver.ts";
import { reconcile } from "./reconcile.ts";
import { isFromLabelStudio, LABEL_STUDIO, NO_CALLBACK, readLabelStudio } from "./settings.ts";
import type { RecordEvents } from "./verdicts.ts";
import type { Hook, Prediction, PredictRequest } from "./wire.ts";

/** Asks people in Label Studio, takes in what they say, and answers as its ML backend. */
export interface LabelStudio extends AsyncDisposable {
  /** Whether a request's `Authorization` is the one that Label Studio was given. */
  admits(authorization: string | undefined): boolean;
  /** What the current model is called. */
  modelVersion(): string;
  predict(request: PredictRequest, signal: AbortSignal): Promise<Prediction[]>;
  /** Notes that something was said; what it was is read from Label Studio. False for what is none of Kept's. */
  notice(hook: Hook): boolean;
  /** Asks, sends what waits, and compares every answer. */
  look(): Promise<void>;
}

/** Between two looks at whether there is something to ask, milliseconds. */
const ASK_MS = 30_000;
/** From the start to the first comparison: the port is bound by then, milliseconds. */
const FIRST_RECONCILE_MS = 5_000;

export function startLabelStudio(parts: {
  readonly store: Store;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
  readonly env: NodeJS.ProcessEnv;
  readonly record: RecordEvents;
  readonly complete: Complete;
  /** Version of the adapter that is served, or the base model's hash. */
  readonly modelVersion: () => string;
  /** This server's port; 0 while it is not bound. */
  readonly port: () => number;
  /** Starts a training run when Label Studio asks for one. */
  readonly train: () => void;
  readonly everyMs?: number | undefined;
  readonly limits?: Partial<EgressLimits>;
}): LabelStudio {
  const { store, clock, log, record } = parts;
  const stop = new AbortController();
  let opened: { base: string; client: (signal: AbortSignal) => LabelStudioClient } | null = null;

  const address = (): URL | null => {
    const found = allowances(store.settings).find(({ purpose }) => purpose === LABEL_STUDIO);
    return found === undefined ? null : new URL(found.url);
  };
  const isOn = (): boolean => store.outbox.isOpen(LABEL_STUDIO) && address() !== null && parts.port() !== 0;
  const client = (signal: AbortSignal): LabelStudioClient => {
    const base = address()!;
    if (opened?.base !== base.href) {
      opened = { base: base.href, client: openLabelStudio({ ...parts, base, now: () => clock.wallMs() }) };
    }
    return opened.client(signal);
  };
  const ownAddress = (): string => readLabelStudio(store.settings).callback ?? `http://127.0.0.1:${parts.port()}`;

  const drain = startDrain({
    store,
    destination: LABEL_STUDIO,
    clock,
    log,
    everyMs: parts.everyMs,
    isOn,
    deliver: (row, signal) =>
      deliverToLabelStudio(
        {
          store,
          client: client(signal),
          settings: readLabelStudio(store.settings),
          clock,
          record,
          address: ownAddress,
        },
        row,
      ),
  });

  /** A server that was started again listens somewhere else. */
  const noteAddress = (): void => {
    const address = ownAddress();
    if (address !== NO_CALLBACK && readLabelStudio(store.settings).connectedTo !== address)
      store.outbox.add(LABEL_STUDIO, "connection", "project");
  };
  const ask = (): void => {
    if (!isOn()) return;
    const settings = readLabelStudio(store.settings);
    if (settings.projectId === null) return;
    noteAddress();
    askWhereSignalsDisagree(store, settings);
  };
  let nextReconcileAt = clock.monotonicMs() + FIRST_RECONCILE_MS;
  const compare = async (): Promise<void> => {
    const { projectId, reconcileMinutes } = readLabelStudio(store.settings);
    if (!isOn() || projectId === null) return;
    nextReconcileAt = clock.monotonicMs() + reconcileMinutes * 60_000;
    const nNew = await reconcile({ store, client: client(stop.signal), record, projectId });
    if (nNew > 0) log.info({ event: "answers-found", destination: LABEL_STUDIO, answers: nNew });
  };
  const guarded = async (work: () => void | Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!stop.signal.aborted) log.warn({ event: "label-studio", problem: (error as Error).message });
    }
  };
  let current: Promise<void> = Promise.resolve();
  const tick = (): void => {
    current = current.then(() => guarded(ask));
    if (clock.monotonicMs() >= nextReconcileAt) current = current.then(() => guarded(compare));
  };
  const timer = setInterval(tick, Math.min(ASK_MS, parts.everyMs ?? ASK_MS));
  timer.unref();
  const first = setTimeout(tick, FIRST_RECONCILE_MS);
  first.unref();

  return {
    admits: (authorization) => isFromLabelStudio(readLabelStudio(store.settings), authorization),
    modelVersion: parts.modelVersion,
    predict: (request, signal) =>
      predictions({ store, complete: parts.complete, modelVersion: parts.modelVersion() }, request, signal),
    notice(hook) {
      if (hook.action === "START_TRAINING") {
        parts.train();
        return true;
      }
      if (!/^ANNOTATIONS?_(CREATED|UPDATED|DELETED)$/.test(hook.action)) return false;
      const task = hook.task ?? null;
      const suggestionId = task === null ? null : store.outbox.subjectOf(LABEL_STUDIO, "task", String(task.id));
      if (suggestionId !== null) store.outbox.add(LABEL_STUDIO, "answers", suggestionId);
      // A deletion names no task: then every answer is compared, soon.
      else if (task === null) nextReconcileAt = clock.monotonicMs();
      void drain.look().then(tick);
      return true;
    },
    async look() {
      await guarded(ask);
      await drain.look();
      await guarded(compare);
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      clearTimeout(first);
      stop.abort(new Error("The server is stopping."));
      await drain[Symbol.asyncDispose]();
      await current;
    },
  };
}
