import { NOTICE_NAME } from "../engine/devices/notice.ts";
import { startBeating } from "./jobs/worker-beats.ts";
import { refuseOldNode } from "./node-version.ts";
import type { FromWorker, ToWorker } from "./jobs/worker-messages.ts";

refuseOldNode();

/** How long the last message may take to leave, milliseconds. */
const FLUSH_MS = 5_000;

const stop = new AbortController();
const send = (message: FromWorker): void => {
  if (process.connected) process.send!(message);
};

startBeating();
let answerEvaluation: (message: Extract<ToWorker, { kind: "evaluate" }>) => void = () => {};
const evaluation = new Promise<Extract<ToWorker, { kind: "evaluate" }>>((resolve) => (answerEvaluation = resolve));

process.on("message", (message: ToWorker) => {
  if (message.kind === "evaluate") answerEvaluation(message);
  else void perform(message);
});
// Without a server nobody takes the results: another attempt starts from the last checkpoint.
process.on("disconnect", () => process.exit(1));
process.on("SIGTERM", () => {
  stop.abort(new Error("The server ended the task."));
  setTimeout(() => process.exit(143), FLUSH_MS).unref();
});
process.on("warning", ({ name, message, code = "" }: Error & { code?: string }) => {
  if (name === NOTICE_NAME) send({ kind: "notice", code, message });
});
send({ kind: "ready" });

async function perform({ task }: Extract<ToWorker, { kind: "task" }>): Promise<void> {
  try {
    const { performTask } = await import("./worker-task.ts");
    await performTask(task, { send, evaluation, signal: stop.signal });
  } catch (error) {
    if (stop.signal.aborted) process.exit(143);
    const { message } = error as Error;
    const code = typeof (error as { code?: unknown }).code === "string" ? (error as { code: string }).code : "internal";
    send({ kind: "failed", code, message });
  }
  // Messages are sent in order; the process ends when the last one is out.
  process.removeAllListeners("disconnect");
  process.disconnect?.();
}
