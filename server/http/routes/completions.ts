import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import type { ServedCompletion } from "../../../engine/process/messages.ts";
import { completionBody, textCompletion, type CompletionBody, type TextCompletion } from "../../../protocol/openai.ts";
import { AppError } from "../../errors.ts";
import { answerHead, choiceOf, usageOf, type Choice } from "../../integrations/openai/answer.ts";
import { askedPrompts, stopsOf, untilStop, withSeedOf, type AskedPrompt } from "../../integrations/openai/asked.ts";
import { createLineStream } from "../../integrations/openai/line-stream.ts";
import { readJson } from "../body.ts";
import { problemFrom, problemOf } from "../problem.ts";
import type { ServerParts } from "../server-parts.ts";
import type { Route } from "./route.ts";
import { v7 as uuidv7 } from "uuid";

/** A prompt and a suffix of a large file; the model sees a few thousand characters of them. */
const MAX_BODY_BYTES = 1_048_576;
/** Longest work on one request, milliseconds: nobody waits that long for code. */
const DEADLINE_MS = 120_000;

export const completionRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/completions",
    forEndpoints: true,
    about: "Completes code at a cursor, as OpenAI's text completions, with the adapter that serves.",
    body: completionBody,
    answers: textCompletion,
    async handle(c, parts) {
      const body = await readJson(c, completionBody, MAX_BODY_BYTES);
      const version = versionOf(body.model, parts);
      const ended = new AbortController();
      const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(DEADLINE_MS)]);
      const model = await parts.engine.model();
      const work: Work = {
        parts,
        body,
        version,
        signal,
        model,
        head: answerHead(uuidv7(), parts.clock.wallMs(), body, model, version),
      };
      if (body.stream === true) return streamed(work, () => ended.abort());
      // Nobody reads the answer of a connection that is gone.
      const { outgoing } = c.env as HttpBindings;
      outgoing.once("close", () => ended.abort());
      const made: ServedCompletion[][] = [];
      for (const prompt of askedPrompts(body)) made.push(await completions(work, prompt));
      const stops = stopsOf(body);
      const choices = made.flat().map((completion, index) => choiceOf(completion, index, stops, model));
      return json(c, { ...work.head, choices, usage: usageOf(made) });
    },
  },
];

interface Work {
  readonly parts: ServerParts;
  readonly body: CompletionBody;
  readonly version: string | null;
  readonly signal: AbortSignal;
  readonly model: Awaited<ReturnType<ServerParts["engine"]["model"]>>;
  readonly head: ReturnType<typeof answerHead>;
}

const json = (c: Context, answer: TextCompletion): Response => c.json(answer);

/** @throws AppError `not-found` */
function versionOf(name: string, { registry, store }: ServerParts): string | null {
  if (name === "kept") return registry.deployment().adapter?.version ?? null;
  if (name === "kept-base") return null;
  if (store.versions.get(name) !== null) return name;
  throw new AppError("not-found", `There is no model ${name}: GET /v1/models lists them.`);
}

/** The choices of one prompt: other seeds where tokens are drawn, else the best one and what else is likely. */
async function completions(work: Work, { request, retrieve }: AskedPrompt): Promise<ServedCompletion[]> {
  const { engine } = work.parts;
  const { version, signal } = work;
  const n = work.body.n ?? 1;
  const first = await complete(work, { request, retrieve });
  if (n === 1) return [first];
  if (request.sampling === undefined) {
    const others = await engine.candidates({ request, retrieve, version, signal }, n);
    checkFinished(signal);
    return [first, ...others.filter(({ text }) => text !== first.text)].slice(0, n);
  }
  const made = [first];
  for (let i = 1; i < n; i++) made.push(await complete(work, { request: withSeedOf(request, i), retrieve }));
  return made;
}

async function complete(
  { parts, version, signal }: Work,
  prompt: AskedPrompt,
  onText?: (text: string) => void,
): Promise<ServedCompletion> {
  const completion = await parts.engine.complete({ ...prompt, version, signal }, onText);
  checkFinished(signal);
  return completion;
}

function checkFinished(signal: AbortSignal): void {
  if (signal.aborted) throw new AppError("busy", "The completion took too long, or nobody waited for it.");
}

/** Server-sent events of OpenAI's form. Ending the stream ends the work. */
function streamed(work: Work, abort: () => void): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const send = (value: unknown): void => {
        if (!work.signal.aborted) controller.enqueue(encoder.encode(`data: ${JSON.stringify(value)}\n\n`));
      };
      try {
        await writeStream(work, send);
        controller.enqueue(encoder.encode("data: [DONE]\n\n"));
        controller.close();
      } catch (error) {
        work.parts.log.warn({ event: "completion-stream-failed", err: error });
        send({ error: problemFrom("/v1/completions", problemOf(error)).error });
        // Whoever cancelled the stream has closed it.
        if (!work.signal.aborted) controller.close();
      }
    },
    cancel: abort,
  });
  return new Response(body, { headers: { "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" } });
}

async function writeStream(work: Work, send: (value: unknown) => void): Promise<void> {
  const { body, head, model } = work;
  const stops = stopsOf(body);
  const withUsage = body.stream_options?.include_usage === true;
  const chunk = (choices: Choice[]): TextCompletion => ({ ...head, choices, ...(withUsage ? { usage: null } : {}) });
  const piece = (index: number, text: string): Choice => ({ index, text, logprobs: null, finish_reason: null });
  const made: ServedCompletion[][] = [];
  let index = 0;
  for (const prompt of askedPrompts(body)) {
    const { request, retrieve } = prompt;
    const lines = createLineStream(request.prefix);
    const at = index;
    // A line that was remembered may take the place of what is being written: then all comes at the end.
    const isLive = (body.n ?? 1) === 1 && retrieve === null && request.nLikely === undefined;
    const live = (text: string): void => {
      const more = lines.grow(untilStop(text, stops).text);
      if (more !== "") send(chunk([piece(at, more)]));
    };
    const done = isLive ? [await complete(work, prompt, live)] : await completions(work, prompt);
    made.push(done);
    for (const completion of done) {
      const choice = choiceOf(completion, index, stops, model);
      send(chunk([{ ...choice, text: index === at ? lines.end(choice.text) : choice.text }]));
      index += 1;
    }
  }
  if (withUsage) send({ ...head, choices: [], usage: usageOf(made) });
}
