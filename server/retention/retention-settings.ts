import type { SettingsStore } from "../store/settings-store.ts";
import { z } from "zod";

/** The longest time that can be set: a hundred years, days. */
export const MAX_DAYS = 36_500;
const days = z.int().min(1).max(MAX_DAYS).nullable();

/**
 * How long each thing is kept, days; null is until it is forgotten. What a person did is kept unless that
 * person says otherwise; what was made of it, and can be large, goes when it is of no more use.
 */
export const retentionSettings = z.object({
  /** Suggestions with their events, labels and examples. */
  events: days.default(null),
  /** The code in them: prompts, suggestions, what was typed instead. Outcomes and labels stay. */
  code: days.default(null),
  /** Rows of datasets, but for that of a version which is served, and the newest. */
  datasets: days.default(180),
  /** Folders of runs that have ended, and unpacked adapters that nobody serves. The versions themselves stay. */
  runs: days.default(30),
});
export type RetentionSettings = z.infer<typeof retentionSettings>;
export const RETENTION_PARTS = ["events", "code", "datasets", "runs"] as const;

const SETTING = "retention";

export const readRetention = (settings: SettingsStore): RetentionSettings => settings.get(SETTING, retentionSettings);

/** Changes what is named and leaves the rest. */
export function changeRetention(
  settings: SettingsStore,
  change: Partial<RetentionSettings>,
  nowMs: number,
): RetentionSettings {
  const after = retentionSettings.parse({ ...readRetention(settings), ...change });
  settings.put(SETTING, after, nowMs);
  return after;
}
