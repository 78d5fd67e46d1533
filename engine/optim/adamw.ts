import { addInput, addOutput, addReal, createGraph, type Value } from "../graph/graph.ts";
import { add, multiply, reciprocal, reduceSumSquare, scalar, squareRoot, subtract } from "../graph/operators.ts";
import { addInPlaceOutput, compileGraph, floats } from "../graph/session.ts";

/** AdamW (Loshchilov and Hutter 2019) with global-norm clipping, on one flat vector of parameters. */
export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Gradients with a larger Euclidean norm are scaled down to it. */
  readonly clipNorm: number;
}

export interface AdamWState {
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** Updates made so far. */
  step: number;
}

export function createAdamWState(nParameters: number): AdamWState {
  return { firstMoment: new Float32Array(nParameters), secondMoment: new Float32Array(nParameters), step: 0 };
}

export interface AdamW {
  /** One update of `theta` in place; the gradient's norm before clipping. */
  step(theta: Float32Array, gradient: Float32Array, state: AdamWState, learningRate: number): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Parameters updated at a time: few enough for the operators' vectors to stay in cache, enough to outweigh a call. */
const CHUNK = 2 ** 17;

/** A graph over chunks: measured faster than a loop in TypeScript; see docs/decisions. */
export async function createAdamW(options: AdamWOptions, threads: number): Promise<AdamW> {
  const update = await compileGraph(updateGraph(options), { threads, prepack: false });
  const squares = await compileGraph(squaresGraph(), { threads, prepack: false });
  const one = (value: number) => floats(Float32Array.of(value), []);

  return {
    async step(theta, gradient, state, learningRate) {
      const part = (values: Float32Array, at: number) => {
        const chunk = values.subarray(at, at + CHUNK);
        return floats(chunk, [chunk.length]);
      };
      let sum = 0;
      for (let at = 0; at < gradient.length; at += CHUNK)
        sum += (await squares.run({ gradient: part(gradient, at) }))["sum"]!.data[0] as number;
      const norm = Math.sqrt(sum);
      state.step += 1;
      const scalars = {
        clip: one(norm > options.clipNorm ? options.clipNorm / norm : 1),
        rate: one(learningRate / (1 - options.beta1 ** state.step)),
        correction: one(1 / (1 - options.beta2 ** state.step)),
        keep: one(1 - learningRate * options.weightDecay),
      };
      for (let at = 0; at < theta.length; at += CHUNK) {
        const [now, m, v] = [part(theta, at), part(state.firstMoment, at), part(state.secondMoment, at)];
        await update.runInPlace(
          { theta: now, m, v, gradient: part(gradient, at), ...scalars },
          { next_theta: now, next_m: m, next_v: v },
        );
      }
      return norm;
    },
    async [Symbol.asyncDispose]() {
      await update.release();
      await squares.release();
    },
  };
}

/** theta' = keep theta - rate m' / (sqrt(correction v') + epsilon), written over theta, m and v. */
function updateGraph({ beta1, beta2, epsilon }: AdamWOptions) {
  const g = createGraph("adamw");
  const vector = (name: string) => addInput(g, name, "float32", ["n"]);
  const factor = (name: string) => addInput(g, name, "float32", []);
  const times = (x: Value, by: number) => multiply(g, x, scalar(g, by));
  const clipped = multiply(g, vector("gradient"), factor("clip"));
  const m = add(g, times(vector("m"), beta1), times(clipped, 1 - beta1));
  const v = add(g, times(vector("v"), beta2), times(multiply(g, clipped, clipped), 1 - beta2));
  const root = add(g, squareRoot(g, multiply(g, v, factor("correction"))), scalar(g, epsilon));
  const move = multiply(g, multiply(g, m, factor("rate")), reciprocal(g, root));
  addOutput(g, "next_theta", subtract(g, multiply(g, vector("theta"), factor("keep")), move));
  addOutput(g, "next_m", m);
  addOutput(g, "next_v", v);
  addInPlaceOutput(g, addReal(g, [0], [1]));
  return g;
}

function squaresGraph() {
  const g = createGraph("squares");
  addOutput(g, "sum", reduceSumSquare(g, addInput(g, "gradient", "float32", ["n"])));
  return g;
}

/** Linear warm-up to 1, then a cosine to 0 at `totalSteps`; `step` counts from 0. */
export function cosineSchedule(step: number, warmupSteps: number, totalSteps: number): number {
  if (step < warmupSteps) return (step + 1) / warmupSteps;
  const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
  return 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress)));
}
