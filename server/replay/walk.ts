import type { HistoryPoint } from "../../core/history-point.ts";
import { redactSecrets } from "../../core/redaction.ts";
import { redactPlace } from "../../core/redaction/place.ts";
import type { CompletionRequest } from "../../engine/generate/completion.ts";
import type { EngineProcess } from "../../engine/process/host.ts";
import type { IndexedExample } from "../../engine/retrieve/example-index.ts";
import type { InContextExample, KeptEvent, ModelVersion } from "../../protocol/events.ts";
import { EXAMPLES_PER_PROMPT, exampleOf } from "../datasets/earlier-examples.ts";
import { replayCase, type ReplayCase } from "./acceptance.ts";
import { judge, replayEvents, type EventSession, type ReplayedSuggestion } from "./replay-events.ts";

export interface WalkOptions {
  /** In time order; points of one commit follow each other. */
  readonly points: AsyncIterable<HistoryPoint> | Iterable<HistoryPoint>;
  /** Workspace folder that the suggestions belong to, absolute. */
  readonly root: string;
  /** Name of the repository as the prompt says it. */
  readonly repository: string;
  readonly complete: EngineProcess["complete"];
  /** sha256 of the base model's weights. */
  readonly base: string;
  /** Gives the engine examples as the walk goes on: a commit's code becomes one only for later commits. */
  readonly addExamples: EngineProcess["addExamples"];
  /** Takes one suggestion and its events; resolves when the walk may go on. */
  readonly send: (suggestion: ReplayedSuggestion, events: readonly KeptEvent[]) => Promise<void>;
  readonly session: EventSession;
  readonly onPoint: (cases: readonly ReplayCase[]) => void;
  readonly signal: AbortSignal;
}

/** Longest suggestions, tokens: a line, and up to five lines. */
const LINE_TOKENS = 40;
const BLOCK_TOKENS = 96;

/** Walks a history: at every point the model suggests, and what was really written decides. */
export async function walkHistory(options: WalkOptions): Promise<ReplayCase[]> {
  const cases: ReplayCase[] = [];
  const examples = new Map<string, IndexedExample>();
  let commit = "";
  let written: IndexedExample[] = [];
  for await (const raw of options.points) {
    options.signal.throwIfAborted();
    const point = withoutSecrets(raw);
    if (point.target.trim() === "") continue;
    if (point.commit !== commit) {
      await options.addExamples(written);
      for (const example of written) examples.set(example.id, example);
      written = [];
      commit = point.commit;
    }
    cases.push(await replayPoint(point, examples, options));
    written.push(exampleOf(point, options.root));
    options.onPoint(cases);
  }
  return cases;
}

/** The same request for a point wherever it is asked: in the walk, and before and after training. */
export function requestAt(
  point: HistoryPoint,
  repository: string,
  examples: readonly { readonly path: string; readonly text: string }[],
): CompletionRequest {
  return {
    prefix: point.prefix,
    suffix: point.suffix,
    path: point.path,
    repository,
    examples: examples.map(({ path, text }) => ({ path, text })),
    maxTokens: point.kind === "line" ? LINE_TOKENS : BLOCK_TOKENS,
    lines: point.kind === "line" ? "single" : "block",
  };
}

/** Text is scanned for secrets before it is first written anywhere, history included. */
export function withoutSecrets(point: HistoryPoint): HistoryPoint {
  const { prefix, written, suffix } = redactPlace({ ...point, written: point.target });
  return { ...point, prefix, suffix, target: written };
}

async function replayPoint(
  point: HistoryPoint,
  examples: ReadonlyMap<string, IndexedExample>,
  options: WalkOptions,
): Promise<ReplayCase> {
  const { root, session, signal } = options;
  const retrieve = { language: point.language, root, limit: EXAMPLES_PER_PROMPT };
  const answer = await options.complete(requestAt(point, options.repository, []), signal, retrieve);
  signal.throwIfAborted();
  const completion = redactSecrets(answer.text);
  if (completion.trim() === "") return replayCase(point, "", "silent");
  const outcome = judge(completion, point.target);
  const used = answer.exampleIds.map((id) => examples.get(id)).filter((example) => example !== undefined);
  const model: ModelVersion = { base: options.base, adapter: answer.adapter };
  const suggestion: ReplayedSuggestion = {
    suggestionId: session.newId(point.writtenAt),
    root,
    point,
    completion,
    outcome,
    examples: used.map(wireExample),
    model,
    latencyMs: answer.prefillMs + answer.decodeMs,
  };
  await options.send(suggestion, replayEvents(suggestion, session));
  return replayCase(point, completion, outcome);
}

function wireExample(example: IndexedExample): InContextExample {
  const { id, path, text, commit, suggestionId } = example;
  return { id, path, text, ...(commit ? { commit } : {}), ...(suggestionId ? { suggestionId } : {}) };
}
