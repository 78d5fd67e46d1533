import { InvalidArgumentError, Option, type Command } from "commander";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { AppError } from "../errors.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { topFolder } from "../adoption/git-notes.ts";
import { acceptedCode } from "./accepted-code.ts";
import { type Baseline, humanBaseline } from "./baseline.ts";
import { type GroupedLife, readLives } from "./lives.ts";
import { openReading, type Reading } from "./reading.ts";
import {
  days,
  type Grouping,
  GROUPINGS,
  halfLifeText,
  percent,
  seriesOf,
  survivalReport,
  type SurvivalReport,
} from "./report.ts";
import { showSurvival } from "./show.ts";
import { followedText, survivalSvg } from "./svg.ts";
import type { SurvivalSummary } from "../../core/survival/survival-summary.ts";

interface SurvivalFlags {
  readonly by: Grouping;
  readonly repo?: string;
  readonly since?: number;
  readonly baseline: boolean;
  readonly json?: boolean;
  readonly svg?: string;
}

interface Parts {
  readonly dataDir: () => string;
  readonly setExit: (code: number) => void;
}

/** Enough for two digits of an interval. */
const RESAMPLES = 200;
const DAY_MS = 86_400_000;

/** Adds `kept survival` and `kept survival show`. */
export function addSurvivalCommands(program: Command, { dataDir, setExit }: Parts): void {
  const survival = program
    .command("survival")
    .description("how long accepted code lives: curves and half-life, beside code that people wrote")
    .addOption(new Option("--by <what>", "one curve for each").choices(GROUPINGS).default("model"))
    .option("--repo <folder>", "only code of this repository")
    .option("--since <days>", "only what was accepted in the last days", positive)
    .option("--no-baseline", "without the code that people wrote: nothing is read from git")
    .option("--svg <file>", "write the curves as a picture")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nNeeds no server. What the curves mean is in docs/survival.md.\n\nExamples:\n  kept survival --by language\n  kept survival --repo . --svg survival.svg\n",
    )
    .action(async (flags: SurvivalFlags) => setExit(await runReport(flags, dataDir())));
  survival
    .command("show <id>")
    .description("where one suggestion's code stands now, how much of it, and what became of the rest")
    .option("--repo <folder>", "its repository (default: where it was accepted)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nAsks git at once; nothing has to run before.\n\nExample:\n  kept survival show 0197… --repo .\n",
    )
    .action(async (id: string, flags: { repo?: string; json?: boolean }) => {
      // Options that both commands have are given to the outer one.
      const all = { ...flags, ...survival.opts<{ repo?: string; json?: boolean }>() };
      setExit(await showSurvival({ id, repo: all.repo ?? null, json: all.json === true, dataDir: dataDir() }));
    });
}

async function runReport(flags: SurvivalFlags, dataDir: string): Promise<number> {
  using interrupt = createInterrupt();
  const { signal } = interrupt;
  try {
    using reading = openReading(dataDir);
    const top = flags.repo === undefined ? null : await topFolder(path.resolve(flags.repo), signal);
    const now = Date.now();
    const since = flags.since === undefined ? null : now - flags.since * DAY_MS;
    const lives = readLives(reading, { top, since });
    const baseline = flags.baseline && lives.length > 0 ? await baselines(reading, lives, now, signal) : null;
    const report = survivalReport(lives, baseline, { by: flags.by, resamples: RESAMPLES, seed: 1 });
    if (flags.svg !== undefined) await writePicture(flags.svg, report);
    print(report, flags, () => describe(report));
    return EXIT.done;
  } catch (error) {
    if (!signal.aborted) throw error;
    return EXIT.interrupted;
  }
}

/** Of every repository that can still be read; the others have no baseline. */
async function baselines(
  reading: Reading,
  lives: readonly GroupedLife[],
  now: number,
  signal: AbortSignal,
): Promise<Baseline> {
  const roots = new Map<string, GroupedLife[]>();
  for (const life of lives) roots.set(life.repository, [...(roots.get(life.repository) ?? []), life]);
  const tops = new Map<string, GroupedLife[]>();
  for (const [root, own] of roots) {
    const top = await topFolder(root, signal).catch(() => null);
    if (top !== null) tops.set(top, [...(tops.get(top) ?? []), ...own]);
  }
  const all: Baseline["lives"][number][] = [];
  let widened = false;
  for (const [top, own] of tops) {
    const found = await humanBaseline({
      top,
      languages: [...new Set(own.map(({ language }) => language))],
      from: Math.min(...own.map(({ acceptedAt }) => acceptedAt)),
      now,
      generated: own.flatMap(({ suggestionId }) => {
        const suggestion = reading.suggestion(suggestionId);
        return suggestion === null ? [] : (acceptedCode(suggestionId, suggestion.events, top)?.text ?? []);
      }),
      signal,
    }).catch((error: unknown) => {
      if (signal.aborted) throw error;
      process.stderr.write(`No baseline of ${top}: ${(error as Error).message}\n`);
      return null;
    });
    if (found === null) continue;
    all.push(...found.lives);
    widened ||= found.widened;
  }
  return { lives: all, widened };
}

async function writePicture(file: string, report: SurvivalReport): Promise<void> {
  const isCause = report.by === "cause";
  const svg = survivalSvg(report.all.nSnippets === 0 ? [] : seriesOf(report), {
    title: isCause ? "Why accepted code went away" : "How long accepted code lives",
    subtitle: `${report.all.nSnippets} accepted suggestions, ${followedText(report.all.followedDays)}`,
    yTitle: isCause ? "share that has gone for this cause" : "share with at least half of its tokens",
  });
  try {
    await writeFile(file, svg);
  } catch (cause) {
    throw new AppError("invalid", `${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
  process.stderr.write(`Wrote ${file}.\n`);
}

function describe(report: SurvivalReport): string {
  if (report.all.nSnippets === 0) return "Nothing was accepted yet.\n";
  const rows: (readonly [string, SurvivalSummary])[] = [["all accepted code", report.all]];
  for (const { name, summary } of report.groups) rows.push([name, summary]);
  if (report.baseline !== null) {
    rows.push([report.baseline.widened ? "human code (of any time)" : "human code", report.baseline.summary]);
  }
  const text = table(
    ["", "snippets", "gone", "half-life", "7 d", "14 d", "30 d", "90 d", "mean of 90 d"],
    rows.map(([name, summary]) => [
      name,
      summary.nSnippets,
      summary.nEnded,
      summary.halfLifeDays.value === null ? `– (${halfLifeText(summary)})` : estimate(summary.halfLifeDays, days),
      ...summary.at.map(({ survival }) => estimate(survival, percent)),
      estimate(summary.restrictedMeanDays, days),
    ]),
  );
  if (report.all.causes.length === 0) return text;
  const causes = table(
    ["cause", "snippets", "share by the end"],
    report.all.causes.map(({ cause, ended, share }) => [cause, ended, percent(share)]),
  );
  return `${text}\n${causes}`;
}

const estimate = ({ value, interval }: SurvivalSummary["halfLifeDays"], show: (value: number) => string): string => {
  if (value === null) return "–";
  if (interval === null) return show(value);
  return `${show(value)} (${interval.low === null ? "…" : show(interval.low)} to ${interval.high === null ? "…" : show(interval.high)})`;
};

const positive = (text: string): number => {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0 && value <= 36_500) return value;
  throw new InvalidArgumentError("It has to be a number of days.");
};
