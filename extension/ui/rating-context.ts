import { CONTEXT_KEYS } from "../contributions.ts";
import type { Ctx } from "../ctx.ts";
import { isTaken } from "../observe/journal-entry.ts";
import { inDocument, ratedSuggestion } from "../observe/rated-suggestion.ts";
import * as vscode from "vscode";

/** Cursor moves come with every key: the buttons follow a moment later. */
const FOLLOW_MS = 120;
/** Lines offered to the menu of the line numbers; an accept is rarely longer. */
const MAX_LINES = 2_000;

/**
 * Keeps the context keys of the buttons true: whether there is something to rate, what its rating is, and
 * which lines of the editor on screen are accepted code. Marks those lines in the gutter when asked to.
 */
export function watchRatingContext(ctx: Ctx, changes: readonly vscode.Event<void>[]): vscode.Disposable {
  const gutter = vscode.window.createTextEditorDecorationType({
    gutterIconPath: vscode.Uri.joinPath(ctx.extension.extensionUri, "media/icons/gutter.svg"),
    gutterIconSize: "contain",
  });
  let timer: NodeJS.Timeout | null = null;
  const last = new Map<string, string>();

  const set = (key: string, value: unknown) => {
    const text = JSON.stringify(value);
    if (last.get(key) === text) return;
    last.set(key, text);
    void vscode.commands.executeCommand("setContext", key, value);
  };

  /** Editors with marks: one without is not told so again and again. */
  const marked = new WeakSet<vscode.TextEditor>();
  const mark = (editor: vscode.TextEditor, ranges: readonly vscode.Range[]) => {
    if (ranges.length === 0 && !marked.delete(editor)) return;
    if (ranges.length > 0) marked.add(editor);
    editor.setDecorations(gutter, ranges);
  };

  const follow = () => {
    timer = null;
    const editor = vscode.window.activeTextEditor;
    const document = editor?.document.uri.toString() ?? "";
    const here = inDocument(ctx, document);
    const meant = here ?? ratedSuggestion(ctx);
    set(CONTEXT_KEYS.canRate, meant !== null);
    set(CONTEXT_KEYS.ratableEditor, here !== null);
    set(CONTEXT_KEYS.rating, (meant === null ? null : ctx.journal.get(meant)?.rating?.verdict) ?? "none");
    if (!last.has(CONTEXT_KEYS.hasAccepted) && ctx.journal.entries().some(isTaken)) set(CONTEXT_KEYS.hasAccepted, true);
    if (!editor) return;
    const ranges = ctx.places
      .in(document)
      .map(
        ({ region }) =>
          new vscode.Range(editor.document.positionAt(region.start), editor.document.positionAt(region.end)),
      );
    set(CONTEXT_KEYS.ratableLines, linesOf(ranges));
    mark(editor, ctx.settings().gutterMark ? ranges : []);
  };
  const soon = () => {
    timer ??= setTimeout(follow, FOLLOW_MS);
  };

  const subscriptions = [
    ...changes.map((onDidChange) => onDidChange(soon)),
    vscode.window.onDidChangeActiveTextEditor(soon),
    vscode.window.onDidChangeTextEditorSelection(soon),
    gutter,
  ];
  soon();
  return new vscode.Disposable(() => {
    if (timer) clearTimeout(timer);
    for (const subscription of subscriptions) subscription.dispose();
    for (const key of last.keys()) void vscode.commands.executeCommand("setContext", key, undefined);
  });
}

/** Line numbers as the gutter counts them, from 1, each once. */
function linesOf(ranges: readonly vscode.Range[]): number[] {
  const lines = new Set<number>();
  for (const { start, end } of ranges) {
    for (let line = start.line; line <= end.line && lines.size < MAX_LINES; line += 1) lines.add(line + 1);
  }
  return [...lines].sort((a, b) => a - b);
}
