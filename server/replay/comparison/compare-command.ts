import { EXIT } from "../../cli/exit-codes.ts";
import { print } from "../../cli/output.ts";
import { AppError } from "../../errors.ts";
import { createInterrupt } from "../interrupt.ts";
import { readPoints, repositoryOf, type ReplaySource } from "../replay.ts";
import { startReplayEngine } from "../replay-engine.ts";
import { comparisonTable } from "./comparison-report.ts";
import { compareOnHistories } from "./comparison.ts";

export interface ComparisonFlags {
  /** The newest points of the history; all conditions are measured on the last fifth of them. */
  readonly limit: number;
  readonly modelDir: string;
  /** Adapter and cases of this comparison; a run that was stopped goes on from there. */
  readonly workDir: string;
  readonly json?: boolean;
}

/** Both parts need some points: fewer than this say nothing. */
const MIN_POINTS = 50;

/** `kept replay --compare`: what learning is worth on one history, without a server. */
export async function runComparison(
  sourceIn: (signal: AbortSignal) => Promise<ReplaySource>,
  flags: ComparisonFlags,
): Promise<number> {
  using interrupt = createInterrupt();
  const { signal } = interrupt;
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  try {
    const source = await sourceIn(signal);
    say("Reading the history…");
    const points = await readPoints(source, flags.limit, signal);
    if (points.length < MIN_POINTS) {
      throw new AppError("invalid", `The history has ${points.length} points; a comparison takes ${MIN_POINTS}.`);
    }
    using engine = await startReplayEngine(flags.modelDir);
    const [comparison] = await compareOnHistories([{ name: repositoryOf(source), points }], {
      engine,
      modelDir: flags.modelDir,
      workDir: flags.workDir,
      limit: points.length,
      overrides: {},
      say,
      signal,
    });
    const { figures, adapter } = comparison!;
    print({ source, base: engine.model.sha256, adapter, figures }, flags, () => comparisonTable(figures));
    return EXIT.done;
  } catch (error) {
    if (!signal.aborted) throw error;
    say(`Stopped. The same command goes on from ${flags.workDir}.`);
    return EXIT.interrupted;
  }
}
