import { trainingRun, type TrainingRun } from "../../protocol/api.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { waitForRun } from "../cli/wait-for-run.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { installTorch } from "../training/train-command.ts";
import { serverForCommand } from "./headless.ts";
import { readModelFile } from "./model-file.ts";
import { describeRunInMarkdown, outcomeOf, tellJob, type Outcome } from "./run-report.ts";

export interface TrainFromFileFlags {
  readonly headless?: boolean;
  /** Serve it too if it wins, as `kept train start` does. */
  readonly deploy?: boolean;
  readonly always?: boolean;
  readonly json?: boolean;
}

/**
 * Collects, trains and tests as a model's file says. The version that it leaves is the candidate; `kept deploy`
 * serves it. Answers the exit code: 0 when it won, 4 when the gate refused it, 5 when there was nothing to learn.
 */
export async function trainFromFile(file: string, flags: TrainFromFileFlags, dataDir: string): Promise<number> {
  const model = readModelFile(file);
  const { name, strategy, backend } = model.config;
  if (strategy === "in-context") {
    process.stderr.write(`${name} learns by examples alone: they are used at once, and there is nothing to train.\n`);
    return EXIT.nothing;
  }
  // Where nobody watches nothing is installed: this command is watched, or a job that may take its time.
  if (backend === "torch") await installTorch(dataDir);
  using interrupt = createInterrupt();
  await using server = await serverForCommand(dataDir, model, { headless: flags.headless === true });
  const { client } = server;
  const queued = await client.send(
    "POST",
    "/v1/training/runs",
    { config: model.file, deploy: flags.deploy === true, onlyNew: flags.always !== true },
    trainingRun,
  );
  const cancel = (): void =>
    void client.send("POST", `/v1/training/runs/${queued.id}/cancel`, {}, trainingRun).catch(() => {});
  interrupt.signal.addEventListener("abort", cancel, { once: true });
  const run = await waitForRun(client, queued.id);
  const outcome = outcomeOf(run);
  tellJob(process.env, describeRunInMarkdown(name, run), {
    outcome,
    run: run.id,
    version: run.versionId ?? "",
  });
  print({ model: name, outcome, run }, flags, () => describe(name, outcome, run));
  return interrupt.signal.aborted ? EXIT.interrupted : EXITS[outcome];
}

const EXITS: Readonly<Record<Outcome, number>> = {
  won: EXIT.done,
  promoted: EXIT.done,
  trial: EXIT.done,
  served: EXIT.done,
  refused: EXIT.gate,
  nothing: EXIT.nothing,
  none: EXIT.nothing,
  failed: EXIT.failed,
  cancelled: EXIT.failed,
};
/** The exit code of an outcome. */
export const exitOf = (outcome: Outcome): number => EXITS[outcome];

const describe = (name: string, outcome: Outcome, run: TrainingRun): string =>
  table(
    ["model", name],
    [
      ["outcome", outcome],
      ["run", run.id],
      ["dataset", run.datasetId],
      ["version", run.versionId],
      ["reason", run.error?.message ?? run.evaluation?.reason],
    ],
  );
