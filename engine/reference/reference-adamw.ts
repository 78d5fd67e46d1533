import type { AdamWOptions, AdamWState } from "../optim/adamw.ts";

/** AdamW from its definition, parameter by parameter, in place; the gradient's norm before clipping. */
export function referenceAdamW(
  theta: Float32Array,
  gradient: Float32Array,
  state: AdamWState,
  learningRate: number,
  options: AdamWOptions,
): number {
  let squares = 0;
  for (let i = 0; i < gradient.length; i++) squares += gradient[i]! * gradient[i]!;
  const norm = Math.sqrt(squares);
  const scale = norm > options.clipNorm ? options.clipNorm / norm : 1;
  const { firstMoment: m, secondMoment: v } = state;
  const { beta1, beta2, epsilon, weightDecay } = options;
  state.step += 1;
  const correction1 = 1 - beta1 ** state.step;
  const correction2 = 1 - beta2 ** state.step;
  for (let i = 0; i < theta.length; i++) {
    const g = gradient[i]! * scale;
    m[i] = beta1 * m[i]! + (1 - beta1) * g;
    v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
    const update = m[i]! / correction1 / (Math.sqrt(v[i]! / correction2) + epsilon);
    theta[i] = theta[i]! - learningRate * (update + weightDecay * theta[i]!);
  }
  return norm;
}
