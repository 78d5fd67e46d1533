import { z } from "zod";
import { AppError } from "../errors.ts";
import { DEFAULT_SCHEDULE } from "../../core/schedule.ts";
import { strategy, trainingBackend } from "../../protocol/api.ts";
import { readActiveModel } from "../models/active-model.ts";
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

/** As the model's file says that the server follows, otherwise as it was set. */
export function readSchedule(settings: SettingsStore): Schedule {
  const model = readActiveModel(settings);
  if (model === null) return settings.get(SETTING, scheduleSettings);
  const { schedule, strategy: trained, backend } = model.config;
  return { ...schedule, strategy: trained, backend };
}

/** Changes what is named and leaves the rest. @throws AppError `invalid` where a model's file decides it */
export function changeSchedule(settings: SettingsStore, change: Partial<Schedule>, nowMs: number): Schedule {
  const model = readActiveModel(settings);
  if (model !== null)
    throw new AppError("invalid", `The schedule comes from ${model.file}.`, { hint: "Change it there." });
  const after = scheduleSettings.parse({ ...readSchedule(settings), ...change });
  settings.put(SETTING, after, nowMs);
  return after;
}

/** What the schedule did last. */
const lastStart = z.object({
  trigger: z.enum(["labels", "nightly", "drift", "forgotten"]).nullable().default(null),
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
