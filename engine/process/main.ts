import os from "node:os";
import { EngineError } from "../engine-error.ts";
import { createExampleIndex } from "../retrieve/example-index.ts";
import { openModel, type Model } from "../generate/model.ts";
import type { EngineMessage, HostMessage } from "./messages.ts";

/** Entry of the engine process: serves one model over Node's IPC channel until the host goes. */

/** The editor comes first: one step below normal priority. */
const ENGINE_PRIORITY = 1;

let model: Model | null = null;
let examples = createExampleIndex();
const running = new Map<number, AbortController>();

function reply(message: EngineMessage): void {
  if (process.connected) process.send!(message);
}

function fail(id: number | null, error: unknown): void {
  const code = error instanceof EngineError ? error.code : "engine-internal";
  reply({ kind: "failed", id, code, message: error instanceof Error ? error.message : String(error) });
}

async function load(message: Extract<HostMessage, { kind: "load" }>): Promise<void> {
  try {
    model = await openModel(message.modelDir, { threads: message.threads });
    reply({ kind: "ready", model: model.info });
  } catch (error) {
    fail(null, error);
  }
}

async function complete({ id, request, retrieve }: Extract<HostMessage, { kind: "complete" }>): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const { prefix, path } = request;
    const found = retrieve ? examples.query({ prefix, path, ...retrieve }, retrieve.limit) : [];
    // Found examples come first, so that it is they that a full prompt leaves out.
    const asked = { ...request, examples: [...found, ...request.examples] };
    const completion = await loaded().complete(asked, controller.signal);
    const nFoundUsed = Math.max(0, completion.nExamplesUsed - request.examples.length);
    const exampleIds = found.slice(found.length - nFoundUsed).map((example) => example.id);
    reply({ kind: "completed", id, completion: { ...completion, exampleIds } });
  } catch (error) {
    fail(id, error);
  } finally {
    running.delete(id);
  }
}

async function setAdapter({ id, adapter }: Extract<HostMessage, { kind: "set-adapter" }>): Promise<void> {
  try {
    await loaded().setAdapter(adapter);
    reply({ kind: "adapter-set", id, version: adapter?.version ?? null });
  } catch (error) {
    fail(id, error);
  }
}

function setExamples(message: Extract<HostMessage, { kind: "set-examples" }>): void {
  examples = createExampleIndex();
  for (const example of message.examples) examples.add(example);
  reply({ kind: "examples-set", id: message.id });
}

function loaded(): Model {
  if (!model) throw new EngineError("model-not-found", "No model is loaded yet.");
  return model;
}

function receive(message: HostMessage): void {
  if (message.kind === "load") void load(message);
  else if (message.kind === "complete") void complete(message);
  else if (message.kind === "set-adapter") void setAdapter(message);
  else if (message.kind === "set-examples") setExamples(message);
  else running.get(message.id)?.abort();
}

os.setPriority(ENGINE_PRIORITY);
process.on("message", receive);
process.once("disconnect", () => process.exit(0));
