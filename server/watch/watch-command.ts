import { InvalidArgumentError, type Command } from "commander";
import path from "node:path";
import { findRepository } from "../../tracker/repository.ts";
import { openSink, runningServer } from "../adoption/sink.ts";
import { startApp, type App } from "../app.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { printable } from "../cli/output.ts";
import { AppError } from "../errors.ts";
import { dataPlaces, mediaDir, resolveModelDir, workerEntry } from "../places.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { openReading } from "../survival/reading.ts";
import { percent } from "../survival/report.ts";
import { watchRepository, type WatchNews } from "./watch.ts";

interface WatchFlags {
  readonly once?: boolean;
  readonly port: number;
  readonly json?: boolean;
}

/** Adds `kept watch`. */
export function addWatchCommand(
  program: Command,
  { dataDir, setExit }: { readonly dataDir: () => string; readonly setExit: (code: number) => void },
): void {
  program
    .command("watch [folder]")
    .description("follow code that other tools report, without an editor: for terminal agents and CI")
    .option("--once", "look once, store what was found, and end")
    .option("--port <number>", "port for POST /v1/generations when no server runs yet; 0 takes any free one", port, 0)
    .option("--json", "print one JSON object a line")
    .addHelpText(
      "after",
      "\nUses the running server, or starts one that ends with it. Ctrl+C ends it.\n\nExamples:\n  kept watch .\n  kept generation add --file src/sum.ts --lines 10-24 --tool claude && kept watch . --once\n",
    )
    .action(async (folder: string | undefined, flags: WatchFlags) =>
      setExit(await runWatch(path.resolve(folder ?? "."), flags, dataDir())),
    );
}

async function runWatch(folder: string, flags: WatchFlags, dataDir: string): Promise<number> {
  using interrupt = createInterrupt();
  const { signal } = interrupt;
  const found = await findRepository(folder, signal);
  if (!found.ok) {
    throw new AppError("git-unavailable", `${folder} cannot be watched: ${found.reason}.`, {
      hint: "Name a folder of a git work tree.",
    });
  }
  const { repository } = found;
  const app = (await runningServer(dataDir)) === null ? await startOwn(dataDir, flags.port) : null;
  try {
    using sink = await openSink(dataDir);
    using reading = openReading(dataDir);
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    say(`Watching ${repository.top}${app === null ? "" : `; reports go to http://127.0.0.1:${app.port}`}.`);
    await watchRepository({
      repository,
      dataDir,
      reading,
      takeEvents: sink.takeEvents,
      onNews: (news) => process.stdout.write(flags.json === true ? `${JSON.stringify(news)}\n` : describe(news)),
      once: flags.once === true,
      signal,
    });
    return signal.aborted ? EXIT.interrupted : EXIT.done;
  } finally {
    await app?.[Symbol.asyncDispose]();
  }
}

const startOwn = (dataDir: string, ownPort: number): Promise<App> =>
  startApp({
    dataDir,
    modelDir: resolveModelDir(undefined, process.env),
    mediaDir: mediaDir(process.env),
    workerEntry: workerEntry(),
    port: ownPort,
    log: { level: "info", destination: dataPlaces(dataDir).log },
  });

function describe(news: WatchNews): string {
  if (news.event === "following") return `${news.id}  following ${printable(news.path)}\n`;
  const { id, state, tokens, cause, commit } = news;
  const share = tokens === null ? "not known" : percent(tokens);
  const why = cause === null ? "" : `, ${cause}`;
  return `${id}  ${state}, ${share}${why}${commit === null || commit === "" ? "" : ` at ${commit.slice(0, 12)}`}\n`;
}

const port = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw new InvalidArgumentError("It has to be a number from 0 to 65535.");
};
