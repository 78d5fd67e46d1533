import { AppError } from "../errors.ts";
import type { SettingsStore } from "../store/settings-store.ts";
import { checkedEndpoint, type EgressPermit } from "./permit.ts";
import Database from "better-sqlite3";
import { z } from "zod";

/**
 * Purposes that a person allows once and for all; the others are allowed by the command that needs them, and so are
 * `s3` and `hub` unless their address stands in a model's file.
 */
export const LASTING_PURPOSES = ["metrics", "ci", "mlflow", "label-studio", "s3", "hub"] as const;
export type LastingPurpose = (typeof LASTING_PURPOSES)[number];

const allowance = z.object({
  purpose: z.enum(LASTING_PURPOSES),
  url: z.string(),
  mayBePrivate: z.boolean(),
  allowedAt: z.string(),
});
export type Allowance = z.infer<typeof allowance>;

const setting = z.object({ allow: z.array(allowance).max(LASTING_PURPOSES.length).default([]) });
const SETTING = "egress";

/** What the user has allowed. Never part of an archive: it is given on the machine that connects. */
export const allowances = (settings: SettingsStore): readonly Allowance[] => settings.get(SETTING, setting).allow;

/** Allows one address for a purpose, in place of the one before. @throws AppError `egress-refused` */
export function allow(
  settings: SettingsStore,
  wanted: { purpose: LastingPurpose; url: string; mayBePrivate: boolean },
  nowMs: number,
): Allowance {
  const url = checkedEndpoint(wanted.url, wanted.mayBePrivate);
  if (url.search !== "" || url.hash !== "") {
    throw new AppError("egress-refused", "The address has a query or a fragment.", { hint: "Leave it out." });
  }
  const made = { ...wanted, url: url.href, allowedAt: new Date(nowMs).toISOString() };
  const others = allowances(settings).filter(({ purpose }) => purpose !== wanted.purpose);
  settings.put(SETTING, { allow: [...others, made] }, nowMs);
  return made;
}

/** Takes an allowance back; false when there was none. */
export function withdraw(settings: SettingsStore, purpose: LastingPurpose, nowMs: number): boolean {
  const before = allowances(settings);
  const after = before.filter((one) => one.purpose !== purpose);
  if (after.length === before.length) return false;
  settings.put(SETTING, { allow: after }, nowMs);
  return true;
}

/** Looked at again whenever something is to be sent: the setting may have been changed by hand. */
export function permitsOf(settings: SettingsStore): EgressPermit[] {
  return allowances(settings).map(({ purpose, url, mayBePrivate }) => ({
    purpose,
    origin: checkedEndpoint(url, mayBePrivate).origin,
    mayBePrivate,
    redirects: "none",
  }));
}

/**
 * Takes every permission out of a store that comes from a backup, before it takes its place: one that was
 * withdrawn since must not come back with it.
 */
export function withdrawAllIn(database: string): void {
  const db = new Database(database, { fileMustExist: true });
  try {
    db.pragma("secure_delete = ON");
    const knowsSettings = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'settings'").get() !== undefined;
    if (knowsSettings) db.prepare("DELETE FROM settings WHERE name = ?").run(SETTING);
    db.pragma("wal_checkpoint(TRUNCATE)");
  } finally {
    db.close();
  }
}
