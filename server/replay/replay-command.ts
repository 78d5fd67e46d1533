import { InvalidArgumentError, type Command } from "commander";
import { gitCommand } from "../../tracker/git-command.ts";
import { deployment } from "../../protocol/api.ts";
import type { ServerClient } from "../cli/client.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { print } from "../cli/output.ts";
import { AppError } from "../errors.ts";
import { dataPlaces, resolveModelDir } from "../places.ts";
import { acceptanceTable, percent, summarise } from "./acceptance.ts";
import { runComparison } from "./comparison/compare-command.ts";
import { hashOf } from "../content-hash.ts";
import { createInterrupt } from "./interrupt.ts";
import { createProgressLine, timeLeft } from "./progress-line.ts";
import { newSession, readPoints, replay, type ReplaySource } from "./replay.ts";
import { serveWith, startReplayEngine } from "./replay-engine.ts";
import path from "node:path";

/** Points walked when nothing else is said: a few minutes on two cores. */
const DEFAULT_POINTS = 300;
/** And of a comparison, which learns from most of them: as many as a workspace's history is mined for. */
const COMPARED_POINTS = 4_000;
const MAX_POINTS = 100_000;

interface ReplayFlags {
  readonly repo?: string;
  readonly points?: string;
  readonly limit?: number;
  readonly modelDir?: string;
  readonly adapter: string;
  readonly compare?: boolean;
  readonly json?: boolean;
}

/** Adds `kept replay`. */
export function addReplayCommand(
  program: Command,
  parts: { connect: () => Promise<ServerClient>; dataDir: () => string; setExit: (code: number) => void },
): void {
  program
    .command("replay")
    .description("let a git history stand in for a developer: suggest, and compare with what was really written")
    .option("--repo <folder>", "git work tree (default: this folder)")
    .option("--points <file>", "a points file, .jsonl or .jsonl.xz, instead of a work tree")
    .option("--limit <points>", "the newest points (default: 300, and 4000 to compare)", positiveInteger)
    .option("--adapter <version>", "none, champion, or a model version", "none")
    .option("--model-dir <folder>", "base model (default: KEPT_MODEL_DIR or the one shipped)")
    .option("--compare", "train on the first 80 %, and measure examples and adapter on the rest, without a server")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nNeeds a running server, unless it compares; the events go to it.\n\nExample:\n  kept replay --repo . --limit 200\n",
    )
    .action(async (flags: ReplayFlags) => {
      if (flags.compare !== true) return parts.setExit(await runReplay(flags, await parts.connect()));
      const { limit = COMPARED_POINTS, json } = flags;
      const modelDir = resolveModelDir(flags.modelDir, process.env);
      const workDir = path.join(
        dataPlaces(parts.dataDir()).comparisons,
        hashOf(JSON.stringify([flags, process.cwd()])).slice(0, 16),
      );
      const options = { limit, modelDir, workDir, ...(json === undefined ? {} : { json }) };
      parts.setExit(await runComparison((signal) => sourceOf(flags, signal), options));
    });
}

async function runReplay(flags: ReplayFlags, server: ServerClient): Promise<number> {
  using interrupt = createInterrupt();
  const { signal } = interrupt;
  const line = createProgressLine(process.stderr);
  let nDone = 0;
  try {
    const source = await sourceOf(flags, signal);
    using engine = await startReplayEngine(resolveModelDir(flags.modelDir, process.env));
    const adapter = await adapterOf(flags.adapter, server);
    if (adapter !== null) await serveWith(engine, server, adapter);
    process.stderr.write("Reading the history…\n");
    const points = await readPoints(source, flags.limit ?? DEFAULT_POINTS, signal);
    const startedAt = performance.now();
    const { acceptance } = await replay({
      source,
      points,
      engine,
      server,
      session: newSession(),
      signal,
      onPoint(cases) {
        nDone = cases.length;
        const left = timeLeft(nDone, points.length, startedAt);
        line.show(
          `${nDone} of ${points.length} points, ${percent(summarise(cases).all.acceptedAtLine)} accepted${left}`,
        );
      },
    });
    line.clear();
    print({ source, adapter, base: engine.model.sha256, acceptance }, flags, () => acceptanceTable(acceptance));
    return EXIT.done;
  } catch (error) {
    line.clear();
    if (!signal.aborted) throw error;
    process.stderr.write(`Stopped after ${nDone} points. What was sent until then stays with the server.\n`);
    return EXIT.interrupted;
  }
}

async function sourceOf(flags: ReplayFlags, signal: AbortSignal): Promise<ReplaySource> {
  if (flags.points !== undefined && flags.repo !== undefined) {
    throw new AppError("invalid", "--repo and --points exclude each other.");
  }
  if (flags.points !== undefined) return { kind: "points", file: path.resolve(flags.points) };
  return { kind: "repository", root: await workTree(flags.repo ?? ".", signal) };
}

/** The top folder of the work tree that a folder belongs to. */
export async function workTree(folder: string, signal: AbortSignal): Promise<string> {
  return gitCommand(path.resolve(folder), ["rev-parse", "--show-toplevel"], signal);
}

async function adapterOf(flag: string, server: ServerClient): Promise<string | null> {
  if (flag === "none") return null;
  if (flag !== "champion") return flag;
  return (await server.get("/v1/deployment", deployment)).adapter?.version ?? null;
}

/** A whole number from 1, for commander. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MAX_POINTS) return value;
  throw new InvalidArgumentError(`It has to be a whole number from 1 to ${MAX_POINTS}.`);
}
