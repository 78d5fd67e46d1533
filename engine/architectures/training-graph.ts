import { asFactored } from "../autodiff/custom-rules.ts";
import { addGradients } from "../autodiff/gradients.ts";
import { pruneGraph, splitGraph, type SplitGraph } from "../autodiff/split.ts";
import { addInput, createGraph, type Graph, type Value } from "../graph/graph.ts";
import { gatherRows, gemm, logProbability } from "../graph/operators.ts";
import { addLoss, type Objective } from "../training/objective.ts";
import { decoderBlock, decoderNorm, headName, type DecoderParts } from "./decoder.ts";
import { linearLayers, weightShapes, type DecoderConfig } from "./decoder-config.ts";
import { rowAttention } from "./row-attention.ts";

/**
 * The graphs of a training step. All blocks of a decoder have one shape, so one pair of graphs serves
 * them all, with weights as inputs; nothing is copied, and what must be kept between the passes is
 * decided by the caller. N = B S tokens, D the hidden size, M targets, V the vocabulary.
 */
export interface TrainingShape {
  /** Rows of a batch, tokens of a row, and positions of the batch that have a target. */
  readonly nRows: number;
  readonly rowTokens: number;
  readonly nTargets: number;
  /** Completions of a batch (kto), or pairs of them (dpo); 1 unless given. */
  readonly nSequences?: number;
}

/** How the parameters of a stage are trained: not at all, through LoRA factors, or as they are. */
export type StageTraining =
  | { readonly kind: "frozen" | "whole" }
  | { readonly kind: "lora"; readonly scale: number; readonly rank: number };

/** Name of a gradient output. */
export const gradientOf = (name: string) => `gradient.${name}`;

const BLOCK_PREFIX = "model.layers.0.";

/** Where a block stands: the lowest trained one over a frozen embedding needs no gradient of its input. */
export interface BlockPlace {
  readonly gradientOfInput: "wanted" | "not-wanted";
  /** What goes on after attention; only the targets' positions can matter above the last block. */
  readonly output: "all-tokens" | "targets";
}

/**
 * One block. Inputs: `x` (N, D), the masks of `rowAttention`, the block's tensors by their names without
 * `model.layers.{i}.`, `positions` (M) int64 where its output is of the targets, and backward `gradient`,
 * of the output's shape. Outputs: `y` (N, D) or (M, D) and the kept values; backward `gradient.x` and the
 * gradients of the trained tensors.
 */
export function buildBlockGraphs(
  config: DecoderConfig,
  training: StageTraining,
  shape: TrainingShape,
  keep: "everything" | "nothing",
  place: BlockPlace,
  real: Graph["real"],
): SplitGraph {
  const g = createGraph("block", real);
  const { nRows: b, rowTokens: s } = shape;
  const x = addInput(g, "x", real, [b * s, config.hiddenSize]);
  const { parts, trained } = blockParts(g, config, training);
  const positions = place.output === "targets" ? addInput(g, "positions", "int64", [shape.nTargets]) : null;
  const y = decoderBlock(g, config, 0, x, {
    ...parts,
    attention: rowAttention(g, config, b, s),
    ...(positions ? { choose: (tokens: Value) => gatherRows(g, tokens, positions) } : {}),
  });
  const nForward = g.nodes.length;
  if (training.kind === "frozen") return splitGraph(g, nForward, { forward: [y], backward: [] }, "nothing");
  const wanted = place.gradientOfInput === "wanted" ? [x, ...trained] : trained;
  const gradients = addGradients(g, y, wanted, addInput(g, "gradient", real, y.shape));
  return splitGraph(g, nForward, { forward: [y], backward: named(g, wanted, gradients) }, keep);
}

function blockParts(g: Graph, config: DecoderConfig, training: StageTraining) {
  const inputs = new Map<string, Value>();
  const input = (name: string, shape: readonly number[]): Value => {
    const local = name.slice(BLOCK_PREFIX.length);
    const value = inputs.get(local) ?? addInput(g, local, g.real, shape);
    inputs.set(local, value);
    return value;
  };
  const shapes = weightShapes(config);
  const layers = new Map(linearLayers(config).map((layer) => [layer.name, layer]));
  const trained: Value[] = [];
  const train = (value: Value) => {
    if (!trained.includes(value)) trained.push(value);
    return value;
  };
  const parts: Pick<DecoderParts, "weight" | "adapter"> = {
    weight(name) {
      const value = input(name, shapes.get(name)!);
      if (training.kind === "whole") return train(value);
      const layer = layers.get(name.replace(/\.weight$/, ""));
      if (training.kind !== "lora" || !layer) return value;
      // Merged once a step: cheaper than passing every token through both factors.
      const a = train(input(`${layer.name}.lora_A.weight`, [training.rank, layer.nIn]));
      const b = train(input(`${layer.name}.lora_B.weight`, [layer.nOut, training.rank]));
      const merged = gemm(g, b, a, { alpha: training.scale, plus: value });
      return asFactored(g, merged, { a, b, scale: training.scale });
    },
    adapter: () => null,
  };
  return { parts, trained };
}

export interface HeadGraphs {
  /** Outputs `log_probabilities` (M, 1). */
  readonly forward: Graph;
  /** Outputs `loss`. */
  readonly loss: Graph;
  /** Outputs `loss`, `log_probabilities` and `gradient.x` (M, D), and the gradients of norm and head where trained. */
  readonly gradient: Graph;
}

/**
 * Final norm, head and loss on the target positions alone. Inputs: `x` (M, D), `targets` (M, 1) int64,
 * the tensors by their names, and those of the objective.
 */
export function buildHeadGraphs(
  config: DecoderConfig,
  training: StageTraining["kind"],
  objective: Objective,
  shape: TrainingShape,
  real: Graph["real"],
): HeadGraphs {
  const g = createGraph("head", real);
  const m = shape.nTargets;
  const x = addInput(g, "x", real, [m, config.hiddenSize]);
  const targets = addInput(g, "targets", "int64", [m, 1]);
  const trained: Value[] = [];
  const shapes = weightShapes(config);
  const parts: DecoderParts = {
    weight(name) {
      const value = addInput(g, name, real, shapes.get(name)!);
      if (training === "whole") trained.push(value);
      return value;
    },
    adapter: () => null,
    attention: () => {
      throw new Error("The head has no attention");
    },
  };
  const hidden = decoderNorm(g, config, x, parts); // (M, D)
  const logProbabilities = logProbability(g, hidden, parts.weight(headName(config)), targets); // (M, 1)
  const loss = addLoss(g, objective, logProbabilities, shape.nSequences ?? 1);
  const wanted = [x, ...trained];
  const gradients = named(g, wanted, addGradients(g, loss, wanted));
  const result = renamed(g, "log_probabilities", logProbabilities);
  const value = renamed(g, "loss", loss);
  return {
    forward: pruneGraph(g, [result]),
    loss: pruneGraph(g, [value]),
    gradient: pruneGraph(g, [value, result, ...gradients]),
  };
}

function named(g: Graph, of: readonly Value[], gradients: readonly Value[]): Value[] {
  return gradients.map((gradient, i) => renamed(g, gradientOf(of[i]!.name), gradient));
}

/** The value under another name. */
function renamed(g: Graph, name: string, value: Value): Value {
  const output = { ...value, name };
  g.nodes.push({ op: "Identity", domain: "", inputs: [value], outputs: [output], attributes: {} });
  return output;
}
