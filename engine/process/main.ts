import os from "node:os";
import { EngineError } from "../engine-error.ts";
import type { Completion, CompletionRequest } from "../generate/completion.ts";
import { openModel, type Model } from "../generate/model.ts";
import { createExampleIndex, type IndexedExample } from "../retrieve/example-index.ts";
import type { EngineMessage, HostMessage, Retrieval, ServedCompletion } from "./messages.ts";

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
    await model.warmUp();
    reply({ kind: "ready", model: model.info });
  } catch (error) {
    fail(null, error);
  }
}

async function complete(message: Extract<HostMessage, { kind: "complete" }>): Promise<void> {
  const { id, stream, turn } = message;
  const onText = (text: string) => reply({ kind: "text", id, text });
  await serve(message, async (request, found, signal) => {
    const options = { ...(stream ? { onText } : {}), ...(turn ? { turn } : {}) };
    const completion = await loaded().complete(request, signal, options);
    reply({ kind: "completed", id, completion: served(completion, message.request, found) });
  });
}

async function offer(message: Extract<HostMessage, { kind: "candidates" }>): Promise<void> {
  await serve(message, async (request, found, signal) => {
    const completions = await loaded().candidates(request, message.count, signal);
    const made = completions.map((completion) => served(completion, message.request, found));
    reply({ kind: "candidates-made", id: message.id, completions: made });
  });
}

type Asked = Extract<HostMessage, { readonly retrieve: Retrieval | null }>;

/** Looks examples up for a request, and keeps it where a `cancel` finds it. */
async function serve(
  { id, request, retrieve }: Asked,
  work: (request: CompletionRequest, found: readonly IndexedExample[], signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const { prefix, path } = request;
    const found = retrieve ? examples.query({ prefix, path, ...retrieve }, retrieve.limit) : [];
    // Found examples come first, so that it is they that a full prompt leaves out.
    await work({ ...request, examples: [...found, ...request.examples] }, found, controller.signal);
  } catch (error) {
    fail(id, error);
  } finally {
    running.delete(id);
  }
}

/** With the ids of those found examples that stood in the prompt. */
function served(
  completion: Completion,
  request: CompletionRequest,
  found: readonly IndexedExample[],
): ServedCompletion {
  const nFoundUsed = Math.max(0, completion.nExamplesUsed - request.examples.length);
  return { ...completion, exampleIds: found.slice(found.length - nFoundUsed).map((example) => example.id) };
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
  else if (message.kind === "candidates") void offer(message);
  else if (message.kind === "set-adapter") void setAdapter(message);
  else if (message.kind === "set-examples") setExamples(message);
  else running.get(message.id)?.abort();
}

os.setPriority(ENGINE_PRIORITY);
process.on("message", receive);
process.once("disconnect", () => process.exit(0));
