import type { Batch } from "./batch.ts";

/** A tokenised document of which some tokens are to be learnt. */
export interface TrainingDocument {
  readonly ids: readonly number[];
  /** Indices into `ids` of the tokens to predict, each at least 1. */
  readonly targets: readonly number[];
  /** Weight of the document's loss, by which those of its targets, 1 unless given, are multiplied. */
  readonly weight: number;
  readonly targetWeights?: readonly number[];
}

export interface BatchShape {
  readonly nRows: number;
  readonly rowTokens: number;
  readonly nTargets: number;
  /** Groups of documents that a batch can take; as many as fit unless given. */
  readonly nSequences?: number;
}

/** A batch with what went into it. */
export interface PackedBatch {
  readonly batch: Batch;
  /** Indices of the groups of the batch, in their order. */
  readonly groups: readonly number[];
  /** For each target (M) the number of its document in the batch, counted over the groups; -1 for none. */
  readonly owners: Int32Array;
}

/** Pack documents, each for itself; see `packGroups`. */
export function packBatches(documents: readonly TrainingDocument[], shape: BatchShape): Batch[] {
  return packGroups(
    documents.map((document) => [document]),
    shape,
  ).map(({ batch }) => batch);
}

/**
 * Pack groups of documents, in their order, into batches: each document goes into the first row with
 * room, a group is never parted, and a batch is closed when its rows, its targets or its number of
 * groups cannot take the next group. Documents are neither cut nor dropped; a group that could never
 * fit throws.
 */
export function packGroups(groups: readonly (readonly TrainingDocument[])[], shape: BatchShape): PackedBatch[] {
  const packed: PackedBatch[] = [];
  let open = emptyBatch(shape);
  const close = () => {
    if (open.nTargets > 0) packed.push(toBatch(open, shape));
    open = emptyBatch(shape);
  };
  for (const [i, group] of groups.entries()) {
    const rows = placeGroup(open, group, shape);
    if (rows) take(open, i, group, rows);
    else {
      close();
      const fresh = placeGroup(open, group, shape);
      if (!fresh) {
        const sizes = group.map(({ ids }) => ids.length).join(" and ");
        throw new Error(`A document of ${sizes} tokens does not fit a row of ${shape.rowTokens}`);
      }
      take(open, i, group, fresh);
    }
  }
  close();
  return packed;
}

interface OpenBatch {
  readonly rows: { readonly document: TrainingDocument; readonly owner: number }[][];
  readonly used: number[];
  readonly groups: number[];
  nDocuments: number;
  nTargets: number;
}

const emptyBatch = ({ nRows }: BatchShape): OpenBatch => ({
  rows: Array.from({ length: nRows }, () => []),
  used: Array.from({ length: nRows }, () => 0),
  groups: [],
  nDocuments: 0,
  nTargets: 0,
});

/** The row of each document of a group, or null when the batch has no room for all. */
function placeGroup(open: OpenBatch, group: readonly TrainingDocument[], shape: BatchShape): number[] | null {
  const nTargets = group.reduce((sum, { targets }) => sum + targets.length, 0);
  if (open.nTargets + nTargets > shape.nTargets) return null;
  if (shape.nSequences !== undefined && open.groups.length === shape.nSequences) return null;
  const used = [...open.used];
  const rows = group.map(({ ids }) => {
    const row = used.findIndex((tokens) => tokens + ids.length <= shape.rowTokens);
    if (row >= 0) used[row]! += ids.length;
    return row;
  });
  return rows.includes(-1) ? null : rows;
}

function take(open: OpenBatch, i: number, group: readonly TrainingDocument[], rows: readonly number[]): void {
  group.forEach((document, n) => {
    open.rows[rows[n]!]!.push({ document, owner: open.nDocuments + n });
    open.used[rows[n]!]! += document.ids.length;
    open.nTargets += document.targets.length;
  });
  open.groups.push(i);
  open.nDocuments += group.length;
}

function toBatch({ rows, groups }: OpenBatch, shape: BatchShape): PackedBatch {
  const size = shape.nRows * shape.rowTokens;
  const batch: Batch = {
    ids: new Int32Array(size),
    documents: new Int32Array(size),
    positions: new Int32Array(shape.nTargets),
    targets: new Int32Array(shape.nTargets),
    weights: new Float32Array(shape.nTargets),
  };
  const owners = new Int32Array(shape.nTargets).fill(-1);
  let target = 0;
  rows.forEach((row, r) => {
    let at = r * shape.rowTokens;
    row.forEach(({ document, owner }, n) => {
      batch.ids.set(document.ids, at);
      batch.documents.fill(n + 1, at, at + document.ids.length);
      document.targets.forEach((index, i) => {
        batch.positions[target] = at + index - 1;
        batch.targets[target] = document.ids[index]!;
        batch.weights[target] = document.weight * (document.targetWeights?.[i] ?? 1);
        owners[target] = owner;
        target++;
      });
      at += document.ids.length;
    });
  });
  return { batch, groups, owners };
}
