import type { KeptEvent } from "../../protocol/events.ts";
import { runtimeFile, type RuntimeFile } from "../../protocol/api.ts";
import { eventsIn } from "../support/vscode/left-events.ts";
import Database from "better-sqlite3";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** Looks into a running server's store without going through it: read-only, one statement a call. */
export function query<T>(dataDir: string, sql: string, ...values: unknown[]): T[] {
  const file = path.join(dataDir, "kept.db");
  if (!existsSync(file)) return [];
  const db = new Database(file, { readonly: true, fileMustExist: true });
  try {
    return db.prepare(sql).all(...values) as T[];
  } finally {
    db.close();
  }
}

export function storedEvents(dataDir: string, suggestionId?: string): KeptEvent[] {
  const rows = suggestionId
    ? query<{ body: string }>(
        dataDir,
        "SELECT body FROM events WHERE suggestion_id = ? ORDER BY sequence",
        suggestionId,
      )
    : query<{ body: string }>(dataDir, "SELECT body FROM events ORDER BY sequence");
  return rows.map(({ body }) => JSON.parse(body) as KeptEvent);
}

/** Events that stand in the outbox files of the editor's windows. */
export function waitingEvents(userDataDir: string): KeptEvent[] {
  return eventsIn(path.join(userDataDir, "User/globalStorage/kept.kept/outbox"));
}

/** The runtime file of the server that the extension started, or null. */
export function readRuntime(dataDir: string): RuntimeFile | null {
  try {
    return runtimeFile.parse(JSON.parse(readFileSync(path.join(dataDir, "server.json"), "utf8")));
  } catch {
    return null;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const POLL_MS = 100;

/** Resolves with the first value that is not undefined, null or false; rejects at the deadline. */
export async function until<T>(
  what: string,
  deadlineMs: number,
  look: () => T | undefined | null | false | Promise<T | undefined | null | false>,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`Waited ${Math.round(deadlineMs / 1000)} s in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
