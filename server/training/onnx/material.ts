import { evenlySpaced } from "../../../core/statistics/evenly-spaced.ts";
import { createRandom, shuffle } from "../../../core/statistics/random.ts";
import type { TrainingShape } from "../../../engine/architectures/training-graph.ts";
import { packGroups, type PackedBatch, type TrainingDocument } from "../../../engine/optim/packing.ts";
import type { Tokenizer } from "../../../engine/tokenizer/tokenizer.ts";
import type { Objective } from "../../../engine/training/objective.ts";
import { judgedBatch, pairedBatch, referenceLogProbabilities } from "../../../engine/training/preference.ts";
import { imitated, meanLoss, type Trainer, type WeightedBatch } from "../../../engine/training/trainer.ts";
import type { TrainingJob, TrainingRow } from "../backend.ts";
import { encodeCompletions, encodeRow, type KnownLines } from "./encode-row.ts";

/** What a run learns from: its rows as batches for its objective. */
export interface Material {
  /** Batches of a step, see {@link batchOrder}. */
  step(step: number): Promise<readonly WeightedBatch[]>;
  /** Mean loss over rows that stand for all training rows. */
  trainLoss(): Promise<number>;
  /** Mean loss over the validation rows; null when there are none. */
  validationLoss(): Promise<number | null>;
}

export type MaterialShape = TrainingShape & { readonly nSequences: number };

/** Rows, evenly spread, that stand for all training rows, and all validation rows, when a loss is measured. */
const MAX_MEASURED_ROWS = 96;

/** Completions, or pairs of them, that a row of a batch has room for: prompts are at most half a row long. */
const SEQUENCES_PER_ROW = { sft: 1, kto: 4, dpo: 2 } as const;

/** Part of a row that a completion may take. */
const MAX_COMPLETION_SHARE = 1 / 4;

/**
 * Parts that a batch is computed in, so that two cores take one each: the gradient of a mean is the mean of
 * those of its parts. Not for `kto`, which compares the completions of a batch with one another.
 */
export function microBatches({ lora, objective = "sft" }: TrainingJob): number {
  return objective !== "kto" && lora.batchRows % 2 === 0 ? 2 : 1;
}

/** Of one part of a batch. */
export function materialShape(job: TrainingJob): MaterialShape {
  const { lora, objective = "sft" } = job;
  const nRows = lora.batchRows / microBatches(job);
  return {
    nRows,
    rowTokens: lora.rowTokens,
    nTargets: Math.ceil(lora.targetTokens / microBatches(job)),
    nSequences: nRows * SEQUENCES_PER_ROW[objective],
  };
}

/** An example: one document, or the chosen and the rejected one of a pair. */
export interface Example {
  readonly documents: readonly TrainingDocument[];
  readonly isDesirable: boolean;
}

/**
 * The rows of a job that its objective can learn from: only `kto` takes bad completions, only `dpo` needs pairs.
 * What is imitated is learnt together with lines around it that are not in `known`; null learns none.
 */
export function examplesOf(
  rows: readonly TrainingRow[],
  kind: Objective["kind"],
  tokenizer: Tokenizer,
  shape: TrainingShape,
  known: KnownLines | null,
): Example[] {
  const nCompletions = kind === "dpo" ? 2 : 1;
  const maxTargets = Math.floor(Math.min(shape.nTargets / nCompletions, shape.rowTokens * MAX_COMPLETION_SHARE));
  return rows
    .filter((row) =>
      kind === "kto" ? true : row.isDesirable !== false && (kind === "sft" || row.rejected !== undefined),
    )
    .map((row) => {
      if (kind === "sft") {
        const lines = row.isGeneral ? null : known && { known, maxTargets: shape.nTargets };
        const document = encodeRow(tokenizer, row, shape.rowTokens, maxTargets, lines);
        return { documents: [document], isDesirable: true };
      }
      const completions = kind === "dpo" ? [row.completion, row.rejected!] : [row.completion];
      return {
        documents: encodeCompletions(tokenizer, row, completions, shape.rowTokens, maxTargets),
        isDesirable: row.isDesirable ?? true,
      };
    })
    .filter(({ documents }) => documents.every(({ targets }) => targets.length > 0));
}

