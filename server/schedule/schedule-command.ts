import { InvalidArgumentError, Option, type Command } from "commander";
import type { CommandParts } from "../cli/command-parts.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { isoTime } from "../clock.ts";
import { withStore } from "../settings.ts";
import { backendOption, strategyOption } from "../training/strategy-options.ts";
import { changeSchedule, readLastStart, readSchedule, type LastStart, type Schedule } from "./schedule-settings.ts";

interface Change {
  readonly automatic?: boolean;
  readonly labels?: number;
  readonly nightly?: boolean;
  readonly drift?: boolean;
  readonly idle?: number;
  readonly onBattery?: boolean;
  readonly strategy?: Schedule["strategy"];
  readonly backend?: Schedule["backend"];
  readonly json?: boolean;
}

/** Adds `kept schedule`: when training starts by itself. None of its commands needs a server, and none minds one. */
export function addScheduleCommand(program: Command, { dataDir, setExit }: CommandParts): void {
  const schedule = program.command("schedule").description("when training starts by itself");
  const onOff = (name: string, about: string) => new Option(`--${name} <on|off>`, about).argParser(parseOnOff);

  schedule
    .command("show")
    .description("when training starts by itself, how much is new, and what it started last")
    .option("--json", "print JSON")
    .action((flags: { json?: boolean }) => {
      const value = withStore(dataDir(), (store) => ({
        settings: readSchedule(store.settings),
        newLabels: store.schedule.newLabels(),
        last: readLastStart(store.settings),
      }));
      print(value, flags, () => describe(value));
    });

  schedule
    .command("set")
    .description("change when training starts by itself")
    .addOption(onOff("automatic", "start training by itself at all"))
    .addOption(new Option("--labels <number>", "new labels that are worth a run").argParser(whole(20, 100_000)))
    .addOption(onOff("nightly", "once a night, between two and six, when there is something new"))
    .addOption(onOff("drift", "when what is served got worse"))
    .addOption(new Option("--idle <minutes>", "nothing may have happened for so long").argParser(whole(1, 1_440)))
    .addOption(onOff("on-battery", "also while the machine runs on its battery"))
    .addOption(strategyOption("what a run trains; in-context: nothing, examples alone"))
    .addOption(backendOption("what it is trained with; torch has to be installed"))
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  kept schedule set --labels 100 --nightly off\n")
    .action(({ json, idle, ...change }: Change) => {
      const wanted: Partial<Schedule> = { ...change, ...(idle === undefined ? {} : { idleMinutes: idle }) };
      if (Object.keys(wanted).length === 0) {
        process.stderr.write("Name what to change: `kept schedule set --help` lists it.\n");
        return setExit(EXIT.usage);
      }
      const after = withStore(dataDir(), ({ settings }) => changeSchedule(settings, wanted, Date.now()));
      print({ settings: after }, { json }, () => describeSettings(after));
    });
}

function parseOnOff(text: string): boolean {
  if (text === "on" || text === "off") return text === "on";
  throw new InvalidArgumentError("It has to be on or off.");
}

const whole = (from: number, until: number) => (text: string) => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= from && value <= until) return value;
  throw new InvalidArgumentError(`It has to be a whole number from ${from} to ${until}.`);
};

const describe = ({
  settings,
  newLabels,
  last,
}: {
  settings: Schedule;
  newLabels: number;
  last: LastStart;
}): string => {
  const started = last.at === null ? "nothing yet" : `${isoTime(last.at)}, ${last.trigger}, run ${last.run}`;
  return `${describeSettings(settings)}\nNew labels: ${newLabels}. Started by itself: ${started}.\n`;
};

const describeSettings = (settings: Schedule): string => {
  const onOff = (value: boolean) => (value ? "on" : "off");
  return table(
    ["what", "setting"],
    [
      ["automatic", onOff(settings.automatic)],
      ["labels", settings.labels],
      ["nightly", onOff(settings.nightly)],
      ["drift", onOff(settings.drift)],
      ["idle", `${settings.idleMinutes} minutes`],
      ["on battery", onOff(settings.onBattery)],
      ["strategy", settings.strategy],
      ["backend", settings.backend],
    ],
  );
};
