import { InferenceSession, Tensor } from "onnxruntime-node";
import { encodeModel, externalFolder } from "./encode.ts";
import type { Graph } from "./graph.ts";

/** A graph compiled by ONNX Runtime. Runs are native and synchronous: keep each one short. */
export interface GraphSession {
  run(feeds: Record<string, Tensor>, fetches?: Record<string, Tensor | null>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

export interface SessionOptions {
  readonly threads: number;
  /** Prepacking trades memory and load time for speed; training, which runs each shape for minutes, gains nothing. */
  readonly prepack: boolean;
}

export async function compileGraph(graph: Graph, options: SessionOptions): Promise<GraphSession> {
  const folder = externalFolder(graph);
  const session = await InferenceSession.create(encodeModel(graph), {
    executionProviders: ["cpu"],
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
  return {
    run: (feeds, fetches) =>
      (fetches ? session.run(feeds, fetches) : session.run(feeds)) as Promise<Record<string, Tensor>>,
    release: () => session.release(),
  };
}

export const floats = (data: Float32Array, shape: readonly number[]): Tensor => new Tensor("float32", data, shape);
export const int64s = (data: ArrayLike<number>, shape: readonly number[]): Tensor =>
  new Tensor("int64", BigInt64Array.from(Array.from(data), BigInt), shape);
export const int32s = (data: ArrayLike<number>, shape: readonly number[]): Tensor =>
  new Tensor("int32", Int32Array.from(data), shape);
