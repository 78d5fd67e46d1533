import type { Fact, Observation, SelectionCause } from "../../core/lifecycle/observation.ts";
import { ACCEPT_GRACE_MS, emptyChainState, nextTickAt, visibleSuggestion } from "../../core/lifecycle/chain-state.ts";
import { reduceChain } from "../../core/lifecycle/suggestion-chain.ts";
import type { TextChange } from "../../core/lifecycle/region.ts";
import { threadCpuMs } from "./clock.ts";
import { createVisibleSignal, type VisibleListeners } from "./visible-signal.ts";
import type { SuggestionRecord } from "../suggest/suggestion-record.ts";
import * as vscode from "vscode";

/** Feeds the suggestion chain with what the editor says, and hands out the facts that it settles. */
export interface SuggestionObserver extends vscode.Disposable {
  /**
   * The provider returns `text` for the cursor at `offset`. Answers with the suggestion that this is: an
   * older one, when what is up goes on with the same text.
   */
  offered(record: SuggestionRecord, offset: number, text: string): string;
  /** The editor asked for items with an entry of the suggest widget selected, or without. */
  widget(isOpen: boolean): void;
  /** The editor asked again, and nothing was returned though something is up. */
  withheld(): void;
  /** Its ending was told: what is offered again is a new suggestion. */
  hasEnded(suggestionId: string): boolean;
  acceptCommand(suggestionId: string): void;
  partialCommand(): void;
  rejectCommand(): void;
  readonly visible: string | null;
  /** Time spent in edit handlers, milliseconds, of the last edits: what capture costs the typing. */
  readonly editCostsMs: readonly number[];
  /** Processor time of this thread in the same handlers; empty on a Node that does not tell. */
  readonly editCpuMs: readonly number[];
}

export interface ObserverListeners {
  onFact(fact: Fact): void;
  readonly visible: VisibleListeners;
  /** Every content change, for those who follow accepted code. Must not wait. */
  onChange(document: string, changes: readonly TextChange[], reason: "edit" | "undo" | "redo"): void;
  onCursor(document: string, offset: number): void;
  log(message: string): void;
}

const EDIT_COSTS_KEPT = 2_000;
/** More endings than suggestions that can be offered again. */
const ENDINGS_KEPT = 256;

export function observeSuggestions(listeners: ObserverListeners): SuggestionObserver {
  let state = emptyChainState;
  let visible: string | null = null;
  let timer: NodeJS.Timeout | null = null;
  const editCostsMs: number[] = [];
  const editCpuMs: number[] = [];
  const ended = new Set<string>();

  const signal = createVisibleSignal(() => visible, listeners.visible);

  const see = (observation: Observation) => {
    const reduced = reduceChain(state, observation);
    state = reduced.state;
    for (const fact of reduced.facts) {
      if (fact.kind === "ended") rememberEnding(ended, fact.suggestionId);
      listeners.onFact(fact);
    }
    const now = visibleSuggestion(state);
    if (now !== visible) {
      visible = now;
      signal.soon();
    }
    plan();
  };

  const plan = () => {
    if (timer) clearTimeout(timer);
    const at = nextTickAt(state);
    timer =
      at === null
        ? null
        : setTimeout(() => see({ kind: "tick", at: performance.now() }), Math.max(0, at - performance.now()) + 1);
  };

  const changed = (event: vscode.TextDocumentChangeEvent) => {
    if (event.contentChanges.length === 0) return;
    const began = performance.now();
    const cpuBegan = threadCpuMs();
    const document = event.document.uri.toString();
    const changes = event.contentChanges.map(({ rangeOffset, rangeLength, text }) => ({
      offset: rangeOffset,
      deleted: rangeLength,
      text,
    }));
    if (state.chain || state.accepts.length > 0)
      see({ kind: "changed", at: began, document, changes, reason: reasonOf(event.reason) });
    listeners.onChange(document, changes, reasonOf(event.reason));
    keepNewest(editCostsMs, performance.now() - began);
    const cpuEnded = threadCpuMs();
    if (cpuBegan !== null && cpuEnded !== null) keepNewest(editCpuMs, cpuEnded - cpuBegan);
  };

  const selected = (event: vscode.TextEditorSelectionChangeEvent) => {
    const [selection] = event.selections;
    // An editor beside the one that is written in follows its edits: that is nobody's cursor move.
    if (!selection || event.textEditor !== vscode.window.activeTextEditor) return;
    const document = event.textEditor.document;
    const name = document.uri.toString();
    const offset = document.offsetAt(selection.active);
    if (state.chain)
      see({ kind: "selected", at: performance.now(), document: name, offset, cause: causeOf(event.kind) });
    listeners.onCursor(name, offset);
  };

  const left = () => {
    if (state.chain) see({ kind: "left", at: performance.now() });
  };

  const subscriptions = [
    vscode.workspace.onDidChangeTextDocument(changed),
    vscode.window.onDidChangeTextEditorSelection(selected),
    vscode.window.onDidChangeActiveTextEditor(left),
    vscode.window.onDidChangeWindowState(({ focused }) => {
      if (!focused) left();
    }),
    vscode.workspace.onDidCloseTextDocument((document) => {
      if (state.chain?.document === document.uri.toString()) left();
    }),
  ];

  return {
    offered(record, offset, text) {
      see({
        kind: "offered",
        at: performance.now(),
        offer: { suggestionId: record.id, document: record.document, offset, text },
      });
      signal.beforeAnswer();
      return state.chain?.id ?? record.id;
    },
    widget(isOpen) {
      if (state.chain && state.chain.isWidgetOpen !== isOpen) see({ kind: "widget", at: performance.now(), isOpen });
    },
    withheld: () => see({ kind: "withheld", at: performance.now() }),
    hasEnded: (suggestionId) => ended.has(suggestionId),
    acceptCommand: (suggestionId) => see({ kind: "accept-command", at: performance.now(), suggestionId }),
    partialCommand: () => see({ kind: "partial-command", at: performance.now() }),
    rejectCommand: () => see({ kind: "reject-command", at: performance.now() }),
    get visible() {
      return visible;
    },
    editCostsMs,
    editCpuMs,
    dispose() {
      left();
      // Nothing more will come: what is still open has its ending now.
      see({ kind: "tick", at: performance.now() + ACCEPT_GRACE_MS });
      if (timer) clearTimeout(timer);
      signal[Symbol.dispose]();
      for (const subscription of subscriptions) subscription.dispose();
    },
  };
}

function keepNewest(costs: number[], cost: number): void {
  costs.push(cost);
  if (costs.length > EDIT_COSTS_KEPT) costs.shift();
}

function rememberEnding(ended: Set<string>, suggestionId: string): void {
  ended.add(suggestionId);
  const [oldest] = ended;
  if (ended.size > ENDINGS_KEPT && oldest !== undefined) ended.delete(oldest);
}

function reasonOf(reason: vscode.TextDocumentChangeReason | undefined): "edit" | "undo" | "redo" {
  if (reason === vscode.TextDocumentChangeReason.Undo) return "undo";
  return reason === vscode.TextDocumentChangeReason.Redo ? "redo" : "edit";
}

function causeOf(kind: vscode.TextEditorSelectionChangeKind | undefined): SelectionCause {
  switch (kind) {
    case vscode.TextEditorSelectionChangeKind.Keyboard:
      return "keyboard";
    case vscode.TextEditorSelectionChangeKind.Mouse:
      return "mouse";
    case vscode.TextEditorSelectionChangeKind.Command:
      return "command";
    default:
      return "unknown";
  }
}
