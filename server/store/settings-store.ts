import type { Db } from "./database.ts";
import type { z } from "zod";

/** Settings of the server that a person changes with `kept`: one JSON value for each part. */
export interface SettingsStore {
  /** The part as it was set; what `schema` makes of nothing when it never was, or cannot be read any more. */
  get<S extends z.ZodType>(name: string, schema: S): z.infer<S>;
  put(name: string, value: unknown, changedAt: number): void;
  /** Deletes what was learnt from what a person wants forgotten. */
  removeLearnt(): void;
}

/** Parts that were fitted to what was recorded: weights of labels in use, and all of them with their reports. */
export const LEARNT_SETTINGS = ["label-table", "label-versions"] as const;

export function openSettingsStore(db: Db): SettingsStore {
  const get = db.prepare("SELECT value FROM settings WHERE name = ?").pluck();
  const put = db.prepare(`
    INSERT INTO settings (name, value, changed_at) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at`);
  const remove = db.prepare("DELETE FROM settings WHERE name = ?");
  return {
    get(name, schema) {
      const text = get.get(name) as string | undefined;
      const parsed = schema.safeParse(text === undefined ? {} : JSON.parse(text));
      return parsed.success ? parsed.data : schema.parse({});
    },
    removeLearnt() {
      for (const name of LEARNT_SETTINGS) remove.run(name);
    },
    put: (name, value, changedAt) => void put.run(name, JSON.stringify(value), changedAt),
  };
}
