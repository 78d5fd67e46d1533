/** When training starts by itself. */
export interface ScheduleSettings {
  readonly automatic: boolean;
  /** New labels that are worth a run at any time. */
  readonly labels: number;
  /** Once a night, when there is something new. */
  readonly nightly: boolean;
  /** When the measure of what is served has fallen. */
  readonly drift: boolean;
  /** Nothing may have been suggested or done for this long, minutes. */
  readonly idleMinutes: number;
  /** Also while the machine runs on its battery. */
  readonly onBattery: boolean;
  /** What a run trains; `in-context` trains nothing: examples alone. */
  readonly strategy: "in-context" | "lora" | "top-layers" | "full";
}

export const DEFAULT_SCHEDULE: ScheduleSettings = {
  automatic: true,
  labels: 200,
  nightly: true,
  drift: true,
  idleMinutes: 5,
  onBattery: false,
  strategy: "lora",
};

export type ScheduleTrigger = "labels" | "nightly" | "drift" | "forgotten";

export interface ScheduleFacts {
  readonly now: number;
  /** Hour of the machine's own clock, 0 to 23. */
  readonly hour: number;
  /** Suggestions with a good or bad label that no run has seen. */
  readonly newLabels: number;
  /** When the newest run was asked for, and the last one by itself; null before the first. */
  readonly lastRunAt: number | null;
  readonly lastNightAt: number | null;
  /** A run waits or is under way. */
  readonly isTraining: boolean;
  /** Last event of an editor; null before the first. */
  readonly lastEventAt: number | null;
  readonly onBattery: boolean;
  /** What is served has got worse since the last run. */
  readonly hasDrifted: boolean;
  /** What is served learnt from something that was forgotten since, and there is something else to learn from. */
  readonly servesForgotten: boolean;
}

/** What is known when a run that the schedule started is under way, or was paused by it. */
export interface GivingWayFacts {
  readonly now: number;
  /** When the tenth newest event of an editor and the newest one arrived; null where there are not as many. */
  readonly tenthEventAt: number | null;
  readonly lastEventAt: number | null;
  readonly onBattery: boolean;
}

/** Ten events within this time, milliseconds: somebody types and is shown suggestions, one after the other. */
const TYPING_MS = 60_000;

/**
 * Whether a run that the schedule started gives way to the person at the machine: `pause` while somebody types hard
 * or the machine runs on its battery, `go-on` when nothing has happened for as long as a start waits for, `stay`
 * in between: a run goes on beside somebody who reads.
 */
export function decideGivingWay(
  settings: Pick<ScheduleSettings, "idleMinutes" | "onBattery">,
  facts: GivingWayFacts,
): "pause" | "go-on" | "stay" {
  const since = (at: number | null) => (at === null ? Number.POSITIVE_INFINITY : Math.abs(facts.now - at));
  const lacksPower = facts.onBattery && !settings.onBattery;
  if (lacksPower || since(facts.tenthEventAt) < TYPING_MS) return "pause";
  return since(facts.lastEventAt) >= settings.idleMinutes * 60_000 ? "go-on" : "stay";
}

export type ScheduleDecision =
  | { readonly kind: "start"; readonly trigger: ScheduleTrigger }
  | { readonly kind: "wait"; readonly trigger: ScheduleTrigger; readonly for: "idle" | "mains" | "run" | "gap" }
  /** Nothing is due. */
  | { readonly kind: "rest"; readonly reason: "off" | "nothing-new" };

/** Fewer new labels move no adapter. */
export const FEWEST_LABELS = 20;
/** Nobody works on most machines from two to six. */
const NIGHT_HOURS = { from: 2, until: 6 } as const;
/** Between two nights, milliseconds: less than a day, more than a night. */
const NIGHT_GAP_MS = 18 * 3_600_000;
/** Between the beginnings of two runs: what a run changed has to show first, milliseconds. */
const RUN_GAP_MS = 3_600_000;

/** Whether training should start by itself now, why, or what it waits for. */
export function decideTraining(settings: ScheduleSettings, facts: ScheduleFacts): ScheduleDecision {
  if (!settings.automatic || settings.strategy === "in-context") return { kind: "rest", reason: "off" };
  const trigger = dueTrigger(settings, facts);
  if (trigger === null) return { kind: "rest", reason: "nothing-new" };
  if (facts.isTraining) return { kind: "wait", trigger, for: "run" };
  // A clock that was set back makes nothing wait for the time that it came from.
  const since = (at: number) => Math.abs(facts.now - at);
  if (facts.lastRunAt !== null && since(facts.lastRunAt) < RUN_GAP_MS) return { kind: "wait", trigger, for: "gap" };
  const isIdle = facts.lastEventAt === null || since(facts.lastEventAt) >= settings.idleMinutes * 60_000;
  if (!isIdle) return { kind: "wait", trigger, for: "idle" };
  if (facts.onBattery && !settings.onBattery) return { kind: "wait", trigger, for: "mains" };
  return { kind: "start", trigger };
}

function dueTrigger(settings: ScheduleSettings, facts: ScheduleFacts): ScheduleTrigger | null {
  // Nothing new is needed: the same without what is gone.
  if (facts.servesForgotten) return "forgotten";
  if (facts.newLabels < FEWEST_LABELS) return null;
  if (settings.drift && facts.hasDrifted) return "drift";
  if (facts.newLabels >= settings.labels) return "labels";
  const isNight = facts.hour >= NIGHT_HOURS.from && facts.hour < NIGHT_HOURS.until;
  const isFirst = facts.lastNightAt === null || Math.abs(facts.now - facts.lastNightAt) >= NIGHT_GAP_MS;
  return settings.nightly && isNight && isFirst ? "nightly" : null;
}
