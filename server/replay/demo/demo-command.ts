import type { Command } from "commander";
import { EXIT } from "../../cli/exit-codes.ts";
import { resolveModelDir } from "../../places.ts";
import { createInterrupt } from "../interrupt.ts";
import { duration } from "../progress-line.ts";
import { positiveInteger, workTree } from "../replay-command.ts";
import { dashboardAddress, runDemo } from "./demo.ts";
import { once } from "node:events";
import path from "node:path";

/** What a demo of five minutes on two cores has time for. */
const DEFAULT_POINTS = 120;

interface DemoFlags {
  readonly once?: boolean;
  readonly repo?: string;
  readonly port: number;
  readonly limit: number;
  readonly steps?: number;
  readonly modelDir?: string;
}

/** Adds `kept demo`: the loop once around over a git history, on a data folder of its own. */
export function addDemoCommand(program: Command, setExit: (code: number) => void): void {
  program
    .command("demo")
    .description("the whole loop over a git history, from suggestions to a promoted or refused adapter")
    .option("--once", "end after the verdict and leave nothing running")
    .option("--repo <folder>", "git work tree (default: this folder)")
    .option("--port <number>", "port on 127.0.0.1; 0 takes any free one", Number, 0)
    .option("--limit <points>", "points of the history to replay, the newest ones", positiveInteger, DEFAULT_POINTS)
    .option("--steps <number>", "training steps (default: by the rows that there are)", positiveInteger)
    .option("--model-dir <folder>", "base model (default: KEPT_MODEL_DIR or the one shipped)")
    .action(async (flags: DemoFlags) => setExit(await demo(flags)));
}

async function demo(flags: DemoFlags): Promise<number> {
  using interrupt = createInterrupt();
  const { signal } = interrupt;
  const { env } = process;
  const now = Date.now();
  const startedAt = Number(env["KEPT_DEMO_STARTED_AT"] ?? now);
  const readyAt = Number(env["KEPT_DEMO_READY_AT"] ?? now);
  try {
    const root = await workTree(flags.repo ?? ".", signal);
    await using server = await runDemo({
      root,
      demosDir: path.join(packageRoot(), ".kept", "demo"),
      modelDir: resolveModelDir(flags.modelDir, env),
      port: flags.port,
      nPoints: flags.limit,
      overrides: flags.steps === undefined ? {} : { steps: flags.steps },
      setUpMs: readyAt - startedAt,
      signal,
    });
    process.stdout.write(`All in all ${duration(Date.now() - startedAt)}.\n\n`);
    process.stdout.write("In the editor: npm start\n");
    if (flags.once) {
      process.stdout.write("The dashboard: npm run demo without --once keeps the server running\n");
      return EXIT.done;
    }
    await keepServing(() => dashboardAddress(server.client), signal);
    process.stdout.write("\nStopping the server…\n");
    return EXIT.done;
  } catch (error) {
    if (!signal.aborted) throw error;
    process.stderr.write("\nStopped.\n");
    return EXIT.interrupted;
  }
}

/** Until Ctrl+C. A code opens the dashboard once and within a minute, so Enter makes a new one. */
async function keepServing(address: () => Promise<string>, signal: AbortSignal): Promise<void> {
  process.stdout.write(`The dashboard: ${await address()}\n`);
  process.stdout.write("The address opens once, within a minute. Enter prints a new one, Ctrl+C ends the demo.\n");
  const print = (): void =>
    void address().then(
      (url) => process.stdout.write(`${url}\n`),
      () => undefined,
    );
  process.stdin.on("data", print);
  if (!signal.aborted) await once(signal, "abort");
  process.stdin.off("data", print).pause();
}

/** The folder of `package.json`, from `dist/cli.cjs` or from this source. */
function packageRoot(): string {
  const here = import.meta.dirname;
  return path.basename(here) === "demo" ? path.join(here, "..", "..", "..") : path.dirname(here);
}
