import type { Batch } from "./batch.ts";

/** A tokenised document of which some tokens are to be learnt. */
export interface TrainingDocument {
  readonly ids: readonly number[];
  /** Indices into `ids` of the tokens to predict, each at least 1. */
  readonly targets: readonly number[];
  /** Weight of each target's loss. */
  readonly weight: number;
}

export interface BatchShape {
  readonly nRows: number;
  readonly rowTokens: number;
  readonly nTargets: number;
}

/**
 * Pack documents, in their order, into batches: each goes into the first row with room, and a batch
 * is closed when neither its rows nor its targets can take the next document. Documents are neither
 * cut nor dropped; one that could never fit throws.
 */
export function packBatches(documents: readonly TrainingDocument[], shape: BatchShape): Batch[] {
  const batches: Batch[] = [];
  let rows: TrainingDocument[][] = [];
  let used: number[] = [];
  let nTargets = 0;
  const open = () => {
    rows = Array.from({ length: shape.nRows }, () => []);
    used = Array.from({ length: shape.nRows }, () => 0);
    nTargets = 0;
  };
  const close = () => {
    if (nTargets > 0) batches.push(toBatch(rows, shape));
    open();
  };
  open();
  for (const document of documents) {
    if (document.ids.length > shape.rowTokens || document.targets.length > shape.nTargets) {
      throw new Error(`A document of ${document.ids.length} tokens does not fit a row of ${shape.rowTokens}`);
    }
    let row = used.findIndex((tokens) => tokens + document.ids.length <= shape.rowTokens);
    if (row < 0 || nTargets + document.targets.length > shape.nTargets) {
      close();
      row = 0;
    }
    rows[row]!.push(document);
    used[row]! += document.ids.length;
    nTargets += document.targets.length;
  }
  close();
  return batches;
}

function toBatch(rows: readonly (readonly TrainingDocument[])[], shape: BatchShape): Batch {
  const size = shape.nRows * shape.rowTokens;
  const ids = new Int32Array(size);
  const documents = new Int32Array(size);
  const positions = new Int32Array(shape.nTargets);
  const targets = new Int32Array(shape.nTargets);
  const weights = new Float32Array(shape.nTargets);
  let target = 0;
  rows.forEach((row, r) => {
    let at = r * shape.rowTokens;
    row.forEach((document, n) => {
      ids.set(document.ids, at);
      documents.fill(n + 1, at, at + document.ids.length);
      for (const index of document.targets) {
        positions[target] = at + index - 1;
        targets[target] = document.ids[index]!;
        weights[target] = document.weight;
        target += 1;
      }
      at += document.ids.length;
    });
  });
  return { ids, documents, positions, targets, weights };
}
