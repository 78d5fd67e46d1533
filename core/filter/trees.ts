import { createRandom } from "../statistics/random.ts";
import type { LabelledFeatures } from "./logistic.ts";

/**
 * Small gradient-boosted trees (Friedman 2001; leaves by Newton steps, Chen and Guestrin 2016). Plain data: it is
 * stored and sent as JSON. A tree of depth D is complete: split i has the children 2i + 1 and 2i + 2.
 */
export interface Trees {
  /** Logit before the first tree. */
  readonly bias: number;
  readonly trees: readonly Tree[];
}

interface Tree {
  /** Number of the feature of each split; a case goes left where its feature is at most the border. */
  readonly features: readonly number[];
  readonly borders: readonly number[];
  /** What is added to the logit, by leaf. */
  readonly leaves: readonly number[];
}

const N_TREES = 100;
const DEPTH = 3;
const N_SPLITS = 2 ** DEPTH - 1;
const N_LEAVES = 2 ** DEPTH;
/** Part of a Newton step that a tree takes. */
const RATE = 0.06;
/** Parts of the cases, and of the features, that a tree sees: trees that differ err less together. */
const CASE_SHARE = 0.6;
const FEATURE_SHARE = 0.35;
/** A leaf of fewer cases says little, and this many are added to each leaf at a step of nothing. */
const MIN_LEAF_CASES = 20;
const RIDGE = 1;
/** Borders that are tried of a feature. */
const N_BINS = 24;
const SEED = 1;
/** Digits that are stored: a filter of a hundred trees stays below twenty kilobytes. */
const DIGITS = 1e4;

/** Fits trees to cases. Equal cases give equal trees. At least one case. */
export function fitTrees(cases: readonly LabelledFeatures[]): Trees {
  const random = createRandom(SEED);
  const n = cases.length;
  const weights = Float64Array.from(cases, ({ weight = 1 }) => weight);
  const labels = Float64Array.from(cases, ({ label }) => Number(label));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const positive = labels.reduce((sum, label, i) => sum + label * weights[i]!, 0);
  const rate = (positive + 1) / (total + 2);
  const bias = rounded(Math.log(rate / (1 - rate)));
  const binned = binsOf(cases);
  const logits = new Float64Array(n).fill(bias);
  const slopes = new Float64Array(n);
  const curvatures = new Float64Array(n);
  const trees: Tree[] = [];
  for (let number = 0; number < N_TREES; number++) {
    for (let i = 0; i < n; i++) {
      const p = 1 / (1 + Math.exp(-logits[i]!));
      const isSeen = random() < CASE_SHARE;
      slopes[i] = isSeen ? weights[i]! * (labels[i]! - p) : 0;
      curvatures[i] = isSeen ? weights[i]! * Math.max(1e-6, p * (1 - p)) : 0;
    }
    const chosen = binned.filter(() => random() < FEATURE_SHARE);
    const { tree, leafOf } = growTree(chosen, slopes, curvatures, n);
    trees.push(tree);
    for (let i = 0; i < n; i++) logits[i]! += tree.leaves[leafOf[i]!]!;
  }
  return { bias, trees };
}

/** Logit of a true label. */
export const logitOf = ({ bias, trees }: Trees, features: readonly number[]): number =>
  trees.reduce((sum, tree) => {
    let at = 0;
    while (at < N_SPLITS) at = 2 * at + (features[tree.features[at]!]! <= tree.borders[at]! ? 1 : 2);
    return sum + tree.leaves[at - N_SPLITS]!;
  }, bias);

interface Binned {
  readonly feature: number;
  /** Ascending: bin b holds what is at most borders[b] and above the one before. */
  readonly borders: readonly number[];
  readonly bins: Uint8Array;
}

