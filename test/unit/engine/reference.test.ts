import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parseDecoderConfig } from "../../../engine/architectures/families.ts";
import { readSafetensors, toFloat32 } from "../../../engine/checkpoint/safetensors.ts";
import { referenceLogits, type Matrix, type ReferenceAdapter } from "../../../engine/reference/reference-decoder.ts";
import {
  referenceCompletionLogProbability,
  referenceCrossEntropy,
  referenceDivergence,
  referenceDpoLoss,
  referenceKtoLoss,
  referenceLogProbability,
  type ReferenceCompletion,
} from "../../../engine/reference/reference-losses.ts";

/** One step of TRL's trainers, as `test/fixtures/losses/make.py` wrote it down. */
interface Step {
  readonly loss: number;
  readonly divergence?: number;
  /** The adapter's seed; without one the step is of the merged weights. */
  readonly adapter?: number;
  /** Of the targets from the second token on. */
  readonly weights?: number[][];
  readonly inputs: Record<string, number[][]> & { readonly label?: boolean[] };
}

const read = (name: string) => readFileSync(new URL(`../../fixtures/losses/${name}`, import.meta.url));
const {
  config: raw,
  settings,
  cases,
} = JSON.parse(read("losses.json").toString()) as {
  config: Record<string, unknown>;
  settings: { beta: number; desirableWeight: number; undesirableWeight: number; rank: number; alpha: number };
  cases: Record<string, Step>;
};
const config = parseDecoderConfig(raw);
const stored = new Map([...readSafetensors(read("losses.safetensors"))].map(([name, t]) => [name, toFloat32(t)]));
const weightsOf = (prefix: string) => ({ get: (name: string) => stored.get(`${prefix}/${name}`) });

function adapterOf(seed: number): Map<string, ReferenceAdapter> {
  const { rank, alpha } = settings;
  const prefix = `adapter-${seed}/`;
  const layers = [...stored.keys()].flatMap((name) =>
    name.startsWith(prefix) && name.endsWith(".lora_A.weight")
      ? [name.slice(prefix.length, -".lora_A.weight".length)]
      : [],
  );
  const matrix = (layer: string, which: "A" | "B") => stored.get(`${prefix}${layer}.lora_${which}.weight`)!;
  return new Map(
    layers.map((layer) => [layer, { a: matrix(layer, "A"), b: matrix(layer, "B"), rank, scale: alpha / rank }]),
  );
}

const referenceModel = (ids: readonly number[]): Matrix => referenceLogits(config, weightsOf("base"), ids);
const policyOf = (step: Step) => (ids: readonly number[]) =>
  step.adapter === undefined
    ? referenceLogits(config, weightsOf("merged"), ids)
    : referenceLogits(config, weightsOf("base"), ids, adapterOf(step.adapter));

/** Every sequence of a batch, scored where its completion mask says. */
function completions(step: Step, prefix = ""): ReferenceCompletion[] {
  return step.inputs[`${prefix}input_ids`]!.map((padded, i) => {
    const ids = padded.filter((_, at) => step.inputs[`${prefix}attention_mask`]![i]![at] === 1);
    const positions = [...ids.keys()].filter((at) => step.inputs[`${prefix}completion_mask`]![i]![at] === 1);
    const score = (logits: Matrix) => referenceCompletionLogProbability(logits, ids, positions);
    return { policy: score(policyOf(step)(ids)), reference: score(referenceModel(ids)) };
  });
}

const close = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-4 * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);
const stepsOf = (objective: string) => Object.entries(cases).filter(([name]) => name.includes(objective));

describe("the reference's losses agree with TRL", () => {
  for (const [name, step] of stepsOf("sft"))
    it(`cross-entropy: ${name}`, () => {
      const targets = step.inputs["input_ids"]!.flatMap((ids, i) => {
        const logits = policyOf(step)(ids);
        return ids.slice(1).map((id, t) => {
          const isTarget = step.inputs["labels"]![i]![t + 1]! >= 0;
          return { logits: logits[t]!, id, weight: step.weights?.[i]![t] ?? (isTarget ? 1 : 0) };
        });
      });
      close(referenceCrossEntropy(targets), step.loss);
    });

  for (const [name, step] of stepsOf("kto"))
    it(`KTO: ${name}`, () => {
      const judged = completions(step).map((one, i) => ({ ...one, isDesirable: step.inputs.label![i]! }));
      const mismatched = completions(step, "KL_");
      close(referenceDivergence(mismatched), step.divergence!);
      close(referenceKtoLoss(judged, mismatched, settings), step.loss);
    });

  for (const [name, step] of stepsOf("dpo"))
    it(`DPO: ${name}`, () => {
      const all = completions(step);
      const half = all.length / 2;
      const pairs = all.slice(0, half).map((chosen, i) => ({ chosen, rejected: all[half + i]! }));
      close(referenceDpoLoss(pairs, settings), step.loss);
    });
});

describe("the reference's losses", () => {
  const completion = (ratio: number): ReferenceCompletion => ({ policy: ratio - 3, reference: -3 });
  const options = { beta: 0.5, desirableWeight: 2, undesirableWeight: 3 };

  it("give ln of the share of a softmax, for large logits too", () => {
    close(referenceLogProbability([0, Math.log(3)], 1), Math.log(3 / 4));
    close(referenceLogProbability([1_000, 1_000 + Math.log(3)], 0), Math.log(1 / 4));
  });
  it("leave out what has no weight", () => {
    const right = { logits: [0, Math.log(3)], id: 1, weight: 1 };
    const wrong = { logits: [9, 0], id: 1, weight: 0 };
    assert.equal(referenceCrossEntropy([right, wrong]), referenceCrossEntropy([right]));
    close(referenceCrossEntropy([right, { ...right, id: 0, weight: 3 }]), (Math.log(4 / 3) + 3 * Math.log(4)) / 4);
  });
  it("are ln 2 and half the weight where the model has not moved", () => {
    const pair = { chosen: completion(0), rejected: completion(0) };
    close(referenceDpoLoss([pair], { beta: 0.1 }), Math.LN2);
    close(referenceKtoLoss([{ ...completion(0), isDesirable: true }], [], options), 1);
    close(referenceKtoLoss([{ ...completion(0), isDesirable: false }], [], options), 1.5);
  });
  it("weigh a part of the labels the other way round when they are smoothed", () => {
    const chosen = completion(2);
    const rejected = completion(-1);
    const plain = referenceDpoLoss([{ chosen, rejected }], { beta: 0.5 });
    const swapped = referenceDpoLoss([{ chosen: rejected, rejected: chosen }], { beta: 0.5 });
    const smoothed = referenceDpoLoss([{ chosen, rejected }], { beta: 0.5, labelSmoothing: 0.2 });
    close(smoothed, 0.8 * plain + 0.2 * swapped);
  });
  it("take the divergence off a desirable completion and add it to an undesirable one, never below 0", () => {
    const good = { ...completion(2), isDesirable: true };
    const bad = { ...completion(2), isDesirable: false };
    const one = (x: number) => 1 / (1 + Math.exp(-x));
    close(referenceKtoLoss([good], [completion(1)], options), 2 * (1 - one(0.5)));
    close(referenceKtoLoss([bad], [completion(1)], options), 3 * (1 - one(-0.5)));
    close(referenceKtoLoss([good], [completion(-5)], options), 2 * (1 - one(1)));
  });
});
