import { Worker } from "node:worker_threads";
import { weightShapes } from "../architectures/decoder-config.ts";
import type { FromLane, LaneData, LaneTask, ToLane } from "./lane-messages.ts";
import { baseWeight, parameterCount, parameterSlots } from "./parameters.ts";
import type { Pipeline, PipelineOptions } from "./pipeline.ts";
import type { Reals } from "./reals.ts";

export interface LaneOptions extends PipelineOptions {
  /** Threads with a pipeline each, of one core each. */
  readonly nLanes: number;
  /** File of the lanes' thread: `lane-thread.ts`, or a bundle of it. */
  readonly entry: string;
}

type Result = Extract<FromLane, { readonly loss: number }>;

interface Lane {
  readonly worker: Worker;
  readonly theta: Float32Array;
  readonly gradient: Float32Array;
  /** Of the pass that runs. */
  waiting: { resolve(result: Result): void; reject(error: Error): void } | null;
  /** Why the thread is no longer there. */
  ended: Error | null;
}

/**
 * Passes over several batches side by side, each whole on one core: a small model's operators are too
 * short to be shared among cores, which wait for each other after each one. Each lane has a copy of the
 * weights. What a pass gives does not depend on the lane that it runs in.
 */
export async function createLanes({ nLanes, entry, ...options }: LaneOptions): Promise<Pipeline> {
  const nParameters = parameterCount(parameterSlots(options.config, options.trained));
  // A checkpoint reads its tensors when it is asked; a thread is given them.
  const weights = new Map(
    [...weightShapes(options.config).keys()].map((name) => [name, baseWeight(options.weights, name)]),
  );
  const started = await Promise.allSettled(
    Array.from({ length: nLanes }, () => startLane(entry, { ...options, weights, threads: 1 }, nParameters)),
  );
  const lanes = started.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  const failed = started.find((one) => one.status === "rejected");
  if (failed !== undefined) {
    await Promise.all(lanes.map(endLane));
    throw failed.reason;
  }
  const free = [...lanes];
  const waiting: ((lane: Lane) => void)[] = [];
  let nextId = 0;

  const inLane = async <T>(
    theta: Reals | null,
    task: LaneTask,
    take: (lane: Lane, result: Result) => T,
  ): Promise<T> => {
    const lane = free.shift() ?? (await new Promise<Lane>((resolve) => waiting.push(resolve)));
    try {
      if (theta !== null) lane.theta.set(theta);
      nextId += 1;
      const result = await new Promise<Result>((resolve, reject) => {
        if (lane.ended !== null) return reject(lane.ended);
        lane.waiting = { resolve, reject };
        lane.worker.postMessage({ id: nextId, task } satisfies ToLane);
      });
      return take(lane, result);
    } finally {
      lane.waiting = null;
      const next = waiting.shift();
      if (next === undefined) free.push(lane);
      else next(lane);
    }
  };

  return {
    differentiate: (theta, gradient, batch, loss) =>
      inLane(theta, { kind: "differentiate", batch, loss }, (lane, result) => {
        gradient.set(lane.gradient);
        return result;
      }),
    evaluate: (theta, batch, loss) => inLane(theta, { kind: "evaluate", batch, loss }, (_, result) => result.loss),
    logProbabilities: (theta, batch) =>
      inLane(
        theta,
        { kind: "log-probabilities", batch, under: theta === null ? "base" : "theta" },
        (_, result) => result.logProbabilities,
      ),
    async [Symbol.asyncDispose]() {
      await Promise.all(lanes.map(endLane));
    },
  };
}

async function startLane(entry: string, options: PipelineOptions, nParameters: number): Promise<Lane> {
  const shared = () => new SharedArrayBuffer(Float32Array.BYTES_PER_ELEMENT * nParameters);
  const data: LaneData = { options, theta: shared(), gradient: shared() };
  const worker = new Worker(entry, { workerData: data });
  const lane: Lane = {
    worker,
    theta: new Float32Array(data.theta),
    gradient: new Float32Array(data.gradient),
    waiting: null,
    ended: null,
  };
  const ready = Promise.withResolvers<void>();
  const fail = (error: Error): void => {
    lane.ended ??= error;
    ready.reject(error);
    lane.waiting?.reject(error);
  };
  worker.on("message", (message: FromLane) => {
    if ("kind" in message) ready.resolve();
    else if ("error" in message) lane.waiting?.reject(message.error);
    else lane.waiting?.resolve(message);
  });
  worker.once("error", fail);
  worker.once("exit", () => fail(new Error("A training thread has ended")));
  await ready.promise;
  return lane;
}

async function endLane({ worker, ended: gone }: Lane): Promise<void> {
  if (gone !== null) return;
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  worker.postMessage({ kind: "close" } satisfies ToLane);
  await ended;
}
