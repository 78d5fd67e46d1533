import { keptEvent } from "../../protocol/events.ts";
import type { Clock } from "../clock.ts";
import { removeSnapshot } from "../forget/dataset-search.ts";
import type { Derived } from "../labels/derive.ts";
import type { DataPlaces } from "../places.ts";
import { emptySweep, type SweepReport } from "../store/expiry.ts";
import type { Store } from "../store/store.ts";
import { outcomeOnly } from "./outcome-only.ts";
import { readRetention, type RetentionSettings } from "./retention-settings.ts";
import { existsSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import path from "node:path";

const DAY_MS = 86_400_000;
/**
 * The farthest that time moves on from one sweep to the next, milliseconds. A clock that jumps ten years
 * ahead makes nothing old: whoever sets it right again in the weeks that follow loses nothing.
 */
const MAX_STEP_MS = 7 * DAY_MS;
/** Suggestions, or events, in one transaction: what waits for it waits milliseconds. */
const AT_ONCE = 25;
/** Events looked at in one go: so many bodies are read in milliseconds. */
const LOOKED_AT_ONCE = 500;
/** Pages of the store given back at once. */
const PAGES_AT_ONCE = 128;

export interface SweepParts {
  readonly store: Store;
  readonly places: DataPlaces;
  readonly clock: Clock;
  readonly derive: (suggestionIds: Iterable<string>) => Derived;
  readonly signal: AbortSignal;
  /** Hears how many suggestions, events and folders are done. */
  readonly onProgress?: (done: number) => void;
}

/** What is old now, by the settings and by the time that can be trusted. */
interface Bounds {
  readonly settings: RetentionSettings;
  readonly nowMs: number;
  /** Events before these sequences are over their time. */
  readonly events: number;
  readonly code: number;
  readonly datasetsMs: number | null;
  readonly runsMs: number | null;
}

/**
 * Deletes what is over its time, a little at a time, with the erasure that forgetting uses: deleted rows
 * are overwritten, the log is emptied, and the store's file gets smaller. It may be stopped or killed at
 * any point; the next sweep goes on. Unlike forgetting it marks nothing: what comes again is taken in.
 */
export async function sweep(parts: SweepParts): Promise<SweepReport> {
  const { store, places, signal } = parts;
  const bounds = await boundsOf(parts);
  const done = { ...emptySweep(bounds.nowMs) } as { -readonly [K in keyof SweepReport]: SweepReport[K] };
  let nDone = 0;
  const step = async (n: number): Promise<void> => {
    parts.onProgress?.((nDone += n));
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
  };
  const { expiry, erasure } = store;

  for (;;) {
    const ids = expiry.suggestions(bounds.events, AT_ONCE);
    if (ids.length === 0) break;
    done.events += store.transaction(() => erasure.deleteSuggestions(ids));
    done.suggestions += ids.length;
    await step(ids.length);
  }
  for (;;) {
    const ids = expiry.strayEvents(bounds.events, AT_ONCE);
    if (ids.length === 0) break;
    done.events += store.transaction(() => erasure.deleteEvents(ids));
    await step(ids.length);
  }
  for (let from = expiry.eventRange().first; from < bounds.code; from += LOOKED_AT_ONCE) {
    const found = expiry.withCode(from, Math.min(from + LOOKED_AT_ONCE, bounds.code));
    for (let at = 0; at < found.length; at += AT_ONCE) {
      done.stripped += stripCode(parts, found.slice(at, at + AT_ONCE));
      await step(Math.min(AT_ONCE, found.length - at));
    }
    await step(0);
  }
  for (const { id, sha256 } of bounds.datasetsMs === null ? [] : expiry.datasets(bounds.datasetsMs)) {
    // The mark first: what is named has to be there, and files that nothing names are a leftover.
    expiry.expireDataset(id, bounds.nowMs);
    done.freedBytes += await bytesIn(path.join(places.datasets, sha256));
    await removeSnapshot(places.datasets, sha256);
    done.datasets += 1;
    await step(1);
  }
  for (const dir of oldFolders(parts, bounds)) {
    done.freedBytes += await bytesIn(dir);
    await rm(dir, { recursive: true, force: true });
    done.folders += 1;
    await step(1);
  }
  if (done.events > 0 || done.stripped > 0) store.removeCopies();
  for (let left = Number.POSITIVE_INFINITY; ;) {
    const now = expiry.vacuum(PAGES_AT_ONCE);
    if (left !== Number.POSITIVE_INFINITY) done.freedBytes += (left - now) * expiry.pageBytes();
    if (now === 0 || now >= left) break;
    left = now;
    await step(0);
  }
  if (done.events > 0 || done.stripped > 0) store.truncateLog();
  // A clock that is behind for a day takes nothing back: time goes on from where it was.
  expiry.remember(Math.max(bounds.nowMs, expiry.lastSweepAt() ?? 0), done);
  return done;
}

/** What a sweep would delete now. Changes nothing. */
export async function plannedSweep(parts: Pick<SweepParts, "store" | "places" | "clock">): Promise<SweepReport> {
  const { store, places } = parts;
  const bounds = await boundsOf(parts);
  const datasets = bounds.datasetsMs === null ? [] : store.expiry.datasets(bounds.datasetsMs);
  const dirs = [...datasets.map(({ sha256 }) => path.join(places.datasets, sha256)), ...oldFolders(parts, bounds)];
  let freedBytes = 0;
  for (const dir of dirs) freedBytes += await bytesIn(dir);
  return {
    ...emptySweep(bounds.nowMs),
    ...store.expiry.countBefore(bounds.events),
    stripped:
      store.expiry.countWithCode(bounds.code) - store.expiry.countWithCode(Math.min(bounds.code, bounds.events)),
    datasets: datasets.length,
    folders: dirs.length - datasets.length,
    freedBytes,
  };
}

async function boundsOf({ store, clock }: Pick<SweepParts, "store" | "clock">): Promise<Bounds> {
  const { expiry } = store;
  const settings = readRetention(store.settings);
  const lastMs = expiry.lastSweepAt() ?? expiry.lastReceivedAt();
  const nowMs = lastMs === null ? clock.wallMs() : Math.min(clock.wallMs(), lastMs + MAX_STEP_MS);
  const before = async (days: number | null): Promise<number> => {
    if (days === null) return 0;
    const { first, end } = expiry.eventRange();
    for (let from = first; from < end; from += LOOKED_AT_ONCE) {
      const found = expiry.firstSince(nowMs - days * DAY_MS, from, from + LOOKED_AT_ONCE);
      if (found !== null) return found;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return end;
  };
  // Rows of a dataset are code, and made of events: they do not outlive what those are allowed by long.
  const datasetDays = [settings.datasets, settings.code, settings.events].filter((days) => days !== null);
  return {
    settings,
    nowMs,
    events: await before(settings.events),
    code: await before(settings.code),
    datasetsMs: datasetDays.length === 0 ? null : nowMs - Math.min(...datasetDays) * DAY_MS,
    runsMs: settings.runs === null ? null : nowMs - settings.runs * DAY_MS,
  };
}

/** Puts events without their code in their places, and computes anew what was computed with it. */
function stripCode({ store, derive }: SweepParts, sequences: readonly number[]): number {
  let nStripped = 0;
  store.transaction(() => {
    const touched = new Set<string>();
    for (const sequence of sequences) {
      // Read where it is written: it may have been forgotten since it was found.
      const body = store.expiry.bodyAt(sequence);
      if (body === null) continue;
      const event = keptEvent.parse(JSON.parse(body));
      const stripped = outcomeOnly(event);
      if (stripped === event) continue;
      store.erasure.replaceEvent(sequence, stripped);
      touched.add(event.suggestionId);
      nStripped += 1;
    }
    store.expiry.dropCode([...touched]);
    derive(touched);
  });
  return nStripped;
}

/** Folders that are there. */
function oldFolders({ store, places }: Pick<SweepParts, "store" | "places">, { runsMs }: Bounds): string[] {
  if (runsMs === null) return [];
  return [
    ...store.expiry.endedRuns(runsMs).map((id) => path.join(places.runs, id)),
    ...store.expiry.idleVersions(runsMs).map((id) => path.join(places.adapters, id)),
  ].filter((dir) => existsSync(dir));
}

async function bytesIn(dir: string): Promise<number> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isFile()) bytes += (await stat(path.join(entry.parentPath, entry.name)).catch(() => null))?.size ?? 0;
  }
  return bytes;
}
