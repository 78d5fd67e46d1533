import type { Completion } from "../../engine/generate/completion.ts";
import type { SuggestionContext } from "../../protocol/events.ts";
import { ACCEPTED_COMMAND } from "../contributions.ts";
import type { Ctx } from "../ctx.ts";
import { presentable, promptWindow, type PromptWindow } from "./prompt-window.ts";
import { placeOf, type Place } from "./place.ts";
import type { Confidence, SuggestionRecord } from "./suggestion-record.ts";
import { v7 as uuidv7 } from "uuid";
import * as vscode from "vscode";

/** A document longer than this is not read on the typing path, characters. */
const MAX_DOCUMENT_CHARS = 2_000_000;
/** Lines before the cursor's that can hold the prefix window. */
const WINDOW_LINES = 400;

/** Asks the engine for a suggestion, or shows the rest of the one that is being typed through. */
export function createCompletionProvider(ctx: Ctx): vscode.InlineCompletionItemProvider {
  return {
    async provideInlineCompletionItems(document, position, { triggerKind, selectedCompletionInfo }, token) {
      const settings = ctx.settings();
      if (!settings.enabled || settings.excludedLanguages.has(document.languageId)) return undefined;
      ctx.observer.widget(selectedCompletionInfo !== undefined);
      const place = await placeOf(ctx.rules, document);
      if (!place) {
        ctx.counts.leftAlone += 1;
        return undefined;
      }
      const window = windowAt(document, position);
      if (!window) return undefined;
      const { version } = document;
      const isAutomatic = triggerKind === vscode.InlineCompletionTriggerKind.Automatic;
      const offered = (record: SuggestionRecord, rest: Rest) => {
        // What was true when the editor asked: an answer for another text is none.
        if (token.isCancellationRequested || document.version !== version) return undefined;
        // Who asks by hand for what was held back or rejected gets it.
        if (isAutomatic && settings.holdBack && record.judgement?.isHeldBack === true) {
          ctx.observer.withheld();
          return undefined;
        }
        if (isAutomatic && ctx.rejected.refuses(document, position, rest.text)) return undefined;
        return offer(ctx, document, position, record, rest, selectedCompletionInfo);
      };
      const remember = (record: SuggestionRecord) => {
        ctx.records.add(record);
        const { prefix, suffix } = window;
        const { id: suggestionId, completion: text } = record;
        ctx.cache.add({ suggestionId, document: name, prefix, suffix, text, generation });
        return record;
      };

      const generation = `${ctx.engine.adapter ?? "base"}:${ctx.examples.revision}`;
      const name = document.uri.toString();
      const cached = ctx.cache.find(name, window, generation);
      if (cached) {
        const known = ctx.records.get(cached.suggestionId);
        if (!known) return undefined;
        if (!ctx.observer.hasEnded(known.id)) return offered(known, cached);
        // It was shown before and has its ending: shown again it is another suggestion.
        return offered(remember(renewed(known, document, position, place, window, cached.text)), cached);
      }
      if (selectedCompletionInfo) {
        // The widget's entry decides what Tab means: nothing new is begun beside it.
        ctx.observer.withheld();
        return undefined;
      }

      const abort = new AbortController();
      const cancelled = token.onCancellationRequested(() => abort.abort());
      try {
        if (isAutomatic && !(await settle(settings.debounceMs, abort.signal))) return undefined;
        const record = await generate(ctx, document, position, place, window, abort.signal);
        return record ? offered(remember(record), { text: record.completion, nClosers: 0 }) : undefined;
      } finally {
        cancelled.dispose();
      }
    },
  };
}

/** Reads only the lines around the cursor: the cost does not grow with the document. */
function windowAt(document: vscode.TextDocument, position: vscode.Position): PromptWindow | null {
  const firstLine = Math.max(0, position.line - WINDOW_LINES);
  const lastLine = Math.min(document.lineCount - 1, position.line + WINDOW_LINES);
  const before = document.getText(new vscode.Range(firstLine, 0, position.line, position.character));
  const after = document.getText(new vscode.Range(position, document.lineAt(lastLine).range.end));
  if (before.length + after.length > MAX_DOCUMENT_CHARS) return null;
  return promptWindow(before + after, before.length);
}

/** The beginning of the file, where its imports stand, as far as it lies above the window. */
function headAbove(document: vscode.TextDocument, line: number, prefix: string): string {
  const firstInWindow = line - prefix.split("\n").length + 1;
  if (firstInWindow <= 0) return "";
  return document.getText(new vscode.Range(0, 0, Math.min(firstInWindow, HEAD_LINES), 0)).slice(0, MAX_HEAD_CHARS);
}

const HEAD_LINES = 150;
const MAX_HEAD_CHARS = 8_000;

