import os from "node:os";
import { NOTICE_NAME } from "../devices/notice.ts";
import { EngineError, type EngineErrorCode } from "../engine-error.ts";
import type { Completion, CompletionRequest, PromptExample } from "../generate/completion.ts";
import type { RepositoryMemory } from "../generate/generator.ts";
import { exampleTexts, fimText, plainText } from "../generate/fim-text.ts";
import { openModel, type Model } from "../generate/model.ts";
import type { IndexedExample } from "../retrieve/example-index.ts";
import { createNeighbourIndex } from "../retrieve/neighbour-index.ts";
import { createStopCheck, repeatsLineAbove, trimCompletion } from "../generate/stop.ts";
import type { EngineMessage, HostMessage, Retrieval, ServedCompletion } from "./messages.ts";
import { createServedExamples } from "./served-examples.ts";

/** Entry of the engine process: serves one model over Node's IPC channel until the host goes. */

/** The editor comes first: one step below normal priority. */
const ENGINE_PRIORITY = 1;

let model: Model | null = null;
const examples = createServedExamples((text) => model?.tokenizer.encode(text) ?? []);
let neighbours = createNeighbourIndex([]);
const running = new Map<number, AbortController>();

function reply(message: EngineMessage): void {
  if (process.connected) process.send!(message);
}

function fail(id: number | null, error: unknown): void {
  const code = error instanceof EngineError ? error.code : "engine-internal";
  reply({ kind: "failed", id, code, message: error instanceof Error ? error.message : String(error) });
}

async function load(message: Extract<HostMessage, { kind: "load" }>): Promise<void> {
  if (message.modelDir === null) return reply({ kind: "ready", model: NO_MODEL });
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
    const { memory } = found;
    const options = { memory, ...(stream ? { onText } : {}), ...(turn ? { turn } : {}) };
    // Asked for in one go: the model does them in this order, with nothing between.
    const swapped = swapTo(message.adapter === undefined ? usual : message.adapter);
    const asked = loaded().complete(request, signal, options);
    await Promise.all([swapped, asked.catch(() => undefined)]);
    const completion = await asked;
    reply({ kind: "completed", id, completion: served(completion, message.request, found) });
  });
}

async function offer(message: Extract<HostMessage, { kind: "candidates" }>): Promise<void> {
  await serve(message, async (request, found, signal) => {
    const swapped = swapTo(message.adapter === undefined ? usual : message.adapter);
    const asked = loaded().candidates(request, message.count, signal, { memory: found.memory });
    await Promise.all([swapped, asked.catch(() => undefined)]);
    const completions = await asked;
    const made = completions.map((completion) => served(completion, message.request, found));
    reply({ kind: "candidates-made", id: message.id, completions: made });
  });
}

/** What a process that only prepares requests says of itself. */
const NO_MODEL = { name: "none", sha256: "", nParameters: 0, contextTokens: 0, fillInTheMiddle: "none" } as const;

function prepare({ id, request, retrieve, dialect }: Extract<HostMessage, { kind: "prepare" }>): void {
  try {
    const found = retrieve ? lookUp(request, retrieve) : NOTHING_FOUND;
    const named = (id: string | null, { path, text }: PromptExample) => ({ id, path, text });
    const examples = [
      ...found.neighbours.map((one) => named(null, one)),
      ...found.examples.map((one) => named(one.id, one)),
      ...request.examples.map((one) => named(null, one)),
    ];
    const shown = exampleTexts(examples);
    const asked = { ...request, examples: shown };
    const text = fimText(dialect, asked) ?? plainText(asked);
    reply({ kind: "prepared", id, prepared: { examples, text, nInText: shown.length } });
  } catch (error) {
    fail(id, error);
  }
}

function shape({ id, request, text }: Extract<HostMessage, { kind: "shape" }>): void {
  const ended = createStopCheck(request)(`${text}\n\n`);
  const shown = trimCompletion(ended.stop ? ended.text : text, request.suffix);
  reply({ kind: "shaped", id, text: repeatsLineAbove(shown, request.prefix) ? "" : shown });
}

type Asked = Extract<HostMessage, { readonly retrieve: Retrieval | null }>;

/** What was looked up for a request, in the order of the prompt. */
interface Found {
  readonly neighbours: readonly PromptExample[];
  readonly examples: readonly IndexedExample[];
  /** All code that examples of the folder hold, to copy from. */
  readonly memory: RepositoryMemory | null;
}

