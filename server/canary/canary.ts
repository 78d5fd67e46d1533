import { type CanaryReading, readCanary } from "../../core/evaluation/canary.ts";
import { canaryInterval } from "../../core/evaluation/canary-interval.ts";
import { type DriftReading, readDrift } from "../../core/evaluation/drift.ts";
import { type CanaryPage, type CanaryRow, type CanarySettings, canarySettings } from "../../protocol/canary.ts";
import { isoTime, type Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Registry } from "../registry/registry.ts";
import type { CanaryRecord } from "../store/canary-store.ts";
import type { Store } from "../store/store.ts";
import { canaryOutcomes, servedCharacters } from "./outcomes.ts";
import { randomUUID } from "node:crypto";

/** Tries promoted candidates on a share of the suggestions, and takes them back by the same evidence. */
export interface Canaries extends Disposable {
  /**
   * Serves a candidate that has won the gate: on trial beside the champion, or at once where trials are off or
   * there is nothing yet that it could make worse. In the caller's transaction; `announce` once that is done.
   * @throws AppError `alias-moved` when the champion is another than the one it has beaten
   */
  deploy(version: string, champion: string | null, reason: string): void;
  /** Starts a trial by hand, in the place of one that runs. @throws AppError `not-found`, `invalid` */
  start(version: string, share?: number): CanaryRow;
  /** Ends the trial that runs: the candidate becomes champion, or is taken back. @throws AppError `no-canary` */
  end(how: "promoted" | "rolled-back"): CanaryRow;
  /** A suggestion got an outcome, or an alias moved: looks at the evidence soon. */
  wake(): void;
  /** Looks at the evidence now. */
  look(): void;
  page(limit: number): CanaryPage;
  /** Whether what the champion suggests is taken less than it was when it was new. */
  hasDrifted(): boolean;
  change(settings: Partial<CanarySettings>): CanarySettings;
}

export interface CanaryParts {
  readonly store: Store;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Log;
  /** Longest time from an outcome to the look at it, milliseconds; a second unless given. */
  readonly lookAfterMs?: number;
}

const SETTING = "canary";
/** Outcomes come in batches: one look for all of them, milliseconds. */
const LOOK_AFTER_MS = 1_000;

export function createCanaries(parts: CanaryParts): Canaries {
  const { store, registry, clock, log } = parts;
  let timer: NodeJS.Timeout | null = null;
  const settings = (): CanarySettings => store.settings.get(SETTING, canarySettings);
  const readingOf = (canary: CanaryRecord): Reading => {
    const { limit } = settings();
    const plan = { share: canary.share, limit };
    const outcomes = canaryOutcomes(store, canary, limit);
    return { ...readCanary(outcomes, plan), difference: canaryInterval(outcomes, plan) };
  };

  const begin = (version: string, champion: string | null, share: number): void => {
    const running = store.canaries.running();
    if (running !== null) conclude(running, "superseded", readingOf(running), "Another candidate is tried.");
    store.canaries.start({
      id: randomUUID(),
      version,
      champion,
      share,
      afterSequence: store.events.watermark(),
      startedAt: clock.wallMs(),
    });
  };

  /** In a transaction: the trial ends, and the aliases move with it or not at all. */
  const conclude = (
    canary: CanaryRecord,
    how: Exclude<CanaryRow["state"], "running">,
    reading: Reading,
    reason: string,
  ): void => {
    if (how === "promoted") registry.moveAlias("champion", canary.champion, canary.version, reason);
    if (how === "rolled-back" && store.versions.alias("candidate") === canary.version)
      registry.moveAlias("candidate", canary.version, null, reason);
    const { harm, gain } = reading;
    store.canaries.end(canary.id, how, { ...wireReading(reading), reason }, clock.wallMs());
    log.info({ event: "canary-ended", version: canary.version, how, harm, gain });
  };

  const decide = (): void => {
    const canary = store.canaries.running();
    if (canary === null) return;
    const reading = readingOf(canary);
    const isSuperseded = store.versions.alias("champion") !== canary.champion;
    if (!isSuperseded && reading.verdict === "undecided") return;
    store.transaction(() => {
      if (isSuperseded) conclude(canary, "superseded", reading, "The champion was moved.");
      else conclude(canary, reading.verdict === "promote" ? "promoted" : "rolled-back", reading, reading.reason);
    });
    registry.announce();
  };

  const look = (): void => {
    try {
      decide();
    } catch (err) {
      // The next outcome looks again; suggestions go on as they were.
      log.error({ event: "canary-not-read", err });
    }
  };

  const rowOf = (canary: CanaryRecord): CanaryRow => {
    const read = canary.reading ?? wireReading(readingOf(canary));
    const { id, version, champion, share, state } = canary;
    const endedAt = canary.endedAt === null ? null : isoTime(canary.endedAt);
    return { id, version, champion, share, startedAt: isoTime(canary.startedAt), endedAt, state, ...read };
  };

  const drift = (): DriftReading => {
    const since = store.versions.championSince();
    const after = since === null ? 0 : store.canaries.sequenceAt(since);
    return readDrift(servedCharacters(store, store.versions.alias("champion"), after));
  };

  return {
    deploy(version, champion, reason) {
      const { share, first } = settings();
      if (share === 0 || (champion === null && !first))
        return registry.moveAlias("champion", champion, version, reason);
      if (store.versions.alias("champion") !== champion)
        throw new AppError("alias-moved", `The alias champion does not stand at ${champion ?? "nothing"}.`);
      begin(version, champion, share);
    },
    start(version, share = settings().share) {
      if (store.versions.get(version) === null)
        throw new AppError("not-found", `There is no model version ${version}.`);
      const champion = store.versions.alias("champion");
      if (champion === version) throw new AppError("invalid", `The version ${version} serves already.`);
      if (share === 0) throw new AppError("invalid", "The share of a canary has to be above 0.");
      store.transaction(() => begin(version, champion, share));
      registry.announce();
      return rowOf(store.canaries.running()!);
    },
    end(how) {
      const canary = store.canaries.running();
      if (canary === null) throw new AppError("no-canary", "No candidate is on trial.");
      store.transaction(() => conclude(canary, how, readingOf(canary), "Ended by hand."));
      registry.announce();
      return rowOf(store.canaries.get(canary.id)!);
    },
    wake() {
      if (timer !== null || store.canaries.running() === null) return;
      timer = setTimeout(() => {
        timer = null;
        look();
      }, parts.lookAfterMs ?? LOOK_AFTER_MS);
      timer.unref();
    },
    look,
    page: (limit) => ({
      settings: settings(),
      canaries: store.canaries.list(limit).map(rowOf),
      filter: store.filters.newestDetail(),
      drift: drift(),
    }),
    hasDrifted: () => drift().alarm,
    change(change) {
      const after = canarySettings.parse({ ...settings(), ...change });
      store.settings.put(SETTING, after, clock.wallMs());
      return after;
    },
    [Symbol.dispose]() {
      if (timer !== null) clearTimeout(timer);
    },
  };
}

type Reading = CanaryReading & Pick<Required<CanaryRow>, "difference">;

const wireReading = ({ reason, harm, gain, candidate, champion, difference }: Reading) => ({
  difference,
  reason,
  harm,
  gain,
  arms: { candidate, champion },
});