function binsOf(cases: readonly LabelledFeatures[]): Binned[] {
  return cases[0]!.features.map((_, feature) => {
    const sorted = Float64Array.from(cases, ({ features }) => features[feature]!).sort();
    const quantiles = Array.from(
      { length: N_BINS - 1 },
      (_, b) => sorted[Math.floor(((b + 1) * sorted.length) / N_BINS)]!,
    );
    // Rounded as it is stored, so that a case falls on the same side in both places.
    const borders = [...new Set(quantiles.map(rounded))];
    const bins = Uint8Array.from(cases, ({ features }) => {
      let bin = 0;
      while (bin < borders.length && features[feature]! > borders[bin]!) bin++;
      return bin;
    });
    return { feature, borders, bins };
  });
}

function growTree(
  chosen: readonly Binned[],
  slopes: Float64Array,
  curvatures: Float64Array,
  n: number,
): { readonly tree: Tree; readonly leafOf: Uint8Array } {
  const places = new Uint8Array(n);
  const features: number[] = [];
  const borders: number[] = [];
  for (let split = 0; split < N_SPLITS; split++) {
    const best = bestSplit(chosen, slopes, curvatures, places, split);
    features.push(best?.binned.feature ?? 0);
    // Without a split that helps all cases go left.
    borders.push(best ? best.binned.borders[best.bin]! : ALL_LEFT);
    for (let i = 0; i < n; i++)
      if (places[i] === split) places[i] = 2 * split + (best === null || best.binned.bins[i]! <= best.bin ? 1 : 2);
  }
  const slopeSums = new Float64Array(N_LEAVES);
  const curvatureSums = new Float64Array(N_LEAVES);
  const leafOf = places.map((place) => place - N_SPLITS);
  for (let i = 0; i < n; i++) {
    slopeSums[leafOf[i]!]! += slopes[i]!;
    curvatureSums[leafOf[i]!]! += curvatures[i]!;
  }
  const leaves = Array.from(slopeSums, (slope, leaf) => rounded((RATE * slope) / (curvatureSums[leaf]! + RIDGE)));
  return { tree: { features, borders, leaves }, leafOf };
}

const ALL_LEFT = 1e9;

/** The border with the largest gain among the cases that stand at a split; null where none helps. */
function bestSplit(
  chosen: readonly Binned[],
  slopes: Float64Array,
  curvatures: Float64Array,
  places: Uint8Array,
  split: number,
): { readonly binned: Binned; readonly bin: number } | null {
  const here: number[] = [];
  for (let i = 0; i < places.length; i++) if (places[i] === split && curvatures[i]! > 0) here.push(i);
  if (here.length < 2 * MIN_LEAF_CASES) return null;
  let best: { binned: Binned; bin: number } | null = null;
  let bestGain = 1e-6;
  const [slopeOf, curvatureOf, countOf] = [new Float64Array(N_BINS), new Float64Array(N_BINS), new Uint32Array(N_BINS)];
  for (const binned of chosen) {
    slopeOf.fill(0);
    curvatureOf.fill(0);
    countOf.fill(0);
    for (const i of here) {
      const bin = binned.bins[i]!;
      slopeOf[bin]! += slopes[i]!;
      curvatureOf[bin]! += curvatures[i]!;
      countOf[bin]! += 1;
    }
    const slope = slopeOf.reduce((sum, value) => sum + value, 0);
    const curvature = curvatureOf.reduce((sum, value) => sum + value, 0);
    const score = (s: number, c: number) => (s * s) / (c + RIDGE);
    let [leftSlope, leftCurvature, nLeft] = [0, 0, 0];
    for (let bin = 0; bin < binned.borders.length; bin++) {
      leftSlope += slopeOf[bin]!;
      leftCurvature += curvatureOf[bin]!;
      nLeft += countOf[bin]!;
      if (nLeft < MIN_LEAF_CASES || here.length - nLeft < MIN_LEAF_CASES) continue;
      const gain =
        score(leftSlope, leftCurvature) + score(slope - leftSlope, curvature - leftCurvature) - score(slope, curvature);
      if (gain > bestGain) {
        bestGain = gain;
        best = { binned, bin };
      }
    }
  }
  return best;
}

/** Zero without a sign: JSON has no other. */
const rounded = (value: number): number => Math.round(value * DIGITS) / DIGITS + 0;
