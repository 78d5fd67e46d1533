import { Command, InvalidArgumentError } from "commander";
import { DEVICES } from "../../engine/devices/device.ts";
import { resolveDataDir } from "../places.ts";
import { keptVersion } from "../version.ts";
import { COMMANDS } from "./command-table.ts";
import type { CommandParts, SetExit } from "./command-parts.ts";

/**
 * `kept` with the commands that `args` is about, and the names of the others: each is loaded when it runs.
 * Reads take --json; data goes to stdout, everything else to stderr.
 */
export async function createProgram(args: readonly string[], setExit: SetExit): Promise<Command> {
  const wanted = commandOf(args);
  return build(setExit, ({ name }) => name === wanted);
}

/** `kept` with all of its commands, for those who want to know every one. */
export const createWholeProgram = (setExit: SetExit): Promise<Command> => build(setExit, () => true);

async function build(setExit: SetExit, isWanted: (entry: { name: string }) => boolean): Promise<Command> {
  const program = new Command("kept")
    .description("Inline code suggestions that learn from what you keep, on your own machine.")
    .version(keptVersion)
    .option("--data-dir <folder>", "where everything is stored (default: KEPT_DATA_DIR or the platform's data folder)")
    .option(
      "--device <name>",
      "auto, cpu, webgpu, cuda or dml: where models run (default: KEPT_DEVICE or auto)",
      device,
    )
    .showHelpAfterError("Run `kept --help` for the commands.")
    .exitOverride();
  const dataDir = (): string => resolveDataDir(program.opts<{ dataDir?: string }>().dataDir, process.env);
  // The processes that load models read it from the environment.
  program.on("option:device", (name: string) => (process.env["KEPT_DEVICE"] = name));
  const parts: CommandParts = {
    dataDir,
    setExit,
    connect: async () => (await import("./client.ts")).connectToServer(dataDir()),
  };
  for (const entry of COMMANDS) {
    if (isWanted(entry)) await entry.add(program, parts);
    else program.command(entry.name).description(entry.about);
  }
  return program;
}

/** The first word that is neither an option nor an option's value; of `help train` the word behind it. */
function commandOf(args: readonly string[]): string | null {
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at]!;
    if (word === "--data-dir" || word === "--device") at += 1;
    else if (word !== "help" && !word.startsWith("-")) return word;
  }
  return null;
}

function device(text: string): string {
  const known = DEVICES.find((name) => name === text.toLowerCase());
  if (known !== undefined) return known;
  throw new InvalidArgumentError(`It has to be one of ${DEVICES.join(", ")}.`);
}
