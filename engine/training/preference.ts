import type { TrainingShape } from "../architectures/training-graph.ts";
import { packGroups, type PackedBatch, type TrainingDocument } from "../optim/packing.ts";
import type { Objective } from "./objective.ts";
import type { Trainer, WeightedBatch } from "./trainer.ts";

/** A completion that was good or bad. The targets of its document are the completion, to the end. */
export interface JudgedDocument {
  readonly document: TrainingDocument;
  readonly isDesirable: boolean;
}

/** Two completions of one prompt, of which one was preferred. */
export interface DocumentPair {
  readonly chosen: TrainingDocument;
  readonly rejected: TrainingDocument;
}

type Shape = TrainingShape & { readonly nSequences: number };

/** Log-probability (Q) of each document's targets under the base model: the reference, computed once a run. */
export async function referenceLogProbabilities(
  trainer: Trainer,
  documents: readonly TrainingDocument[],
  shape: Shape,
): Promise<Float64Array> {
  const sums = new Float64Array(documents.length);
  for (const packed of singly(documents, shape)) {
    const values = await trainer.logProbabilities(packed.batch, "base");
    sumByOwner(packed, values).forEach((sum, i) => (sums[packed.groups[i]!] = sum));
  }
  return sums;
}

/**
 * A batch of judged completions for `kto`: `references` are those of all documents. The divergence is
 * estimated as TRL does, on the batch's prompts each with the completion of the one before it, and is
 * never below 0. A batch of one completion has no other to pair, and its divergence is 0.
 */
export async function judgedBatch(
  trainer: Trainer,
  objective: Extract<Objective, { kind: "kto" }>,
  packed: PackedBatch,
  judged: readonly JudgedDocument[],
  references: ArrayLike<number>,
  shape: Shape,
): Promise<WeightedBatch> {
  const chosen = packed.groups.map((i) => judged[i]!);
  const column = (value: (one: JudgedDocument, i: number) => number) =>
    Float64Array.from({ length: shape.nSequences }, (_, i) => (chosen[i] ? value(chosen[i], i) : 0));
  const classWeight = (isDesirable: boolean) => (isDesirable ? objective.desirableWeight : objective.undesirableWeight);
  return {
    batch: packed.batch,
    weight: chosen.length,
    loss: {
      membership: membership(packed, shape, (owner) => [owner, 1]),
      reference: column((_, i) => references[packed.groups[i]!]!),
      signs: column(({ isDesirable }) => (isDesirable ? 1 : -1)),
      shares: column(({ document, isDesirable }) => (document.weight * classWeight(isDesirable)) / chosen.length),
      divergence: [await divergence(trainer, chosen, shape)],
    },
  };
}

/** A batch of pairs for `dpo`: `references` of all pairs, the chosen one's less the rejected one's. */
export function pairedBatch(
  packed: PackedBatch,
  pairs: readonly DocumentPair[],
  references: ArrayLike<number>,
  shape: Shape,
): WeightedBatch {
  const n = packed.groups.length;
  const column = (value: (group: number) => number) =>
    Float64Array.from({ length: shape.nSequences }, (_, i) => (i < n ? value(packed.groups[i]!) : 0));
  return {
    batch: packed.batch,
    weight: n,
    loss: {
      membership: membership(packed, shape, (owner) => [owner >> 1, owner % 2 === 0 ? 1 : -1]),
      reference: column((group) => references[group]!),
      shares: column((group) => pairs[group]!.chosen.weight / n),
    },
  };
}

/** Mean over the batch of log p(mismatched completion) less that under the base model, at least 0. */
async function divergence(trainer: Trainer, judged: readonly JudgedDocument[], shape: Shape): Promise<number> {
  if (judged.length < 2) return 0;
  let total = 0;
  for (const { batch, owners } of mismatchedBatches(judged, shape)) {
    const now = await trainer.logProbabilities(batch, "theta");
    const base = await trainer.logProbabilities(batch, "base");
    owners.forEach((owner, i) => (total += owner < 0 ? 0 : now[i]! - base[i]!));
  }
  return Math.max(0, total / judged.length);
}

/** The prompts of a batch, each with the completion of the one before it: what the divergence is estimated on. */
export const mismatchedBatches = (judged: readonly JudgedDocument[], shape: Shape): PackedBatch[] =>
  singly(
    judged.map(({ document }, i) => mismatch(document, judged.at(i - 1)!.document)),
    shape,
  );

/** The prompt of one document with the completion of another. */
export function mismatch(prompt: TrainingDocument, completion: TrainingDocument): TrainingDocument {
  const ids = [...prompt.ids.slice(0, prompt.targets[0]), ...completion.ids.slice(completion.targets[0])];
  const start = prompt.targets[0]!;
  return { ids, targets: Array.from({ length: ids.length - start }, (_, i) => start + i), weight: 1 };
}

const singly = (documents: readonly TrainingDocument[], shape: Shape) =>
  packGroups(
    documents.map((document) => [document]),
    shape,
  );

function sumByOwner({ groups, owners }: PackedBatch, values: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(groups.length);
  owners.forEach((owner, i) => {
    if (owner >= 0) sums[owner]! += values[i]!;
  });
  return sums;
}

/** (Q, M): where each target's log-probability is added, and with which sign. */
function membership(
  { owners }: PackedBatch,
  { nSequences, nTargets }: Shape,
  place: (owner: number) => readonly [row: number, sign: number],
): Float64Array {
  const matrix = new Float64Array(nSequences * nTargets);
  owners.forEach((owner, i) => {
    if (owner < 0) return;
    const [row, sign] = place(owner);
    matrix[row * nTargets + i] = sign;
  });
  return matrix;
}
