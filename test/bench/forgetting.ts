import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import type { HistoryPoint } from "../../core/history-point.ts";
import { pairedBootstrap } from "../../core/statistics/bootstrap.ts";
import { evenlySpaced } from "../../core/statistics/evenly-spaced.ts";
import { openModel, type Model } from "../../engine/generate/model.ts";
import { ADAPTER_CONFIG_FILE } from "../../engine/lora/adapter.ts";
import { rowsOf } from "../../server/replay/comparison/history-adapter.ts";
import { readPoints, repositoryOf } from "../../server/replay/replay.ts";
import { fitScale } from "../../server/training/adapter-scale.ts";
import type { TrainingRow } from "../../server/training/backend.ts";
import { GENERAL_SHARE, generalRows } from "../../server/training/general-rows.ts";
import { loraFor } from "../../server/training/hyper-parameters.ts";
import { createOnnxBackend } from "../../server/training/onnx/backend.ts";
import type { Bar, Bench } from "./harness/report.ts";

const root = path.resolve(import.meta.dirname, "../..");

const options = {
  model: { type: "string", default: path.join(root, "models/base") },
  points: { type: "string" },
  elsewhere: { type: "string", multiple: true, default: [] as string[] },
  rows: { type: "string", default: "1200" },
  n: { type: "string", default: "200" },
  steps: { type: "string" },
  "shipped-alone": { type: "boolean", default: false },
  work: { type: "string", default: path.join(root, ".cache/bench-forgetting") },
} as const;

/** Adapters learn from this part of a history; loss is measured on what was written later. */
const EARLIER_SHARE = 0.8;
/** Part of the learnt rows that say when to stop, as in a run of the server. */
const VALIDATION_SHARE = 0.05;
/** learning.md 5: forgetting is at most 2 % relative. */
const MAX_FORGETTING = 0.02;
const STEPS_PER_LINE = 50;
/** One: what is measured is no time. */
const THREADS = 1;

interface Measured {
  readonly nats: readonly number[];
  readonly groups: readonly string[];
}

/**
 * `npm run bench -- forgetting --points <file.jsonl[.xz]> --elsewhere <file.jsonl[.xz]>... [--rows 1200] [--n 200]
 * [--steps <steps>] [--shipped-alone] [--work <folder>]`.
 * Two adapters of one history, with general code replayed and without (not with `--shipped-alone`), and the first at
 * every scale that a run of the server chooses from. They meet the base model on later code of that history, and on
 * code of the others. A run that was stopped goes on from its checkpoints in the work folder.
 */
export const bench: Bench = {
  about: "loss on code of other repositories after training on one: general code replayed or not, scale fitted or not",
  async run({ args, signal, say }) {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: true });
    if (values.points === undefined || values.elsewhere.length === 0)
      throw new Error("--points names what is learnt from, --elsewhere at least one file of other code.");
    const own = await history(values.points, signal);
    const nEarlier = Math.floor(own.points.length * EARLIER_SHARE);
    const learnt = rowsOf(own.points.slice(0, nEarlier), own.name).slice(-Number(values.rows));
    const measured = new Map([[own.name, later(own.points.slice(nEarlier), own.name, Number(values.n))]]);
    for (const file of values.elsewhere) {
      const other = await history(file, signal);
      measured.set(other.name, later(other.points, other.name, Number(values.n)));
    }

    await using model = await openModel(values.model, { threads: THREADS });
    const shares: Record<string, number> = { with: GENERAL_SHARE };
    if (!values["shipped-alone"]) shares["without"] = 0;
    const adapters = new Map<string, string>();
    const heldBack = learnt.slice(nTrained(learnt));
    for (const [name, share] of Object.entries(shares)) {
      const dir = path.join(values.work, `${own.name}-${name}`);
      mkdirSync(dir, { recursive: true });
      const steps = values.steps === undefined ? {} : { steps: Number(values.steps) };
      adapters.set(
        name,
        await trained(model, { rows: learnt, share, dir, modelDir: values.model, steps, say, signal }),
      );
    }
    const fitted = path.join(values.work, `${own.name}-fitted`);
    cpSync(adapters.get("with")!, fitted, { recursive: true });
    const { chosen, looks, forgetting } = await fitScale(model, { adapterDir: fitted, heldBack }, signal);
    for (const { scale, heldBack: loss, general } of looks) {
      say(`scale ${scale}: held-back rows ${loss!.toFixed(3)}, general code ${general.toFixed(3)}`);
      if (scale !== 1) adapters.set(sideOf(scale), scaled(adapters.get("with")!, scale));
    }
    say(`chosen: ${chosen.scale}, ${(100 * forgetting).toFixed(1)} % on general code`);

    const metrics: Record<string, number> = { rows: learnt.length, scale: chosen.scale };
    const bars: Bar[] = [];
    for (const [name, rows] of measured) {
      const losses = new Map<string, Measured>();
      for (const side of ["base", ...adapters.keys()]) {
        const dir = adapters.get(side);
        await model.setAdapter(dir === undefined ? null : { version: side, dir });
        losses.set(side, await lossesOf(model, rows, signal));
      }
      const base = losses.get("base")!;
      metrics[`${name}.points`] = base.nats.length;
      metrics[`${name}.base`] = mean(base.nats);
      for (const side of adapters.keys()) {
        const loss = losses.get(side)!;
        metrics[`${name}.${side}`] = mean(loss.nats);
        Object.assign(metrics, interval(`${name}.${side}-less-base`, loss, base));
      }
      const [replayed, alone] = [losses.get("with")!, losses.get("without")];
      if (alone !== undefined) Object.assign(metrics, interval(`${name}.with-less-without`, replayed, alone));
      const shipped = losses.get(sideOf(chosen.scale))!;
      Object.assign(metrics, interval(`${name}.shipped-less-with`, shipped, replayed));
      if (name !== own.name) {
        const value = mean(shipped.nats) / mean(base.nats) - 1;
        bars.push({ name: `forgetting on ${name}, relative`, value, target: MAX_FORGETTING, want: "at-most" });
      }
    }
    return { metrics, bars };
  },
};

