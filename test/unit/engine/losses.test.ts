import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseDecoderConfig } from "../../../engine/architectures/families.ts";
import { readSafetensors, toFloat32 } from "../../../engine/checkpoint/safetensors.ts";
import { sizeOf } from "../../../engine/graph/graph.ts";
import { packGroups, type TrainingDocument } from "../../../engine/optim/packing.ts";
import { DEFAULT_OBJECTIVES, type Objective } from "../../../engine/training/objective.ts";
import { parameterCount, parameterSlots, type Trained } from "../../../engine/training/parameters.ts";
import { createPipeline } from "../../../engine/training/pipeline.ts";
import { judgedBatch, mismatch, pairedBatch, referenceLogProbabilities } from "../../../engine/training/preference.ts";
import { imitated, type Trainer, type WeightedBatch } from "../../../engine/training/trainer.ts";

/** What PEFT and TRL computed; written by `test/fixtures/losses/make.py`. */
interface Fixture {
  readonly config: Record<string, unknown>;
  readonly settings: { beta: number; desirableWeight: number; undesirableWeight: number; rank: number; alpha: number };
  readonly cases: Readonly<Record<string, Case>>;
}
interface Case {
  readonly loss: number;
  readonly divergence?: number;
  readonly adapter?: number;
  readonly weights?: number[][];
  readonly inputs: Record<string, number[][]> & { readonly label?: boolean[] };
}

const folder = path.resolve(import.meta.dirname, "../../fixtures/losses");
const {
  config: rawConfig,
  settings,
  cases,
} = JSON.parse(readFileSync(path.join(folder, "losses.json"), "utf8")) as Fixture;
const tensors = readSafetensors(readFileSync(path.join(folder, "losses.safetensors")));
const config = parseDecoderConfig(rawConfig);
const { beta, desirableWeight, undesirableWeight } = settings;
const OBJECTIVES: Record<Objective["kind"], Objective> = {
  sft: { kind: "sft" },
  kto: { kind: "kto", beta, desirableWeight, undesirableWeight },
  dpo: { kind: "dpo", beta, labelSmoothing: 0 },
};
/** Rows of 16: two documents share one, apart from each other. */
const SHAPE = { nRows: 4, rowTokens: 16, nTargets: 32, nSequences: 4 };
const RELATIVE = 1e-3;

const stored = (prefix: string) =>
  new Map(
    [...tensors]
      .filter(([name]) => name.startsWith(`${prefix}/`))
      .map(([name, tensor]) => [name.slice(prefix.length + 1), toFloat32(tensor)]),
  );

/** Sequences of a TRL batch as documents: what the mask of completion tokens marks is to be learnt. */
function documentsOf(inputs: Case["inputs"], prefix = "", weights?: number[][]): TrainingDocument[] {
  return inputs[`${prefix}input_ids`]!.map((row, i) => {
    const ids = row.slice(
      0,
      inputs[`${prefix}attention_mask`]![i]!.reduce((sum, value) => sum + value, 0),
    );
    const isTarget = (at: number) =>
      inputs["labels"] ? inputs["labels"][i]![at]! >= 0 : inputs[`${prefix}completion_mask`]![i]![at] === 1;
    const targets = ids.flatMap((_, at) => (isTarget(at) ? [at] : []));
    return {
      ids,
      targets,
      weight: 1,
      ...(weights ? { targetWeights: targets.map((at) => weights[i]![at - 1]!) } : {}),
    };
  });
}

async function batchOf(kind: Objective["kind"], { inputs, weights }: Case, trainer: Trainer): Promise<WeightedBatch> {
  const documents = documentsOf(inputs, "", weights);
  if (kind === "sft")
    return imitated(
      packGroups(
        documents.map((document) => [document]),
        SHAPE,
      )[0]!.batch,
    );
  const references = await referenceLogProbabilities(trainer, documents, SHAPE);
  if (kind === "kto") {
    const judged = documents.map((document, i) => ({ document, isDesirable: inputs.label![i]! }));
    const [packed, ...more] = packGroups(
      documents.map((document) => [document]),
      SHAPE,
    );
    assert.equal(more.length, 0);
    return judgedBatch(trainer, OBJECTIVES.kto as never, packed!, judged, references, SHAPE);
  }
  const half = documents.length / 2;
  const pairs = documents.slice(0, half).map((chosen, i) => ({ chosen, rejected: documents[half + i]! }));
  const differences = pairs.map((_, i) => references[i]! - references[half + i]!);
  const [packed] = packGroups(
    pairs.map(({ chosen, rejected }) => [chosen, rejected]),
    SHAPE,
  );
  return pairedBatch(packed!, pairs, differences, SHAPE);
}

