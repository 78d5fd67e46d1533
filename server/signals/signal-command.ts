import { Option, type Command } from "commander";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { gitCommand } from "../../tracker/git-command.ts";
import { topFolder } from "../adoption/git-notes.ts";
import { openSink } from "../adoption/sink.ts";
import type { CommandParts } from "../cli/command-parts.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { AppError } from "../errors.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { attributeSignals, type Attributed, resolveCommit } from "./attribute.ts";
import { parseErrorEvents } from "./error-events.ts";
import { parseJunit } from "./junit.ts";
import { parseLcov } from "./lcov.ts";
import { parseMeasurements } from "./measurements.ts";
import { errorSignals, measurementSignals, type ReportSignals, testSignals } from "./report-signals.ts";
import { parseReview, reviewSignals } from "./reviews.ts";
import { readTreePaths, type TreePaths } from "./tree-paths.ts";

interface SignalFlags {
  readonly repo: string;
  readonly commit?: string;
  readonly at?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** A report; larger ones are cut up by whoever wrote them. */
const MAX_REPORT_BYTES = 128 * 1024 * 1024;
/** Names of a list that a person reads; `--json` has all. */
const MAX_SHOWN = 10;

/** Adds `kept signal …`. */
export function addSignalCommands(program: Command, parts: CommandParts): void {
  const group = program.command("signal").description("tell what tests, errors and measurements say of the code");
  withFlags(group.command("junit <report>"))
    .description("tests that passed or failed, with the lines that they cover")
    .requiredOption("--coverage <lcov.info>", "lcov tracefile of the same run; TN tells tests apart")
    .addHelpText("after", "\nExample:\n  kept signal junit junit.xml --coverage coverage/lcov.info\n")
    .action(async (file: string, flags: SignalFlags & { coverage: string }) =>
      parts.setExit(
        await tell(flags, parts, async (place) => {
          const tests = parseJunit(await readReport(file));
          return [
            { commit: place.commit, ...testSignals(tests, parseLcov(await readReport(flags.coverage)), place.paths) },
          ];
        }),
      ),
    );
  withFlags(group.command("errors <events>"))
    .description("errors from production, one JSON object a line: name, and frames or a stack")
    .addHelpText("after", '\nExample:\n  kept signal errors errors.jsonl --commit "$(git rev-parse v1.4.0)"\n')
    .action(async (file: string, flags: SignalFlags) =>
      parts.setExit(
        await tell(flags, parts, async ({ commit, top, signal }) => {
          const byCommit = Map.groupBy(parseErrorEvents(await readReport(file)), (one) => one.commit ?? commit);
          const groups = [];
          for (const [named, errors] of byCommit) {
            const found = await resolveCommit(top, named, signal);
            groups.push({ commit: found, ...errorSignals(errors, await readTreePaths(top, found, signal)) });
          }
          return groups;
        }),
      ),
    );
  withFlags(group.command("perf <measurements>"))
    .description("measurements of functions before and after")
    .addHelpText(
      "after",
      '\nExample:\n  kept signal perf bench.json\n\nThe file: {"measurements": [{"name": "parse", "path": "src/parse.ts", "function": "parse",\n  "before": 12.1, "after": 15.8}]}; less is better unless "better" is "higher".\n',
    )
    .action(async (file: string, flags: SignalFlags) =>
      parts.setExit(
        await tell(flags, parts, async ({ commit, paths, top, signal }) => {
          const measurements = parseMeasurements(await readReport(file));
          const textOf = (name: string) => gitCommand(top, ["show", "--no-textconv", `${commit}:${name}`], signal);
          return [{ commit, ...(await measurementSignals(measurements, paths, textOf)) }];
        }),
      ),
    );
}

/** Adds `kept review …`. */
export function addReviewCommands(program: Command, parts: CommandParts): void {
  withFlags(program.command("review").description("take in what reviewers said of lines").command("import <remarks>"))
    .description("a JSON array of remarks: path, line, start_line, state (approved or changes-requested), reviewer")
    .addHelpText("after", '\nExample:\n  kept review import remarks.json --commit "$(git rev-parse HEAD)"\n')
    .action(async (file: string, flags: SignalFlags) =>
      parts.setExit(
        await tell(flags, parts, async ({ commit, paths }) => [
          { commit, ...reviewSignals(parseReview(await readReport(file)), paths) },
        ]),
      ),
    );
}

const withFlags = (command: Command): Command =>
  command
    .addOption(new Option("--repo <folder>", "git work tree").default(".", "this folder"))
    .option("--commit <revision>", "the commit that the report is of (default: where HEAD stands)")
    .option("--at <time>", "when it was seen, ISO 8601 (default: the commit's own time)")
    .option("--dry-run", "say who wrote the lines and change nothing")
    .option("--json", "print JSON");

interface Place {
  readonly top: string;
  readonly commit: string;
  readonly paths: TreePaths;
  readonly signal: AbortSignal;
}

type Group = ReportSignals & { readonly commit: string };

async function tell(
  flags: SignalFlags,
  { dataDir }: CommandParts,
  read: (place: Place) => Promise<readonly Group[]>,
): Promise<number> {
  using interrupt = createInterrupt();
  const { signal } = interrupt;
  if (flags.at !== undefined && Number.isNaN(Date.parse(flags.at))) throw new AppError("invalid", "--at is no time.");
  try {
    const top = await topFolder(path.resolve(flags.repo), signal);
    const commit = await resolveCommit(top, flags.commit ?? "HEAD", signal);
    const groups = await read({ top, commit, paths: await readTreePaths(top, commit, signal), signal });
    const at = flags.at === undefined ? {} : { at: flags.at };
    const attributed: Attributed[] = [];
    for (const group of groups) {
      if (group.signals.length === 0) continue;
      attributed.push(
        await attributeSignals(
          dataDir(),
          { root: top, commit: group.commit, ...at, signals: [...group.signals] },
          signal,
        ),
      );
    }
    const events = attributed.flatMap((one) => one.events);
    if (flags.dryRun !== true && events.length > 0) {
      using sink = await openSink(dataDir());
      await sink.takeEvents(events);
    }
    const value = {
      commit,
      unknown: groups.flatMap(({ unknown }) => unknown),
      dropped: attributed.reduce((sum, { answer }) => sum + answer.dropped, 0),
      stored: flags.dryRun === true ? 0 : events.length,
      followed: attributed[0]?.answer.followed ?? 0,
      signals: attributed.flatMap(({ answer }) => answer.signals),
    };
    print(value, flags, () => describe(value));
    return EXIT.done;
  } catch (error) {
    if (!signal.aborted) throw error;
    return EXIT.interrupted;
  }
}

type Told = { readonly commit: string; readonly unknown: readonly string[] } & Attributed["answer"] & {
    readonly stored: number;
  };

function describe({ commit, unknown, dropped, stored, followed, signals }: Told): string {
  const hit = new Set(signals.flatMap(({ suggestions }) => suggestions.map(({ id }) => id)));
  const named = unknown.slice(0, MAX_SHOWN).join(", ") + (unknown.length > MAX_SHOWN ? ", …" : "");
  return table(
    ["commit", commit],
    [
      ["signals", `${signals.length}, of which ${dropped} hit no suggestion`],
      ["suggestions", `${hit.size} of ${followed} that were accepted here`],
      ["stored", `${stored} events`],
      ...(unknown.length === 0 ? [] : [["not in the commit", named]]),
    ],
  );
}

async function readReport(file: string): Promise<string> {
  const found = await stat(file).catch((cause: unknown) => {
    throw new AppError("file-missing", `${file} cannot be read.`, { cause });
  });
  if (found.size > MAX_REPORT_BYTES) throw new AppError("too-large", `${file} is larger than 128 MiB.`);
  return readFile(file, "utf8");
}
