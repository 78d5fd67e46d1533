import type { Tensor } from "onnxruntime-node";
import { weightShapes, type DecoderConfig } from "../architectures/decoder-config.ts";
import { maskInput } from "../architectures/row-attention.ts";
import { rowTiles } from "../architectures/row-tiles.ts";
import type { Weights } from "../architectures/weights.ts";
import {
  buildBlockGraphs,
  buildHeadGraphs,
  gradientOf,
  type BlockPlace,
  type StageTraining,
  type TrainingShape,
} from "../architectures/training-graph.ts";
import { addReal, sizeOf, staticShape, type Graph, type Value } from "../graph/graph.ts";
import { createComputeDevice } from "../devices/compute-device.ts";
import type { Provider } from "../devices/device.ts";
import { addInPlaceOutput, compileGraph, int64s, type GraphSession } from "../graph/session.ts";
import { attentionMask, type Batch } from "../optim/batch.ts";
import { addEmbeddingGradient, embedTokens } from "./embedding.ts";
import type { Objective } from "./objective.ts";
import { baseWeight, firstTrainedLayer, parameterSlots, trainedConfig, type Trained } from "./parameters.ts";
import { asReals, newReals, tensorOver, type Reals } from "./reals.ts";

/** Inputs of the loss beside the targets; see `addLoss`. Each a column or a matrix of the shape that the graph declares. */
export type LossInputs = Readonly<Record<string, ArrayLike<number>>>;

type Keep = "everything" | "nothing";

export interface PipelineOptions {
  readonly config: DecoderConfig;
  readonly weights: Weights;
  readonly trained: Trained;
  readonly objective: Objective;
  readonly shape: TrainingShape;
  readonly threads: number;
  /**
   * Keep every activation for the backward pass, or only each block's input and compute the block again;
   * unless given the first where its activations have room.
   */
  readonly keep?: Keep;
  readonly real?: Graph["real"];
  /** Where the graphs run, as long as the device lasts; the CPU unless given. */
  readonly provider?: Provider;
}

/** Activations of more bytes are computed again: a step then takes a third longer, and little memory. */
const MAX_KEPT_BYTES = 2 * 2 ** 30;

/**
 * The forward and the backward pass of a decoder, block by block. One run is native and synchronous
 * for one block at most, and what is kept between the passes stands in arrays made once.
 */
export interface Pipeline {
  /** The loss and the targets' log-probabilities; the gradient is written over `gradient`. */
  differentiate(
    theta: Reals,
    gradient: Reals,
    batch: Batch,
    loss: LossInputs,
  ): Promise<{ readonly loss: number; readonly logProbabilities: Reals }>;
  /** The loss alone. */
  evaluate(theta: Reals, batch: Batch, loss: LossInputs): Promise<number>;
  /** Log-probabilities (M) of a batch's targets; with null for `theta`, those of the base model. */
  logProbabilities(theta: Reals | null, batch: Batch): Promise<Reals>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function createPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { trained, shape, weights } = options;
  const real = options.real ?? "float32";
  const config = trainedConfig(options.config, trained);
  const nTokens = shape.nRows * shape.rowTokens;
  const first = firstTrainedLayer(config, trained);
  const slots = new Map(parameterSlots(options.config, trained).map((slot) => [slot.name, slot]));
  const trainsEmbedding = trained.kind === "full";

  const training: StageTraining =
    trained.kind === "lora"
      ? { kind: "lora", rank: trained.rank, scale: trained.alpha / trained.rank }
      : { kind: "whole" };
  const device = createComputeDevice(options.provider ?? "cpu");
  const compile = (graph: Graph) =>
    device.open((provider) => compileGraph(graph, { threads: options.threads, prepack: false, provider }));
  const sessions: GraphSession[] = [];
  const compiled = async (graph: Graph): Promise<Stage> => {
    // Kept activations are large: a copy of each would cost more than a tenth of a step.
    addInPlaceOutput(graph, addReal(graph, [0], [1]));
    const session = await compile(graph);
    sessions.push(session);
    return { session, graph };
  };
  const placeOf = (layer: number): BlockPlace => ({
    gradientOfInput: layer === first && !trainsEmbedding ? "not-wanted" : "wanted",
    output: layer === config.nLayers - 1 ? "targets" : "all-tokens",
  });
  const build = (layer: number, keep: Keep) =>
    buildBlockGraphs(config, layer < first ? { kind: "frozen" } : training, shape, keep, placeOf(layer), real);
  const keptBytes = build(first, "everything").kept.reduce((sum, value) => sum + 4 * sizeOf(staticShape(value)), 0);
  const keep = options.keep ?? (keptBytes * (config.nLayers - first) > MAX_KEPT_BYTES ? "nothing" : "everything");
  const blocks: Block[] = [];
  for (let layer = 0; layer < config.nLayers; layer++) {
    const kind = JSON.stringify([layer < first, placeOf(layer)]);
    const known = blocks.find((block) => block.kind === kind);
    if (known) blocks.push(known);
    else {
      const graphs = build(layer, keep);
      const backward = layer < first ? null : await compiled(graphs.backward);
      blocks.push({ kind, forward: await compiled(graphs.forward), backward, kept: graphs.kept });
    }
  }
  const head = buildHeadGraphs(config, trained.kind === "lora" ? "frozen" : "whole", options.objective, shape, real);
  const headForward = await compiled(head.forward);
  const headLoss = await compiled(head.loss);
  const headGradient = await compiled(head.gradient);

