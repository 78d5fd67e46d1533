import { closeSync, openSync, writeSync } from "node:fs";
import path from "node:path";
import type { PackedBatch } from "../../../engine/optim/packing.ts";
import type { Objective } from "../../../engine/training/objective.ts";
import { mismatchedBatches } from "../../../engine/training/preference.ts";
import { batchOrder, measuredOf, packExamples, type Example, type MaterialShape } from "../onnx/material.ts";

/** A batch, and the examples that its groups are numbers of. */
interface Ordered {
  readonly packed: PackedBatch;
  readonly order: readonly Example[];
}

/**
 * Write the batches of a run for `batches.py`: `train.bin` (in the order of the steps), `measured.bin`,
 * `validation.bin`, and `mismatched.bin`, which `kto` estimates its divergence on. Each is a list of records
 * of one size, little-endian: see `record_type` there.
 */
export function writeBatchFiles(
  folder: string,
  objective: Objective,
  shape: MaterialShape,
  examples: { readonly train: readonly Example[]; readonly validation: readonly Example[] },
  { seed, nBatches }: { readonly seed: number; readonly nBatches: number },
): void {
  const { kind } = objective;
  const next = batchOrder(examples.train, kind, shape, seed);
  const inOrder = Array.from({ length: nBatches }, (_, i) => next(i));
  const all = (some: readonly Example[]): Ordered[] =>
    packExamples(measuredOf(some), kind, shape).map((packed) => ({ packed, order: measuredOf(some) }));
  const files = { train: inOrder, measured: all(examples.train), validation: all(examples.validation) };
  const mismatched = openSync(path.join(folder, "mismatched.bin"), "w");
  let nMismatched = 0;
  try {
    for (const [name, batches] of Object.entries(files)) {
      const file = openSync(path.join(folder, `${name}.bin`), "w");
      try {
        for (const ordered of batches) {
          const from = nMismatched;
          for (const packed of kind === "kto" ? mismatchedBatches(judgedOf(ordered), shape) : []) {
            writeSync(mismatched, recordOf(objective, shape, { packed, order: [] }, [0, 0]));
            nMismatched += 1;
          }
          writeSync(file, recordOf(objective, shape, ordered, [from, nMismatched]));
        }
      } finally {
        closeSync(file);
      }
    }
  } finally {
    closeSync(mismatched);
  }
}

const judgedOf = ({ packed, order }: Ordered) =>
  packed.groups.map((i) => ({ document: order[i]!.documents[0]!, isDesirable: order[i]!.isDesirable }));

/** One record. A mismatched batch has targets alone: neither shares nor signs. */
function recordOf(
  objective: Objective,
  shape: MaterialShape,
  { packed, order }: Ordered,
  mismatched: readonly [number, number],
): Uint8Array {
  const { batch, owners, groups } = packed;
  const shares = new Float32Array(shape.nSequences);
  const signs = new Float32Array(shape.nSequences);
  const isJudged = objective.kind !== "sft" && order.length > 0;
  if (isJudged)
    groups.forEach((group, i) => {
      const { documents, isDesirable } = order[group]!;
      const ofClass =
        objective.kind === "dpo" ? 1 : isDesirable ? objective.desirableWeight : objective.undesirableWeight;
      shares[i] = (documents[0]!.weight * ofClass) / groups.length;
      signs[i] = isDesirable ? 1 : -1;
    });
  const weight = isJudged ? groups.length : batch.weights.reduce((sum, value) => sum + value, 0);
  const parts = [
    batch.ids,
    batch.documents,
    batch.positions,
    batch.targets,
    owners,
    batch.weights,
    shares,
    signs,
    Float32Array.of(weight),
    Int32Array.of(groups.length, ...mismatched),
  ];
  return Buffer.concat(parts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)));
}