async function generate(
  ctx: Ctx,
  document: vscode.TextDocument,
  position: vscode.Position,
  place: Place,
  window: PromptWindow,
  signal: AbortSignal,
): Promise<SuggestionRecord | null> {
  const began = performance.now();
  const settings = ctx.settings();
  const completion = await ctx.engine.complete(
    {
      prefix: window.prefix,
      suffix: window.suffix,
      path: place.relative.slice(-MAX_PROMPT_PATH_CHARS),
      repository: place.repository,
      examples: [],
      head: headAbove(document, position.line, window.prefix),
      maxTokens: window.lines === "single" ? Math.min(SINGLE_LINE_TOKENS, settings.maxTokens) : settings.maxTokens,
      lines: window.lines,
    },
    signal,
    { language: document.languageId, root: place.root, limit: settings.examples, neighbours: settings.neighbours },
  );
  if (!completion || !ctx.engine.model) return null;
  const text = presentable(completion.text, window);
  if (text === "") return null;
  const confidence = confidenceOf(completion);
  const context = {
    ...contextAt(document, position, place, window),
    examples: [
      ...completion.neighbours.map(({ path: file, text }, i) => ({
        id: `open-file-${i + 1}`,
        path: file,
        text,
      })),
      ...ctx.examples.named(completion.exampleIds),
    ].slice(-MAX_RECORDED_EXAMPLES),
  };
  return {
    id: uuidv7(),
    document: document.uri.toString(),
    root: place.root,
    isFile: place.isFile,
    context,
    completion: text,
    model: {
      base: ctx.engine.model.sha256,
      adapter: completion.adapter,
      ...(completion.drawn === undefined ? {} : { drawn: completion.drawn }),
    },
    latencyMs: performance.now() - began,
    confidence,
    judgement: ctx.holdBack.judge({
      completion: text,
      prefix: window.prefix,
      suffix: window.suffix,
      ...confidence,
    }),
    engineMs: completion.prefillMs + completion.decodeMs,
    createdAt: performance.now(),
  };
}

function confidenceOf({ meanLogProbability, nTokens, doubt }: Completion): Confidence {
  const known = (value = 0): number => Math.min(0, value);
  return {
    meanLogProbability: known(meanLogProbability),
    tokens: nTokens,
    lowest: known(doubt?.lowest),
    first: known(doubt?.first),
    unlikely: doubt?.unlikely ?? 0,
    second: known(doubt?.second),
    third: known(doubt?.third),
    last: known(doubt?.last),
  };
}

/** The end of a path says what a file is; a path of thousands of characters would leave no room for code. */
const MAX_PROMPT_PATH_CHARS = 256;

/** As many as an event holds. */
const MAX_RECORDED_EXAMPLES = 16;

/** A line is rarely longer, and a small model that runs on repeats itself. */
const SINGLE_LINE_TOKENS = 40;

/** The same text at the same place, or the rest of it, as a suggestion of its own. */
function renewed(
  known: SuggestionRecord,
  document: vscode.TextDocument,
  position: vscode.Position,
  place: Place,
  window: PromptWindow,
  completion: string,
): SuggestionRecord {
  const context = { ...contextAt(document, position, place, window), examples: known.context.examples };
  // Nobody drew again: it is the same version because it is the same text.
  const { drawn: _, ...model } = known.model;
  return {
    ...known,
    id: uuidv7(),
    context,
    completion,
    model,
    latencyMs: 0,
    engineMs: 0,
    createdAt: performance.now(),
  };
}

function contextAt(
  document: vscode.TextDocument,
  position: vscode.Position,
  place: Place,
  window: PromptWindow,
): Omit<SuggestionContext, "examples"> {
  return {
    root: place.root,
    path: place.relative,
    language: document.languageId,
    line: position.line,
    column: position.character,
    prefix: window.prefix,
    suffix: window.suffix,
  };
}

/** What is still to come of a suggestion; `nClosers` counts the closers behind the cursor that it brings itself. */
interface Rest {
  readonly text: string;
  readonly nClosers: number;
}

/** Give the item to the editor, and tell the chain what stands there now. */
function offer(
  ctx: Ctx,
  document: vscode.TextDocument,
  position: vscode.Position,
  record: SuggestionRecord,
  { text, nClosers }: Rest,
  selected: vscode.SelectedCompletionInfo | undefined,
): vscode.InlineCompletionItem[] | undefined {
  const insertText = document.eol === vscode.EndOfLine.CRLF ? text.replaceAll("\n", "\r\n") : text;
  // Beside an entry of the suggest widget the editor shows only an item that goes on from that entry.
  const start = selected?.range.start ?? position;
  const whole = document.getText(new vscode.Range(start, position)) + insertText;
  if (selected && !whole.startsWith(selected.text)) {
    ctx.observer.withheld();
    return undefined;
  }
  const suggestionId = ctx.observer.offered(record, document.offsetAt(position), insertText);
  const range = new vscode.Range(start, position.translate(0, nClosers));
  const item = new vscode.InlineCompletionItem(whole, range, {
    title: vscode.l10n.t("Suggestion accepted"),
    command: ACCEPTED_COMMAND,
    arguments: [suggestionId],
  });
  return [item];
}

/** True when nothing cancelled during the debounce. */
function settle(ms: number, signal: AbortSignal): Promise<boolean> {
  if (ms <= 0) return Promise.resolve(!signal.aborted);
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve(!signal.aborted);
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
