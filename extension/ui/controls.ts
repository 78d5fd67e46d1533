import type { Ctx } from "../ctx.ts";
import { createRatingLens } from "../observe/rating-lens.ts";
import { SUGGESTED_DOCUMENTS } from "../suggest/place.ts";
import { createFileStatus } from "./file-status.ts";
import { registerRatingActions } from "./rating-actions.ts";
import { watchRatingContext } from "./rating-context.ts";
import * as vscode from "vscode";

/** Redrawing waits for the burst of changes to end, milliseconds. */
const REDRAW_MS = 50;

/** Every button and sign of this window beside the view and the status item. */
export function openControls(ctx: Ctx): vscode.Disposable {
  const code = burst();
  const visible = burst();
  return vscode.Disposable.from(
    code,
    visible,
    ctx.signals.onDidChangePlaces(code.soon),
    ctx.journal.onDidChange(code.soon),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("kept")) code.soon();
    }),
    ctx.signals.onDidChangeVisible(visible.soon),
    vscode.languages.registerCodeLensProvider(SUGGESTED_DOCUMENTS, createRatingLens(ctx, code.event)),
    registerRatingActions(ctx, ctx.signals.onDidChangeVisible),
    watchRatingContext(ctx, [code.event, visible.event]),
    createFileStatus(ctx, ctx.signals.onDidChangeState),
  );
}

/** An event that fires once for a burst of changes, a moment after the first. */
function burst(): vscode.Disposable & { readonly event: vscode.Event<void>; soon(): void } {
  const emitter = new vscode.EventEmitter<void>();
  let timer: NodeJS.Timeout | null = null;
  return {
    event: emitter.event,
    soon() {
      timer ??= setTimeout(() => {
        timer = null;
        emitter.fire();
      }, REDRAW_MS);
    },
    dispose() {
      if (timer) clearTimeout(timer);
      emitter.dispose();
    },
  };
}
