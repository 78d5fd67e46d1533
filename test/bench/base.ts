import { existsSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { openModel, type Model } from "../../engine/generate/model.ts";
import { verifyChecksums, writeChecksums } from "./base/checksums.ts";
import { measureGitFolder, measureHeldOut } from "./base/compression.ts";
import { measureTasks } from "./base/infilling.ts";
import { metricsOf, type Measurement, type Task } from "./base/measurement.ts";
import { readCardResults, writeCardResults, type CardResult } from "./base/model-card.ts";
import { factsOf, withTokensSeen } from "./base/model-facts.ts";
import { createProgress, type Progress } from "./base/progress.ts";
import { datasetOf, measureReplay } from "./base/replay.ts";
import { compareWithCard } from "./base/verify.ts";
import type { Bar, Bench } from "./harness/report.ts";

const root = path.resolve(import.meta.dirname, "../..");

const options = {
  model: { type: "string", default: path.join(root, "models/base") },
  points: { type: "string", multiple: true, default: [] as string[] },
  corpus: { type: "string", multiple: true, default: [] as string[] },
  files: { type: "string", default: root },
  limit: { type: "string", default: "300" },
  tasks: { type: "string", default: "200" },
  threads: { type: "string", default: String(os.availableParallelism()) },
  "tokens-seen": { type: "string" },
  verify: { type: "boolean", default: false },
  "write-card": { type: "boolean", default: false },
} as const;

/** Least share that counts as above 0: a hundredth of a point. */
const ABOVE_ZERO = 1e-4;

/** Which data are measured, and how much of each. */
interface Plan {
  readonly points: readonly string[];
  readonly corpus: readonly string[];
  readonly files: string;
  /** Commit of `files`. */
  readonly revision: string;
  /** Most cases of a data set; null leaves it out. */
  limitOf(task: Task, dataset: string): number | null;
}

/** `npm run bench -- base`: see docs/base-model-benchmark.md for its options. */
export const bench: Bench = {
  about: "the base model: bits per byte, replay accepted@line beside no-model retrieval, and infilling with tests",
  async run({ args, signal, say }) {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: true });
    const limit = wholeNumber("--limit", values.limit);
    const nTasks = wholeNumber("--tasks", values.tasks);
    const threads = wholeNumber("--threads", values.threads);
    const tokensSeen = values["tokens-seen"] ? wholeNumber("--tokens-seen", values["tokens-seen"]) : null;
    if (values.verify && values["write-card"])
      throw new Error("--verify compares with the card that --write-card writes.");
    const cardFile = path.join(values.model, "README.md");
    const card = existsSync(cardFile) ? readCardResults(readFileSync(cardFile, "utf8")) : null;
    if (values.verify && !card) throw new Error(`${cardFile} has no model-index to compare with.`);

    await using model = await openModel(values.model, { threads });
    const progress = createProgress(signal, say);
    const facts = factsOf(model, values.model);
    if (values.verify) {
      const measured = [facts, ...(await measure(model, { ...values, ...planOfCard(card!) }, progress))];
      const { bars, notMeasured } = compareWithCard(card!, measured);
      for (const figure of notMeasured) say(`not measured: ${figure}`);
      const mustHold = [checksumBar(values.model, say), ...bars];
      return { metrics: { ...metricsOf(measured), notMeasured: notMeasured.length }, bars: [], mustHold };
    }
    const limitOf = (task: Task) => (task === "infilling" ? nTasks : limit);
    const measured = [
      withTokensSeen(facts, tokensSeen, card),
      ...(await measure(model, { ...values, revision: "HEAD", limitOf }, progress)),
    ];
    if (values["write-card"]) {
      signal.throwIfAborted();
      const kept = keptResults(card ?? [], measured);
      const text = readFileSync(cardFile, "utf8");
      writeFileSync(cardFile, writeCardResults(text, "kept-base", [...measured, ...kept]));
      writeChecksums(values.model);
      say(`wrote ${cardFile} and its SHA256SUMS`);
    }
    return { metrics: metricsOf(measured), bars: retrievalBars(measured) };
  },
};

async function measure(model: Model, plan: Plan, progress: Progress): Promise<Measurement[]> {
  const measured: Measurement[] = [];
  const add = async (task: Task, dataset: string, run: (limit: number) => Promise<Measurement>) => {
    const limit = plan.limitOf(task, dataset);
    if (limit !== null && limit > 0) measured.push(await run(limit));
  };
  if (plan.corpus.length > 0) {
    await add("compression", "heldOutCorpus", (limit) => measureHeldOut(model, plan.corpus, limit, progress));
  }
  await add("compression", "keptSource", (limit) =>
    measureGitFolder(model, plan.files, plan.revision, limit, progress),
  );
  for (const file of plan.points) {
    await add("replay", datasetOf(file), (limit) => measureReplay(model, file, limit, progress));
  }
  await add("infilling", "infilling", (limit) => measureTasks(model, limit, progress));
  return measured;
}

/** The samples that the card's figures were taken on. */
function planOfCard(card: readonly CardResult[]): Pick<Plan, "revision" | "limitOf"> {
  return {
    revision: card.find(({ dataset }) => dataset === "keptSource")?.revision ?? "HEAD",
    limitOf: (task, dataset) =>
      card.find((result) => result.task === task && result.dataset === dataset)?.limit ?? null,
  };
}

/** Results of a card that describe the same weights and were not measured now. */
function keptResults(card: readonly CardResult[], measured: readonly Measurement[]): CardResult[] {
  const weights = measured.find(({ task }) => task === "training")?.revision;
  if (!card.some(({ task, revision }) => task === "training" && revision === weights)) return [];
  return card.filter((old) => !measured.some((now) => now.task === old.task && now.dataset === old.dataset));
}

function checksumBar(folder: string, say: (line: string) => void): Bar {
  const report = verifyChecksums(folder);
  if (!report) say(`${folder} has no SHA256SUMS`);
  const wrong = Object.entries(report ?? {}).flatMap(([how, names]) => names.map((name: string) => `${name}: ${how}`));
  for (const line of wrong) say(`SHA256SUMS: ${line}`);
  return { name: "files that differ from SHA256SUMS", value: report ? wrong.length : 1, target: 0, want: "at-most" };
}

/** Better than retrieval means that the whole interval of the difference is above 0. */
function retrievalBars(measured: readonly Measurement[]): Bar[] {
  return measured.flatMap(({ dataset, figures }) => {
    const low = figures["difference.low"];
    if (low === undefined) return [];
    const name = `${dataset}: accepted@line above retrieval, low end of the 95 % interval`;
    return [{ name, value: low, target: ABOVE_ZERO, want: "at-least" as const }];
  });
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${option} takes a whole number, not ${text}.`);
  return value;
}