async function history(file: string, signal: AbortSignal): Promise<{ name: string; points: readonly HistoryPoint[] }> {
  const source = { kind: "points", file: path.resolve(file) } as const;
  return { name: repositoryOf(source), points: await readPoints(source, Number.MAX_SAFE_INTEGER, signal) };
}

type MeasuredRow = TrainingRow & { readonly commit: string };

/** Points spread evenly over all of them, without examples: what the adapter itself knows. */
function later(points: readonly HistoryPoint[], repository: string, n: number): MeasuredRow[] {
  const chosen = evenlySpaced(
    points.filter(({ target }) => target.trim() !== ""),
    n,
  );
  return rowsOf(chosen, repository).map((row, i) => ({ ...row, examples: [], commit: chosen[i]!.commit }));
}

const sideOf = (scale: number): string => (scale === 1 ? "with" : `with-${scale}`);

/** A copy of an adapter that counts so many times what it does. */
function scaled(dir: string, scale: number): string {
  const copy = `${dir}-${scale}`;
  cpSync(dir, copy, { recursive: true });
  const file = path.join(copy, ADAPTER_CONFIG_FILE);
  const config = JSON.parse(readFileSync(file, "utf8")) as { readonly lora_alpha: number };
  writeFileSync(file, JSON.stringify({ ...config, lora_alpha: config.lora_alpha * scale }));
  return copy;
}

const nTrained = (rows: readonly TrainingRow[]): number => Math.floor(rows.length * (1 - VALIDATION_SHARE));

async function trained(
  model: Model,
  job: {
    readonly rows: readonly TrainingRow[];
    readonly share: number;
    readonly dir: string;
    readonly modelDir: string;
    readonly steps: { readonly steps?: number };
    readonly say: (line: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<string> {
  const { rows, share, dir, say, signal } = job;
  const nTrain = nTrained(rows);
  const train = rows.slice(0, nTrain);
  await model.setAdapter(null);
  const general = share === 0 ? [] : await generalRows(model, { rows: train, share, runDir: dir }, signal);
  say(`${path.basename(dir)}: ${train.length} rows, ${general.length} general ones`);
  const { adapterDir, validationLoss } = await createOnnxBackend().train(
    {
      runId: path.basename(dir),
      modelDir: job.modelDir,
      train: [...train, ...general],
      validation: rows.slice(nTrain),
      runDir: dir,
      lora: loraFor(job.steps, nTrain),
    },
    ({ step, totalSteps, loss, secondsLeft }) => {
      if (step % STEPS_PER_LINE === 0)
        say(`step ${step} of ${totalSteps}, loss ${loss.toFixed(3)}, ${Math.round(secondsLeft)} s left`);
    },
    signal,
  );
  if (validationLoss !== null)
    say(`validation loss ${validationLoss.first.toFixed(3)} → ${validationLoss.last.toFixed(3)}`);
  return adapterDir;
}

/** Nats a token of what was really written at each point. */
async function lossesOf(model: Model, rows: readonly MeasuredRow[], signal: AbortSignal): Promise<Measured> {
  const nats: number[] = [];
  for (const row of rows) {
    signal.throwIfAborted();
    const request = { ...row, maxTokens: 1, lines: "single" } as const;
    const scored = await model.scoreCompletion(request, row.completion);
    nats.push(scored.nats / scored.nTokens);
  }
  return { nats, groups: rows.map(({ commit }) => commit) };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function interval(name: string, a: Measured, b: Measured): Record<string, number> {
  const { difference, low, high } = pairedBootstrap({
    a: a.nats,
    b: b.nats,
    groups: a.groups,
    resamples: 10_000,
    confidence: 0.95,
    seed: 1,
  });
  return { [name]: difference, [`${name}.low`]: low, [`${name}.high`]: high };
}
