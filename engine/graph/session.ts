import { InferenceSession, Tensor } from "../runtime.ts";
import type { Provider } from "../devices/device.ts";
import { encodeModel, externalFolder } from "./encode.ts";
import type { Graph, Value } from "./graph.ts";

/** A graph compiled by ONNX Runtime. Runs are native and synchronous: keep each one short. */
export interface GraphSession {
  run(feeds: Record<string, Tensor>, fetches?: Record<string, Tensor | null>): Promise<Record<string, Tensor>>;
  /** Writes the outputs into the given tensors, and copies nothing for a graph with `addInPlaceOutput`. */
  runInPlace(feeds: Record<string, Tensor>, outputs: Record<string, Tensor>): Promise<void>;
  release(): Promise<void>;
}

export interface SessionOptions {
  readonly threads: number;
  /** Prepacking trades memory and load time for speed; training, which runs each shape for minutes, gains nothing. */
  readonly prepack: boolean;
  /** Where the graph runs; nodes that it has no kernel for run on the CPU. The CPU unless given. */
  readonly provider?: Provider;
}

export async function compileGraph(graph: Graph, options: SessionOptions): Promise<GraphSession> {
  const folder = externalFolder(graph);
  const session = await InferenceSession.create(encodeModel(graph), {
    // One alone: of several, the binding drops those that it does not have without a word. What the provider
    // has no kernel for runs on the CPU all the same.
    executionProviders: [options.provider ?? "cpu"],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    // The fused operators of the higher levels exist in float32 only.
    graphOptimizationLevel: graph.real === "float64" ? "basic" : "all",
    logSeverityLevel: 3,
    extra: {
      session: {
        disable_prepacking: options.prepack ? "0" : "1",
        ...(folder ? { model_external_initializers_file_folder_path: folder } : {}),
        // A spinning pool burns the core that the editor needs.
        intra_op: { allow_spinning: "0" },
      },
    },
  });
  const inPlace = session.outputNames.includes(IN_PLACE) ? { [IN_PLACE]: null } : {};
  return {
    run: (feeds, fetches) =>
      (fetches ? session.run(feeds, fetches) : session.run(feeds)) as Promise<Record<string, Tensor>>,
    async runInPlace(feeds, outputs) {
      try {
        await session.run(feeds, { ...outputs, ...inPlace });
      } catch (error) {
        if (!(error instanceof Error && HANDED_OVER.test(error.message))) throw error;
      }
    },
    release: () => session.release(),
  };
}

const IN_PLACE = "in_place";

/** What the binding says of a value that it cannot hand over, once the run has ended well. */
const HANDED_OVER = /^Non tensor type is temporarily not supported/;

/**
 * Give a graph an output that keeps the binding from copying the others. It copies every output of a run
 * for the caller, whoever owns the memory: with a key-value cache among them that is half of what a token
 * of a small model costs. It does so in order, after the run, and gives up at the first value that is no
 * tensor; so this output, a sequence of one, comes first. Where a version of the binding hands it
 * over, or copies nothing, nothing is lost.
 */
export function addInPlaceOutput(graph: Graph, value: Value): void {
  const output: Value = { name: IN_PLACE, type: value.type, shape: value.shape, isSequence: true };
  graph.nodes.push({ op: "SequenceConstruct", domain: "", inputs: [value], outputs: [output], attributes: {} });
  graph.outputs.unshift(output);
}

export const floats = (data: Float32Array, shape: readonly number[]): Tensor => new Tensor("float32", data, shape);
export const int64s = (data: ArrayLike<number>, shape: readonly number[]): Tensor =>
  new Tensor("int64", BigInt64Array.from(Array.from(data), BigInt), shape);
export const int32s = (data: ArrayLike<number>, shape: readonly number[]): Tensor =>
  new Tensor("int32", Int32Array.from(data), shape);
