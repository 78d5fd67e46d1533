import type { HistoryPoint } from "../../../core/history-point.ts";
import { loginCode, serverStatus, why, type TrainingRun } from "../../../protocol/api.ts";
import type { EvaluationReport } from "../../../protocol/evaluation.ts";
import type { ServerClient } from "../../cli/client.ts";
import { printable, table } from "../../cli/output.ts";
import { readSnapshot } from "../../datasets/snapshot.ts";
import { AppError } from "../../errors.ts";
import { dataPlaces } from "../../places.ts";
import { acceptanceTable, percent } from "../acceptance.ts";
import { sendEvents } from "../event-batches.ts";
import { createProgressLine, duration, timeLeft } from "../progress-line.ts";
import { newSession, readPoints, replay, type ReplaySource } from "../replay.ts";
import { serveWith, startReplayEngine } from "../replay-engine.ts";
import { mostChanged, walkLater, type Comparison } from "./before-and-after.ts";
import { startDemoServer, type DemoServer } from "./demo-server.ts";
import { codeBlock, createStageTimes, heading, type StageTimes } from "./stage-times.ts";
import { watchRun } from "./watched-run.ts";
import { datasetPage } from "../../../protocol/api.ts";
import { styleText } from "node:util";

export interface DemoOptions {
  readonly root: string;
  readonly demosDir: string;
  readonly modelDir: string;
  readonly port: number;
  /** Points of the history to replay, the newest ones. */
  readonly nPoints: number;
  readonly overrides: Record<string, number>;
  /** How long the set-up before took, milliseconds. */
  readonly setUpMs: number;
  readonly signal: AbortSignal;
}

/** Later points that are asked again with the adapter: enough to see a difference, half a minute at most. */
const MAX_LATER_POINTS = 60;

const out = (text: string): void => void process.stdout.write(text);

/** The whole loop, once around. Gives the server, still running; the caller disposes of it. */
export async function runDemo(options: DemoOptions): Promise<DemoServer> {
  const { root, signal } = options;
  const line = createProgressLine(process.stderr);
  const times = createStageTimes([
    "set up",
    "suggest",
    "observe",
    "collect",
    "train",
    "test",
    "deploy",
    "suggest again",
  ]);
  const startedAt = performance.now();
  await using undo = new AsyncDisposableStack();
  const server = undo.use(await startDemoServer(options));
  using engine = await startReplayEngine(options.modelDir);
  const { client } = server;
  times.add("set up", options.setUpMs + performance.now() - startedAt, "install, build, server and engine");
  out(
    `Server at ${client.url}, model ${engine.model.name} (${(engine.model.nParameters / 1e6).toFixed(1)} M parameters)\n`,
  );

  const source: ReplaySource = { kind: "repository", root };
  const points = await readPoints(source, options.nPoints, signal);
  if (points.length === 0) throw new AppError("invalid", `The history of ${root} holds no code that was written.`);

  out(heading(`Suggest and observe: ${points.length} points of the git history`));
  const replayedAt = performance.now();
  let suggestMs = 0;
  const timed: typeof engine.complete = async (...asked) => {
    const askedAt = performance.now();
    try {
      return await engine.complete(...asked);
    } finally {
      suggestMs += performance.now() - askedAt;
    }
  };
  const { acceptance } = await replay({
    source,
    points,
    engine: { ...engine, complete: timed },
    server: client,
    session: newSession(),
    onPoint: (cases) => line.show(progressText("point", cases.length, points.length, replayedAt)),
    signal,
  });
  line.clear();
  times.add("suggest", suggestMs, `${acceptance.all.shown} suggestions, base model with in-context examples`);
  times.add("observe", performance.now() - replayedAt - suggestMs, await observed(client));
  out(acceptanceTable(acceptance));

  out(heading("Collect, train, test, deploy"));
  const run = await train(options, client, times, line);
  const { evaluation } = run;
  if (evaluation === null || run.versionId === null || run.datasetId === null) {
    throw new AppError("worker-failed", `The training run ${run.state}: ${run.error?.message ?? "no evaluation"}`);
  }
  out(verdictText(run, evaluation));

  const again = performance.now();
  const dataset = (await client.get("/v1/datasets?limit=10", datasetPage)).datasets.find(
    ({ id }) => id === run.datasetId,
  );
  const later = dataset ? laterPart(points, laterThan(server.dataDir, dataset.sha256)) : [];
  if (later.length > 0) {
    out(heading(`Suggest again: ${later.length} points later than everything that was trained on`));
    const earlier = points.slice(0, points.length - later.length);
    const walk = (nBefore: number) =>
      walkLater({
        source,
        earlier,
        later,
        engine,
        session: newSession(),
        onPoint: (nDone) => line.show(progressText("point", nBefore + nDone, 2 * later.length, again)),
        signal,
      });
    const before = await walk(0);
    await serveWith(engine, client, run.versionId);
    const after = await walk(later.length);
    line.clear();
    times.add("suggest again", performance.now() - again, `${later.length} points, without and with the adapter`);
    out(
      `Replay acceptance ${percent(before.acceptance.all.acceptedAtLine)} → ${percent(after.acceptance.all.acceptedAtLine)}, ` +
        `edit similarity ${before.acceptance.all.editSimilarity.toFixed(3)} → ${after.acceptance.all.editSimilarity.toFixed(3)}\n`,
    );
    const comparison = mostChanged(before, after);
    if (comparison) await showComparison(client, comparison, evaluation.verdict === "promote");
  }

  out(heading("The loop, once around"));
  out(
    table(
      ["stage", "time", ""],
      times.rows().map(({ stage, ms, note }) => [stage, duration(ms), note]),
    ),
  );
  undo.move();
  return server;
}