  const shapes = weightShapes(config);
  const baseTensors = new Map<string, Tensor>();
  const baseTensor = (name: string): Tensor => {
    const known = baseTensors.get(name);
    if (known) return known;
    const tensor = tensorOver(asReals(real, baseWeight(weights, name)), shapes.get(name)!);
    baseTensors.set(name, tensor);
    return tensor;
  };
  /** A tensor of the model: from `theta` where it is trained, and an adapter switched off by a B of zeros. */
  const tensorOf = (name: string, theta: Reals | null): Tensor => {
    const slot = slots.get(name);
    if (!slot) return baseTensor(name);
    const size = sizeOf(slot.shape);
    if (theta) return tensorOver(theta.subarray(slot.offset, slot.offset + size), slot.shape);
    return name.includes(".lora_") ? tensorOver(newReals(real, size), slot.shape) : baseTensor(name);
  };

  const hiddenShape = [nTokens, config.hiddenSize];
  const targetShape = [shape.nTargets, config.hiddenSize];
  /** Of what goes into a block, and last into the head; and of its gradient. */
  const flowShape = (layer: number) => (layer === config.nLayers ? targetShape : hiddenShape);
  const newFlow = (layer: number) => tensorOver(newReals(real, sizeOf(flowShape(layer))), flowShape(layer));
  const hidden = Array.from({ length: config.nLayers + 1 }, (_, layer) => newFlow(layer));
  const [even, odd, headFlow] = [newFlow(0), newFlow(0), newFlow(config.nLayers)];
  const flow = (layer: number) => (layer === config.nLayers ? headFlow : layer % 2 === 0 ? even : odd);
  const keptOf = blocks.map(({ kept, backward }) =>
    Object.fromEntries(
      (backward ? kept : []).map((value) => {
        const size = staticShape(value);
        return [value.name, tensorOver(newReals(real, sizeOf(size)), size)];
      }),
    ),
  );
  const masks = maskSource(config, shape, real);

  const blockFeeds = (layer: number, graph: Graph, theta: Reals | null): Record<string, Tensor> => {
    const names = graph.inputs
      .map(({ name }) => name)
      .filter((name) => shapes.has(`model.layers.0.${name}`) || name.includes(".lora_"));
    return Object.fromEntries(names.map((name) => [name, tensorOf(`model.layers.${layer}.${name}`, theta)]));
  };
  const only = (graph: Graph, feeds: Record<string, Tensor>) => {
    const wanted = new Set(graph.inputs.map(({ name }) => name));
    return Object.fromEntries(Object.entries(feeds).filter(([name]) => wanted.has(name)));
  };

  /** What a block takes beside its parameters. */
  const blockInputs = (layer: number, mask: MaskTensors, positions: Tensor) => ({
    x: hidden[layer]!,
    positions,
    ...mask(layer),
  });
  const positionsOf = (batch: Batch) => int64s(batch.positions, [shape.nTargets]);

  async function runForward(theta: Reals | null, batch: Batch, mask: MaskTensors, keeping: boolean): Promise<void> {
    const embedding = tensorOf("model.embed_tokens.weight", theta).data as Reals;
    embedTokens(embedding, batch.ids, config.hiddenSize, hidden[0]!.data as Reals);
    const positions = positionsOf(batch);
    for (const [layer, { forward }] of blocks.entries()) {
      const { session, graph } = forward;
      const feeds = { ...blockFeeds(layer, graph, theta), ...blockInputs(layer, mask, positions) };
      const [, output] = graph.outputs; // After that which keeps the others from being copied.
      const y = { [output!.name]: hidden[layer + 1]! };
      await session.runInPlace(only(graph, feeds), keeping ? { ...y, ...keptOf[layer] } : y);
    }
  }

