// Saves a checkpoint of a run at every step, and says the step when it is saved.
// node save-checkpoints.ts <run folder>
import { saveRunCheckpoint } from "../../../server/training/onnx/run-checkpoint.ts";
import { say } from "./say.ts";

const [runDir = ""] = process.argv.slice(2);
const vector = (step: number) => new Float32Array(2_000).fill(step);
for (let step = 1; step <= 40; step += 1) {
  saveRunCheckpoint(runDir, "job", {
    step,
    curve: [step],
    firstLoss: { train: 1, validation: null },
    best: null,
    theta: vector(step),
    bestTheta: vector(step),
    firstMoment: vector(step),
    secondMoment: vector(step),
  });
  say(String(step));
}