/** An address that opens the dashboard once, within a minute. */
export async function dashboardAddress(client: ServerClient): Promise<string> {
  const { code } = await client.send("POST", "/v1/login-codes", {}, loginCode);
  return `${client.url}/#code=${code}`;
}

async function train(
  { root, overrides, signal }: DemoOptions,
  client: ServerClient,
  times: StageTimes,
  line: ReturnType<typeof createProgressLine>,
): Promise<TrainingRun> {
  let stage = "";
  const { run, stageMs } = await watchRun(
    client,
    { workspaces: [root], overrides },
    (seen, progress) => {
      if (seen.stage !== stage) line.clear();
      stage = seen.stage;
      if (progress === null) return line.show(`${stage}…`);
      const { step, totalSteps, loss, tokensPerSecond, secondsLeft } = progress;
      line.show(
        `train: step ${step} of ${totalSteps}, loss ${loss.toFixed(3)}, ${Math.round(tokensPerSecond)} tokens/s, ` +
          `${duration(secondsLeft * 1_000)} left`,
      );
    },
    signal,
  );
  line.clear();
  const ms = (...stages: TrainingRun["stage"][]) => stages.reduce((sum, one) => sum + (stageMs.get(one) ?? 0), 0);
  const { datasets } = await client.get("/v1/datasets?limit=1", datasetPage);
  const rows = datasets[0]?.rows;
  times.add(
    "collect",
    ms("queued", "collect"),
    rows ? `${rows.train} rows to train on, ${rows.test} later ones to test` : "",
  );
  const loss = run.trainLoss;
  times.add(
    "train",
    ms("train"),
    loss ? `loss ${loss.first.toFixed(3)} → ${loss.last.toFixed(3)} (${fall(loss)})` : "",
  );
  times.add("test", ms("test"), run.evaluation ? `${run.evaluation.cases} held-out cases against the champion` : "");
  times.add("deploy", ms("deploy"), run.evaluation ? verdictWord(run.evaluation) : "");
  return run;
}