const NOTHING_FOUND: Found = { neighbours: [], examples: [], memory: null };

/** Looks up what a request's prompt can use, and keeps the request where a `cancel` finds it. */
async function serve(
  { id, request, retrieve }: Asked,
  work: (request: CompletionRequest, found: Found, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const found = retrieve ? lookUp(request, retrieve) : NOTHING_FOUND;
    // The first are left out of a prompt that is full: neighbours before examples before what was asked for.
    const asked = [...found.neighbours, ...found.examples, ...request.examples];
    await work({ ...request, examples: asked }, found, controller.signal);
  } catch (error) {
    fail(id, error);
  } finally {
    running.delete(id);
  }
}

function lookUp({ prefix, path }: CompletionRequest, retrieve: Retrieval): Found {
  // The line that is being written would change the beginning of the prompt at every keystroke.
  const written = prefix.slice(0, prefix.lastIndexOf("\n") + 1);
  return {
    neighbours: neighbours.excerpts({ prefix: written, path, root: retrieve.root }, retrieve.neighbours ?? 0),
    examples: examples.query({ prefix, path, ...retrieve }, retrieve.limit),
    memory: retrieve.limit > 0 || retrieve.remembers === true ? examples.memoryOf(retrieve.root) : null,
  };
}

/** With those of what was found that stood in the prompt: the last ones. */
function served(completion: Completion, request: CompletionRequest, found: Found): ServedCompletion {
  const nFound = Math.max(0, completion.nExamplesUsed - request.examples.length);
  const nExamples = Math.min(found.examples.length, nFound);
  const nNeighbours = nFound - nExamples;
  const shown = found.examples.slice(found.examples.length - nExamples).map((example) => example.id);
  const { copiedFrom } = completion;
  return {
    ...completion,
    // What a line was copied from was used, whether the prompt shows it or not.
    exampleIds: copiedFrom === undefined || shown.includes(copiedFrom) ? shown : [copiedFrom, ...shown],
    neighbours: found.neighbours.slice(found.neighbours.length - nNeighbours),
  };
}

/** The adapter of requests that name none, and the one that the model was told last. */
let usual: Adapter = null;
let told: Adapter = null;
type Adapter = Extract<HostMessage, { kind: "set-adapter" }>["adapter"];

/** Tells the model, unless it knows. One that cannot be loaded leaves the model with what it has. */
async function swapTo(adapter: Adapter): Promise<void> {
  if (adapter?.version === told?.version && adapter?.dir === told?.dir) return;
  const before = told;
  told = adapter;
  try {
    await loaded().setAdapter(adapter);
  } catch (error) {
    if (told === adapter) told = before;
    throw error;
  }
}

async function setAdapter({ id, adapter }: Extract<HostMessage, { kind: "set-adapter" }>): Promise<void> {
  const before = usual;
  usual = adapter;
  try {
    await swapTo(adapter);
    reply({ kind: "adapter-set", id, version: adapter?.version ?? null });
  } catch (error) {
    if (usual === adapter) usual = before;
    fail(id, error);
  }
}

async function takeExamples(message: Extract<HostMessage, { kind: "set-examples" | "add-examples" }>): Promise<void> {
  try {
    await examples.take(message.examples, message.kind === "set-examples" ? "replace" : "add");
    reply({ kind: "examples-set", id: message.id });
  } catch (error) {
    fail(message.id, error);
  }
}

function setNeighbours({ id, files }: Extract<HostMessage, { kind: "set-neighbours" }>): void {
  neighbours = createNeighbourIndex(files);
  reply({ kind: "neighbours-set", id });
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
  else if (message.kind === "set-examples" || message.kind === "add-examples") void takeExamples(message);
  else if (message.kind === "set-neighbours") setNeighbours(message);
  else if (message.kind === "prepare") prepare(message);
  else if (message.kind === "shape") shape(message);
  else running.get(message.id)?.abort();
}

/** Warnings of the engine's own, which carry a code of its errors, go to the host's log. */
function passOn(warning: Error & { readonly code?: string }): void {
  if (warning.name !== NOTICE_NAME) return;
  reply({ kind: "notice", id: null, code: warning.code as EngineErrorCode, message: warning.message });
}

os.setPriority(ENGINE_PRIORITY);
process.on("warning", passOn);
process.on("message", receive);
process.once("disconnect", () => process.exit(0));
