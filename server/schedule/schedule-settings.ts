import { z } from "zod";
import { DEFAULT_SCHEDULE } from "../../core/schedule.ts";
import { strategy, trainingBackend } from "../../protocol/api.ts";
import type { SettingsStore } from "../store/settings-store.ts";

export const scheduleSettings = z.object({
  automatic: z.boolean().default(DEFAULT_SCHEDULE.automatic),
  labels: z.int().min(20).max(100_000).default(DEFAULT_SCHEDULE.labels),
  nightly: z.boolean().default(DEFAULT_SCHEDULE.nightly),
  drift: z.boolean().default(DEFAULT_SCHEDULE.drift),
  idleMinutes: z.int().min(1).max(1_440).default(DEFAULT_SCHEDULE.idleMinutes),
  onBattery: z.boolean().default(DEFAULT_SCHEDULE.onBattery),
  strategy: strategy.default(DEFAULT_SCHEDULE.strategy),
  backend: trainingBackend.default("onnx"),
});
export type Schedule = z.infer<typeof scheduleSettings>;

const SETTING = "schedule";

export const readSchedule = (settings: SettingsStore): Schedule => settings.get(SETTING, scheduleSettings);

/** Changes what is named and leaves the rest. */
export function changeSchedule(settings: SettingsStore, change: Partial<Schedule>, nowMs: number): Schedule {
  const after = scheduleSettings.parse({ ...readSchedule(settings), ...change });
  settings.put(SETTING, after, nowMs);
  return after;
}

/** What the schedule did last. */
const lastStart = z.object({
  trigger: z.enum(["labels", "nightly", "drift"]).nullable().default(null),
  at: z.number().nullable().default(null),
  night: z.number().nullable().default(null),
  run: z.string().nullable().default(null),
  /** That run was paused for somebody who types, or for want of mains power, and not by a person. */
  gaveWay: z.boolean().default(false),
});
export type LastStart = z.infer<typeof lastStart>;

const LAST = "schedule-last";
export const readLastStart = (settings: SettingsStore): LastStart => settings.get(LAST, lastStart);
export const putLastStart = (settings: SettingsStore, last: LastStart, nowMs: number): void =>
  settings.put(LAST, last, nowMs);
