import {
  decideGivingWay,
  decideTraining,
  FEWEST_LABELS,
  type ScheduleDecision,
  type ScheduleTrigger,
} from "../../core/schedule.ts";
import type { TrainingRequest, TrainingRun } from "../../protocol/api.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Store } from "../store/store.ts";
import { isOnBattery } from "./power.ts";
import { putLastStart, readLastStart, readSchedule, type LastStart, type Schedule } from "./schedule-settings.ts";

export interface ScheduleParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Queues a run. */
  readonly start: (request: TrainingRequest) => TrainingRun;
  readonly pause: (runId: string) => boolean;
  readonly resume: (runId: string) => boolean;
  /** Whether there is a model to train an adapter for. */
  readonly canTrain: () => boolean;
  /** Whether the measure of what is served has fallen. */
  readonly hasDrifted: () => boolean;
  readonly onBattery?: () => Promise<boolean>;
  /** Between two looks, milliseconds; a minute unless given. */
  readonly everyMs?: number | undefined;
}

/** What a person sees of the schedule. */
export interface ScheduleState {
  readonly settings: Schedule;
  readonly newLabels: number;
  readonly decision: ScheduleDecision;
  readonly last: LastStart;
}

export interface Scheduler extends AsyncDisposable {
  state(): Promise<ScheduleState>;
}

/** Between two looks, milliseconds. */
const EVERY_MS = 60_000;
/** Between two runs for the same fall, or for the same that was forgotten, milliseconds. */
const AGAIN_MS = 24 * 3_600_000;

/** Starts training by itself when there is something to learn and nobody is held up. */
export function startScheduler(parts: ScheduleParts): Scheduler {
  const { store, clock, log } = parts;
  const { settings, schedule } = store;
  const onBattery = parts.onBattery ?? isOnBattery;

  const state = async (): Promise<ScheduleState> => {
    const last = readLastStart(settings);
    const now = clock.wallMs();
    const newLabels = schedule.newLabels();
    // A fall shows until there is another champion: a run that brought none is not tried again at once.
    const isTried = (trigger: ScheduleTrigger): boolean =>
      last.trigger === trigger && last.at !== null && Math.abs(now - last.at) < AGAIN_MS;
    const decision = decideTraining(readSchedule(settings), {
      now,
      hour: new Date(now).getHours(),
      newLabels,
      lastRunAt: schedule.lastRunAt(),
      lastNightAt: last.night,
      isTraining: store.runs.active() !== null,
      lastEventAt: schedule.lastEventAt(),
      onBattery: await onBattery(),
      hasDrifted: newLabels >= FEWEST_LABELS && !isTried("drift") && parts.hasDrifted(),
      servesForgotten: !isTried("forgotten") && servesForgotten(store),
    });
    return { settings: readSchedule(settings), newLabels, decision, last };
  };

  const begin = (trigger: ScheduleTrigger, newLabels: number): void => {
    const now = clock.wallMs();
    const { strategy, backend } = readSchedule(settings);
    const run = parts.start({ strategy, backend, workspaces: [...schedule.lastWorkspaces()], overrides: {} });
    const { night } = readLastStart(settings);
    putLastStart(
      settings,
      { trigger, at: now, night: trigger === "nightly" ? now : night, run: run.id, gaveWay: false },
      now,
    );
    log.info({ event: "training-scheduled", run: run.id, trigger, newLabels });
  };

  /** Pauses the run that was started here while somebody types hard, and lets it go on when nobody does. */
  const giveWay = async (): Promise<void> => {
    const last = readLastStart(settings);
    const run = last.run === null ? null : store.runs.get(last.run);
    if (run === null || (run.state !== "running" && run.state !== "paused")) return;
    // What a person paused is theirs to resume, and what a person resumed is under way again.
    if (run.state === "paused" && !last.gaveWay) return;
    const now = clock.wallMs();
    const decision = decideGivingWay(readSchedule(settings), {
      now,
      tenthEventAt: schedule.lastEventAt(9),
      lastEventAt: schedule.lastEventAt(),
      onBattery: await onBattery(),
    });
    if (isOver) return;
    const isPaused = run.state === "paused";
    if (decision === "pause" && !isPaused && parts.pause(run.id)) mark(last, true, now);
    else if (decision === "go-on" && isPaused && parts.resume(run.id)) mark(last, false, now);
    else if (!isPaused && last.gaveWay) mark(last, false, now);
  };
  const mark = (last: LastStart, gaveWay: boolean, now: number): void => {
    putLastStart(settings, { ...last, gaveWay }, now);
    log.info({ event: gaveWay ? "training-gave-way" : "training-went-on", run: last.run });
  };

  const look = async (): Promise<void> => {
    if (!parts.canTrain()) return;
    try {
      await giveWay();
      const { decision, newLabels } = await state();
      // Asked once more, at once: a run may have been started while the power was looked at.
      if (!isOver && decision.kind === "start" && store.runs.active() === null) begin(decision.trigger, newLabels);
    } catch (err) {
      if (!isOver) log.error({ event: "schedule-failed", err });
    }
  };
  let isOver = false;
  let looking: Promise<void> = Promise.resolve();
  const timer = setInterval(() => void (looking = looking.then(look)), parts.everyMs ?? EVERY_MS);
  timer.unref();
  return {
    state,
    async [Symbol.asyncDispose]() {
      isOver = true;
      clearInterval(timer);
      await looking;
    },
  };
}

/** A champion that remembers what was forgotten is trained anew from what is left of its lineage. */
function servesForgotten(store: Store): boolean {
  const champion = store.versions.alias("champion");
  if (champion === null || store.versions.get(champion)?.tainted !== true) return false;
  const { good, bad } = store.labels.counts();
  return good + bad > 0 || store.schedule.lastWorkspaces().length > 0;
}