  const headFeeds = (graph: Graph, theta: Reals | null, batch: Batch, loss: LossInputs): Record<string, Tensor> => {
    const feeds: Record<string, Tensor> = {};
    for (const { name, shape: declared } of graph.inputs) {
      const size = declared as readonly number[];
      if (name === "x") feeds[name] = hidden[config.nLayers]!;
      else if (name === "targets") feeds[name] = int64s(batch.targets, size);
      else if (shapes.has(name)) feeds[name] = tensorOf(name, theta);
      else feeds[name] = tensorOver(asReals(real, loss[name]!), size);
    }
    return feeds;
  };
  /** Places in `gradient` for the outputs of a stage: `prefix` is that of its layer. */
  const gradientFetches = (graph: Graph, gradient: Reals, prefix: string): Record<string, Tensor> =>
    Object.fromEntries(
      graph.outputs.flatMap(({ name }) => {
        const slot = name.startsWith("gradient.") ? slots.get(prefix + name.slice("gradient.".length)) : undefined;
        if (!slot) return [];
        return [[name, tensorOver(gradient.subarray(slot.offset, slot.offset + sizeOf(slot.shape)), slot.shape)]];
      }),
    );

  return {
    async differentiate(theta, gradient, batch, loss) {
      const mask = masks(batch);
      await runForward(theta, batch, mask, true);
      const logProbabilities = newReals(real, shape.nTargets);
      const value = newReals(real, 1);
      await headGradient.session.runInPlace(headFeeds(headGradient.graph, theta, batch, loss), {
        loss: tensorOver(value, []),
        log_probabilities: tensorOver(logProbabilities, [shape.nTargets, 1]),
        [gradientOf("x")]: flow(config.nLayers),
        ...gradientFetches(headGradient.graph, gradient, ""),
      });
      const positions = positionsOf(batch);
      for (let layer = config.nLayers - 1; layer >= first; layer--) {
        const { session, graph } = blocks[layer]!.backward!;
        const feeds = {
          ...blockFeeds(layer, graph, theta),
          ...keptOf[layer],
          ...blockInputs(layer, mask, positions),
          gradient: flow(layer + 1),
        };
        const fetches = gradientFetches(graph, gradient, `model.layers.${layer}.`);
        if (graph.outputs.some(({ name }) => name === gradientOf("x"))) fetches[gradientOf("x")] = flow(layer);
        await session.runInPlace(only(graph, feeds), fetches);
      }
      if (trainsEmbedding) {
        const slot = slots.get("model.embed_tokens.weight")!;
        const rows = gradient.subarray(slot.offset, slot.offset + sizeOf(slot.shape));
        if (!config.tiedHead) rows.fill(0);
        addEmbeddingGradient(rows, batch.ids, config.hiddenSize, flow(0).data as Reals);
      }
      return { loss: value[0]!, logProbabilities };
    },
    async evaluate(theta, batch, loss) {
      await runForward(theta, batch, masks(batch), false);
      const value = newReals(real, 1);
      await headLoss.session.runInPlace(headFeeds(headLoss.graph, theta, batch, loss), { loss: tensorOver(value, []) });
      return value[0]!;
    },
    async logProbabilities(theta, batch) {
      await runForward(theta, batch, masks(batch), false);
      const result = newReals(real, shape.nTargets);
      await headForward.session.runInPlace(headFeeds(headForward.graph, theta, batch, {}), {
        log_probabilities: tensorOver(result, [shape.nTargets, 1]),
      });
      return result;
    },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) await session.release();
    },
  };
}

interface Stage {
  readonly session: GraphSession;
  readonly graph: Graph;
}

/** The graphs of the blocks of one kind; a frozen block has no backward pass. */
interface Block {
  readonly kind: string;
  readonly forward: Stage;
  readonly backward: Stage | null;
  readonly kept: readonly Value[];
}

/** The masks of a layer, by the names of their inputs. */
type MaskTensors = (layer: number) => Record<string, Tensor>;

/**
 * The masks of a batch, until the next one is asked for: layers with a sliding window see less than the
 * others. Their arrays are made once.
 */
function maskSource(config: DecoderConfig, shape: TrainingShape, real: Graph["real"]) {
  const { nRows, rowTokens } = shape;
  const tiles = rowTiles(rowTokens);
  const window = config.slidingWindow;
  const arrays = new Map<number, Float32Array<ArrayBuffer>[]>();
  return (batch: Batch): MaskTensors => {
    const made = new Map<number, Record<string, Tensor>>();
    return (layer) => {
      const tokens = window && layer >= window.fromLayer ? window.tokens : Number.POSITIVE_INFINITY;
      const known = made.get(tokens);
      if (known) return known;
      const earlier = arrays.get(tokens);
      const masks = tiles.map((tile, i) =>
        attentionMask(batch.documents, nRows, rowTokens, tile, tokens, earlier?.[i]),
      );
      arrays.set(tokens, masks);
      const tensors = Object.fromEntries(
        tiles.map(({ start, end }, i) => [
          maskInput(i),
          tensorOver(asReals(real, masks[i]!), [nRows, 1, 1, end - start, end]),
        ]),
      );
      made.set(tokens, tensors);
      return tensors;
    };
  };
}
