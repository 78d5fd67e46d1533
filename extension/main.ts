import { commandTable } from "./command-table.ts";
import { ACCEPTED_COMMAND, COMMANDS, RECORDED_SCHEME, WHY_SCHEME } from "./contributions.ts";
import type { Ctx } from "./ctx.ts";
import { threadCpuMs } from "./observe/clock.ts";
import { migrateSettings } from "./settings-migration.ts";
import { createCompletionProvider } from "./suggest/completion-provider.ts";
import { SUGGESTED_DOCUMENTS } from "./suggest/place.ts";
import { openControls } from "./ui/controls.ts";
import { fileState, type FileState } from "./ui/file-status.ts";
import { createWhyProvider } from "./ui/why-document.ts";
import { openWindow } from "./window.ts";
import * as vscode from "vscode";

/** What other extensions, and the tests, may read: states and counts, never source. */
export interface KeptApi {
  diagnostics(): Diagnostics;
  /** Words of the *Suggestions* view, a row each; groups stand before their rows. */
  suggestionRows(): Promise<readonly string[]>;
  /** What the language status says of a file. */
  fileState(document: vscode.TextDocument): Pick<FileState, "text" | "detail">;
}

export interface Diagnostics {
  readonly activationMs: number;
  /** Processor time of this thread in it, or null on a Node that does not tell: a busy machine waits, too. */
  readonly activationCpuMs: number | null;
  readonly engine: string;
  readonly engineStarts: number;
  readonly server: string;
  /** Why there is no connection to the server, or null. */
  readonly serverProblem: string | null;
  readonly adapter: string | null;
  readonly sessionId: string;
  readonly recorded: number;
  readonly waiting: number;
  /** Requests to forget that the server has not done yet. */
  readonly forgetWaiting: number;
  readonly dropped: number;
  readonly sent: number;
  readonly visible: string | null;
  readonly lastShown: string | null;
  readonly lastAccepted: string | null;
  /** Suggestions accepted whole in this window. */
  readonly nAccepted: number;
  /** Of the suggestion shown last, milliseconds: the wait for it, and the model's part of that. */
  readonly lastLatencyMs: number | null;
  readonly lastEngineMs: number | null;
  readonly examples: number;
  readonly leftAlone: number;
  readonly statusText: string;
  readonly editCostsMs: readonly number[];
  readonly editCpuMs: readonly number[];
  /** Folder of the outbox and of the adapters. */
  readonly storage: string;
}

let close: (() => Promise<void>) | null = null;

export async function activate(extension: vscode.ExtensionContext): Promise<KeptApi> {
  const began = performance.now();
  const cpuBefore = threadCpuMs();
  const window = await openWindow(extension);
  const { ctx } = window;
  close = () => window.close();
  register(ctx);
  ctx.consent.askOnce();
  void migrateSettings((message) => ctx.log.info(message));
  const activationMs = performance.now() - began;
  const cpuAfter = threadCpuMs();
  const activationCpuMs = cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore;
  ctx.log.info(`Activated in ${activationMs.toFixed(1)} ms.`);
  return {
    diagnostics: () => diagnose(ctx, activationMs, activationCpuMs),
    suggestionRows: () => ctx.view.rows(),
    fileState: (document) => fileState(ctx, document),
  };
}

export async function deactivate(): Promise<void> {
  await close?.();
  close = null;
}

function register(ctx: Ctx): void {
  const { subscriptions } = ctx.extension;
  const table = commandTable(ctx);
  for (const id of COMMANDS) subscriptions.push(vscode.commands.registerCommand(id, table[id]));
  subscriptions.push(
    vscode.commands.registerCommand(ACCEPTED_COMMAND, (id: string) => ctx.observer.acceptCommand(id)),
    vscode.languages.registerInlineCompletionItemProvider(SUGGESTED_DOCUMENTS, createCompletionProvider(ctx)),
    openControls(ctx),
    vscode.workspace.registerTextDocumentContentProvider(RECORDED_SCHEME, ctx.recordedPage),
    vscode.languages.registerCodeLensProvider({ scheme: RECORDED_SCHEME }, ctx.recordedPage),
    vscode.workspace.registerTextDocumentContentProvider(WHY_SCHEME, createWhyProvider(ctx)),
  );
}

function diagnose(ctx: Ctx, activationMs: number, activationCpuMs: number | null): Diagnostics {
  const { waiting, dropped } = ctx.outbox.stats();
  return {
    activationMs,
    activationCpuMs,
    engine: ctx.engine.state,
    engineStarts: ctx.engine.starts,
    server: ctx.link.state,
    serverProblem: ctx.link.problem,
    adapter: ctx.engine.adapter,
    sessionId: ctx.recorder.sessionId,
    recorded: ctx.recorder.recorded,
    waiting,
    forgetWaiting: ctx.forgets.waiting,
    dropped,
    sent: ctx.link.counts.sent,
    visible: ctx.observer.visible,
    lastShown: ctx.records.lastShown?.id ?? null,
    lastAccepted: ctx.lastAccepted(),
    nAccepted: ctx.counts.accepted,
    lastLatencyMs: ctx.records.lastShown?.latencyMs ?? null,
    lastEngineMs: ctx.records.lastShown?.engineMs ?? null,
    examples: ctx.examples.size,
    leftAlone: ctx.counts.leftAlone,
    statusText: ctx.status.text,
    editCostsMs: ctx.observer.editCostsMs,
    editCpuMs: ctx.observer.editCpuMs,
    storage: ctx.extension.globalStorageUri.fsPath,
  };
}