/** Loss and gradient of a case by parameter, beside what TRL says. */
async function check(name: string, trained: Trained) {
  const wanted = cases[name]!;
  const kind = /(sft|kto|dpo)/.exec(name)![1] as Objective["kind"];
  // Under top layers the blocks below are frozen where the whole model stood.
  const base = trained.kind === "top-layers" ? stored("merged") : stored("base");
  const start = wanted.adapter === undefined ? stored("merged") : stored(`adapter-${wanted.adapter}`);
  await using pipeline = await createPipeline({
    config,
    weights: base,
    trained,
    objective: OBJECTIVES[kind],
    shape: SHAPE,
    threads: 1,
    keep: "everything",
  });
  const slots = parameterSlots(config, trained);
  const theta = new Float32Array(parameterCount(slots));
  for (const slot of slots) theta.set(start.get(slot.name)!, slot.offset);
  const trainer = {
    logProbabilities: (batch, under) => pipeline.logProbabilities(under === "theta" ? theta : null, batch),
  } as Pick<Trainer, "logProbabilities"> as Trainer;

  const { batch, loss: inputs } = await batchOf(kind, wanted, trainer);
  if (wanted.divergence !== undefined) close(inputs["divergence"]![0]!, wanted.divergence, "divergence");
  const gradient = new Float32Array(theta.length);
  const { loss } = await pipeline.differentiate(theta, gradient, batch, inputs);
  close(loss, wanted.loss, "loss");
  const expected = stored(name);
  for (const slot of slots) {
    const mine = gradient.subarray(slot.offset, slot.offset + sizeOf(slot.shape));
    const theirs = expected.get(slot.name)!;
    const difference = Math.hypot(...mine.map((value, i) => value - theirs[i]!));
    assert.ok(
      difference <= RELATIVE * Math.hypot(...theirs),
      `${slot.name}: ${difference} of ${Math.hypot(...theirs)}`,
    );
  }
}

function close(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= RELATIVE * Math.abs(expected), `${what} is ${actual}, not ${expected}`);
}

describe("losses and gradients agree with PEFT and TRL", () => {
  const lora: Trained = { kind: "lora", rank: settings.rank, alpha: settings.alpha };
  for (const name of Object.keys(cases)) {
    if (cases[name]!.adapter !== undefined) it(`${name}`, () => check(name, lora));
    else it(`${name}`, () => check(name, { kind: "full" }));
  }
  it("sft-full, of the top layer alone", () => check("sft-full", { kind: "top-layers", nLayers: 1 }));
  it("among them a divergence above 0 and one that is held at 0", () => {
    const divergences = Object.values(cases).flatMap(({ divergence }) => divergence ?? []);
    assert.ok(divergences.some((value) => value > 0) && divergences.includes(0), divergences.join());
  });
  it("pairs prompts with the completions that TRL pairs them with", () => {
    const { inputs } = cases["kto-lora-5"]!;
    const documents = documentsOf(inputs);
    const mine = documents.map((document, i) => mismatch(document, documents.at(i - 1)!));
    assert.deepEqual(
      mine.map(({ ids, targets }) => ({ ids, targets })),
      documentsOf(inputs, "KL_").map(({ ids, targets }) => ({ ids, targets })),
    );
  });
  it("takes TRL's defaults", () => {
    assert.deepEqual(
      [DEFAULT_OBJECTIVES.kto.beta, DEFAULT_OBJECTIVES.dpo.beta, DEFAULT_OBJECTIVES.dpo.labelSmoothing],
      [0.1, 0.1, 0],
    );
  });
});
