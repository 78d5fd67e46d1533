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

/** One update of `theta` in place; returns the gradient's norm before clipping. */
export function adamWStep(
  theta: Float32Array,
  gradient: Float32Array,
  state: AdamWState,
  learningRate: number,
  options: AdamWOptions,
): number {
  let squares = 0;
  for (const value of gradient) squares += value * value;
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

/** Linear warm-up to 1, then a cosine to 0 at `totalSteps`; `step` counts from 0. */
export function cosineSchedule(step: number, warmupSteps: number, totalSteps: number): number {
  if (step < warmupSteps) return (step + 1) / warmupSteps;
  const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
  return 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress)));
}
