import { parentPort } from "node:worker_threads";
import type { ToThread } from "../../../tracker/thread/messages.ts";
import "../../../tracker/thread/main.ts";

/** The tracker's thread, which a rename to this name ends. */
const CRASH = "crash-now";

parentPort?.on("message", (message: ToThread) => {
  if (message.kind !== "folder" || message.call.method !== "renamed" || message.call.args[1] !== CRASH) return;
  throw new Error("the thread was to end");
});