/** Examples that stand for all of them when a loss is measured. */
export const measuredOf = (examples: readonly Example[]): readonly Example[] =>
  evenlySpaced(examples, MAX_MEASURED_ROWS);

export function packExamples(
  some: readonly Example[],
  kind: Objective["kind"],
  shape: MaterialShape,
): readonly PackedBatch[] {
  // A batch to imitate takes as many documents as have room.
  const packing = kind === "sft" ? { ...shape, nSequences: Number.POSITIVE_INFINITY } : shape;
  return packGroups(
    some.map(({ documents }) => documents),
    packing,
  );
}

/**
 * The batches of a run by their number, asked for in order: every epoch shuffles the examples anew, from the seed and
 * the epoch's number. `order` is what the batch's groups are numbers of.
 */
export function batchOrder(
  train: readonly Example[],
  kind: Objective["kind"],
  shape: MaterialShape,
  seed: number,
): (index: number) => { readonly packed: PackedBatch; readonly order: readonly Example[] } {
  let epoch = -1;
  let first = 0;
  let batches: readonly PackedBatch[] = [];
  let order: readonly Example[] = [];
  return (index) => {
    while (epoch < 0 || index >= first + batches.length) {
      first += batches.length;
      epoch += 1;
      order = shuffle(train, createRandom(seed + epoch));
      batches = packExamples(order, kind, shape);
    }
    return { packed: batches[index - first]!, order };
  };
}

export async function createMaterial(
  trainer: Trainer,
  objective: Objective,
  shape: MaterialShape,
  examples: { readonly train: readonly Example[]; readonly validation: readonly Example[] },
  options: { readonly seed: number; readonly accumulation: number },
): Promise<Material> {
  const prepare = await preparation(trainer, objective, shape, [...examples.train, ...examples.validation]);
  const measured = measuredOf(examples.train);
  const validation = measuredOf(examples.validation);
  const loss = async (some: readonly Example[]) => {
    const batches: WeightedBatch[] = [];
    for (const packed of packExamples(some, objective.kind, shape)) batches.push(await prepare(packed, some));
    return meanLoss(trainer, batches);
  };

  const next = batchOrder(examples.train, objective.kind, shape, options.seed);
  const batchOf = (index: number): Promise<WeightedBatch> => {
    const { packed, order } = next(index);
    return prepare(packed, order);
  };
  return {
    async step(step) {
      const chosen: WeightedBatch[] = [];
      for (let i = 0; i < options.accumulation; i++) chosen.push(await batchOf(step * options.accumulation + i));
      return chosen;
    },
    trainLoss: () => loss(measured),
    validationLoss: async () => (validation.length > 0 ? loss(validation) : null),
  };
}

/** Makes batches ready for the objective; the reference's log-probabilities are computed here, once. */
async function preparation(
  trainer: Trainer,
  objective: Objective,
  shape: MaterialShape,
  all: readonly Example[],
): Promise<(packed: PackedBatch, examples: readonly Example[]) => Promise<WeightedBatch>> {
  if (objective.kind === "sft") return async ({ batch }) => imitated(batch);
  const sums = await referenceLogProbabilities(
    trainer,
    all.flatMap(({ documents }) => documents),
    shape,
  );
  let at = 0;
  const referenceOf = new Map(
    all.map((example) => {
      const [chosen, rejected = 0] = sums.subarray(at, (at += example.documents.length));
      return [example, chosen! - rejected];
    }),
  );
  return async (packed, examples) => {
    const references = examples.map((example) => referenceOf.get(example)!);
    if (objective.kind === "kto") {
      const judged = examples.map(({ documents, isDesirable }) => ({ document: documents[0]!, isDesirable }));
      return judgedBatch(trainer, objective, packed, judged, references, shape);
    }
    const pairs = examples.map(({ documents }) => ({ chosen: documents[0]!, rejected: documents[1]! }));
    return pairedBatch(packed, pairs, references, shape);
  };
}
