import { createAdamW, createAdamWState } from "../../../engine/optim/adamw.ts";
import { referenceAdamW } from "../../../engine/reference/reference-adamw.ts";
import { timed, type Contender } from "./contenders.ts";

const ADAMW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 };

/** AdamW as a loop in TypeScript. */
export function typescriptAdamW(nParameters: number): Contender {
  const { theta, gradient, state } = vectors(nParameters);
  return {
    run: () => timed(() => referenceAdamW(theta, gradient, state, 1e-3, ADAMW)),
    async [Symbol.asyncDispose]() {},
  };
}

/** AdamW as the trainer runs it. */
export async function graphAdamW(nParameters: number, threads: number): Promise<Contender> {
  const adamW = await createAdamW(ADAMW, threads);
  const { theta, gradient, state } = vectors(nParameters);
  return {
    run: () => timed(() => adamW.step(theta, gradient, state, 1e-3)),
    [Symbol.asyncDispose]: () => adamW[Symbol.asyncDispose](),
  };
}

function vectors(nParameters: number) {
  return {
    theta: new Float32Array(nParameters).fill(0.01),
    gradient: Float32Array.from({ length: nParameters }, (_, i) => Math.sin(i) * 1e-3),
    state: createAdamWState(nParameters),
  };
}
