import { InvalidArgumentError, Option, type Command } from "commander";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { systemClock } from "../clock.ts";
import { deriveSuggestions } from "../labels/derive.ts";
import { dataPlaces } from "../places.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { createProgressLine } from "../replay/progress-line.ts";
import { openForChange, withStore } from "../settings.ts";
import type { SweepReport } from "../store/expiry.ts";
import {
  changeRetention,
  MAX_DAYS,
  readRetention,
  RETENTION_PARTS,
  type RetentionSettings,
} from "./retention-settings.ts";
import { plannedSweep, sweep } from "./sweep.ts";

interface CommandParts {
  readonly dataDir: () => string;
  readonly setExit: (code: number) => void;
}

/** Sweeps that `kept retention show` lists. */
const SHOWN_SWEEPS = 5;

/** A null would be no value to the parser of arguments. */
const NEVER = 0;
type Change = Partial<Record<keyof RetentionSettings, number>> & { json?: boolean };

/** Adds `kept retention`: how long things are kept. None of its commands needs a server, and none minds one. */
export function addRetentionCommand(program: Command, { dataDir, setExit }: CommandParts): void {
  const retention = program.command("retention").description("how long what was recorded is kept, and what goes when");
  const days = (name: string, about: string) => new Option(`--${name} <days>`, about).argParser(parseDays);

  retention
    .command("show")
    .description("how long each thing is kept, and what the last sweeps deleted")
    .option("--json", "print JSON")
    .action((flags: { json?: boolean }) => {
      const value = withStore(dataDir(), ({ settings, expiry }) => ({
        days: readRetention(settings),
        sweeps: expiry.sweeps(SHOWN_SWEEPS),
      }));
      print(value, flags, () => `${describeDays(value.days)}\n${describeSweeps(value.sweeps)}`);
    });

  retention
    .command("set")
    .description("change how long something is kept, in days, or never to delete it")
    .addOption(days("events", "suggestions with their events, labels and examples"))
    .addOption(days("code", "the code in them; outcomes and labels stay"))
    .addOption(days("datasets", "rows of datasets that nothing served was trained on"))
    .addOption(days("runs", "folders of runs that have ended"))
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  kept retention set --code 90 --events never\n")
    .action(({ json, ...change }: Change) => {
      if (Object.keys(change).length === 0) {
        process.stderr.write("Name what to change: --events, --code, --datasets or --runs.\n");
        return setExit(EXIT.usage);
      }
      const wanted = Object.fromEntries(
        Object.entries(change).map(([name, value]) => [name, value === NEVER ? null : value]),
      );
      const after = withStore(dataDir(), ({ settings }) => changeRetention(settings, wanted, Date.now()));
      print({ days: after }, { json }, () => describeDays(after));
    });

  retention
    .command("run")
    .description("delete now what is over its time; the server does it by itself every six hours")
    .option("--dry-run", "say what would be deleted and change nothing")
    .option("--json", "print JSON")
    .action(async (flags: { dryRun?: boolean; json?: boolean }) => {
      using interrupt = createInterrupt();
      const { signal } = interrupt;
      using open = openForChange(dataDir());
      const { store } = open;
      const parts = { store, places: dataPlaces(dataDir()), clock: systemClock };
      const line = createProgressLine(process.stderr);
      try {
        const report =
          flags.dryRun === true
            ? await plannedSweep(parts)
            : await sweep({
                ...parts,
                derive: (ids) => deriveSuggestions(store, ids),
                signal,
                onProgress: (done) => line.show(`${done} done`),
              });
        line.clear();
        print({ dryRun: flags.dryRun === true, ...report }, flags, () => describeSweeps([report]));
      } catch (error) {
        line.clear();
        if (!signal.aborted) throw error;
        process.stderr.write("Stopped. What was deleted stays deleted; the next sweep goes on.\n");
        setExit(EXIT.interrupted);
      }
    });
}

function parseDays(text: string): number {
  if (text === "never") return NEVER;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MAX_DAYS) return value;
  throw new InvalidArgumentError(`It has to be a number of days from 1 to ${MAX_DAYS}, or never.`);
}

const describeDays = (settings: RetentionSettings): string =>
  table(
    ["what", "kept for"],
    RETENTION_PARTS.map((name) => [name, settings[name] === null ? "until you forget it" : `${settings[name]} days`]),
  );

const describeSweeps = (sweeps: readonly SweepReport[]): string =>
  table(
    ["sweep", "suggestions", "events", "code taken out", "datasets", "folders", "MB"],
    sweeps.map((one) => [
      one.at,
      one.suggestions,
      one.events,
      one.stripped,
      one.datasets,
      one.folders,
      (one.freedBytes / 1e6).toFixed(1),
    ]),
  );