function verdictText(run: TrainingRun, evaluation: EvaluationReport): string {
  const { primary, acceptedAtLine, editSimilarity, heldOutLoss, lossAlone } = evaluation;
  const signed = (value: number) => (value >= 0 ? "+" : "") + value.toFixed(3);
  const row = (name: string, { champion, challenger }: { champion: number; challenger: number }) =>
    [name, champion.toFixed(3), challenger.toFixed(3), signed(challenger - champion)] as const;
  const measures = [
    row("accepted at line", acceptedAtLine),
    row("edit similarity", editSimilarity),
    row("held-out loss (nats/token)", heldOutLoss),
    ...(lossAlone ? [row("the same of the model alone", lossAlone)] : []),
  ];
  const failed = evaluation.guards.filter(({ holds }) => !holds);
  return (
    table([`${evaluation.cases} cases`, evaluation.champion, evaluation.challenger, "difference"], measures) +
    `Verdict: ${styleText("bold", verdictWord(evaluation))} ${run.versionId}\n` +
    `  ${primary.metric} ${signed(primary.difference)}, ${Math.round(100 * primary.confidence)} % interval ` +
    `${signed(primary.low)} to ${signed(primary.high)} (${primary.resamples} resamples)\n  ${evaluation.reason}\n` +
    failed.map(({ name, detail }) => `  guard ${name}: ${detail}\n`).join("")
  );
}

const verdictWord = ({ verdict }: EvaluationReport): string => (verdict === "promote" ? "promoted" : "refused");

const fall = ({ first, last }: { first: number; last: number }): string => `${percent(1 - last / first)} lower`;

/** The adapter's suggestion becomes a suggestion like any other, so that the server can say why. */
async function showComparison(client: ServerClient, { before, after, events }: Comparison, isServed: boolean) {
  await sendEvents(client, events);
  const { point } = after;
  const answer = await client.get(`/v1/suggestions/${after.suggestionId}/why`, why);
  const from = answer.adapter;
  const commits = answer.examples.map(({ path, commit }) => (commit ? `${path} (${commit.slice(0, 10)})` : path));
  out(
    `\nThe point of them where the suggestion changed most for the better, ${point.path}:${point.line + 1}\n` +
      codeBlock(point.prefix.split("\n").slice(-4).join("\n"), printable) +
      `  written:     ${styleText("green", printable(point.target.trim()))}\n` +
      `  before:      ${printable(before?.completion.trim() ?? "(nothing)")}\n` +
      `  after:       ${styleText("bold", printable(after.completion.trim()))}\n` +
      `  why:         ${from ? `adapter ${from.version}${isServed ? "" : " (tried here, not served)"}, trained on ${from.trainedOn} rows of dataset ${from.dataset} by run ${from.run}` : "the base model alone"}\n` +
      `  examples:    ${commits.length > 0 ? commits.map(printable).join(", ") : "none"}\n`,
  );
}

async function observed(client: ServerClient): Promise<string> {
  const { events, labels } = await client.get("/v1/status", serverStatus);
  return `${events} events; labels: ${labels.good} good, ${labels.bad} bad, ${labels.unknown} unknown`;
}

/** Time of the oldest test row, milliseconds since 1970: what is later was neither trained nor validated on. */
function laterThan(dataDir: string, sha256: string): number {
  const { test } = readSnapshot(dataPlaces(dataDir).datasets, sha256);
  return Math.min(...test.map(({ writtenAt }) => writtenAt));
}

/** The last points, from a whole commit on, all written at that time or later. */
function laterPart(points: readonly HistoryPoint[], from: number): readonly HistoryPoint[] {
  let start = points.length;
  while (start > 0 && points[start - 1]!.writtenAt >= from) start -= 1;
  start = Math.max(start, points.length - MAX_LATER_POINTS);
  while (start > 0 && start < points.length && points[start]!.commit === points[start - 1]!.commit) start += 1;
  return points.slice(start);
}

function progressText(noun: string, nDone: number, nAll: number, startedAt: number): string {
  return `${noun} ${nDone} of ${nAll}${timeLeft(nDone, nAll, startedAt)}`;
}
