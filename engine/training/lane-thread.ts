import { parentPort, workerData } from "node:worker_threads";
import type { FromLane, LaneData, LaneTask, ToLane } from "./lane-messages.ts";
import { createPipeline } from "./pipeline.ts";

/** Entry of a lane's thread: a pipeline of its own, one pass after the other. */
const { options, theta: sharedTheta, gradient: sharedGradient } = workerData as LaneData;
const port = parentPort!;
const send = (message: FromLane): void => port.postMessage(message);

const [shared, gradientOut] = [new Float32Array(sharedTheta), new Float32Array(sharedGradient)];
// ONNX Runtime's binding takes no tensor over shared memory.
const [theta, gradient] = [new Float32Array(shared.length), new Float32Array(shared.length)];
const opened = createPipeline(options);

async function perform(task: LaneTask): Promise<{ loss: number; logProbabilities: Float32Array }> {
  theta.set(shared);
  const pipeline = await opened;
  switch (task.kind) {
    case "differentiate": {
      const { loss, logProbabilities } = await pipeline.differentiate(theta, gradient, task.batch, task.loss);
      gradientOut.set(gradient);
      return { loss, logProbabilities: logProbabilities as Float32Array };
    }
    case "evaluate":
      return { loss: await pipeline.evaluate(theta, task.batch, task.loss), logProbabilities: new Float32Array(0) };
    case "log-probabilities": {
      const result = await pipeline.logProbabilities(task.under === "theta" ? theta : null, task.batch);
      return { loss: 0, logProbabilities: result as Float32Array };
    }
  }
}

port.on("message", (message: ToLane) => {
  if ("kind" in message) void opened.then((pipeline) => pipeline[Symbol.asyncDispose]()).then(() => port.close());
  else {
    const { id } = message;
    perform(message.task).then(
      (result) => send({ id, ...result }),
      (error: unknown) => send({ id, error: error as Error }),
    );
  }
});
// What it fails with ends the thread: the other side hears of it.
void opened.then(() => send({ kind: "ready" }));
