import type { Ctx } from "../ctx.ts";
import * as vscode from "vscode";

/**
 * The suggestion that a command means. What is named goes first: an id, a row of the view, a line number
 * of the gutter, the editor whose title was clicked. Otherwise it is the one on screen, the one whose code
 * the cursor stands in, and at last the one shown last.
 */
export function ratedSuggestion(ctx: Ctx, named?: unknown): string | null {
  if (typeof named === "string") return isKnown(ctx, named) ? named : null;
  if (isRow(named)) return named.id;
  if (isGutterPlace(named)) return atLine(ctx, named.uri, named.lineNumber);
  if (wantsViewSelection(named)) return ctx.view.selected();
  const uri = named instanceof vscode.Uri ? named : vscode.window.activeTextEditor?.document.uri;
  return (uri ? inDocument(ctx, uri.toString()) : null) ?? ctx.observer.visible ?? ctx.records.lastShown?.id ?? null;
}

/** What of a document the buttons of its editor mean: on screen, at the cursor, or taken last in it. */
export function inDocument(ctx: Ctx, document: string): string | null {
  const { visible } = ctx.observer;
  if (visible !== null && ctx.records.get(visible)?.document === document) return visible;
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.uri.toString() === document) {
    const here = ctx.places.at(document, editor.document.offsetAt(editor.selection.active));
    if (here) return here.suggestionId;
  }
  const { lastShown } = ctx.records;
  if (lastShown?.document === document) return lastShown.id;
  return ctx.places.in(document)[0]?.suggestionId ?? null;
}

/** The newest accepted code that covers a line, counted from 1 as the gutter does. */
function atLine(ctx: Ctx, uri: vscode.Uri, lineNumber: number): string | null {
  const document = vscode.workspace.textDocuments.find((one) => one.uri.toString() === uri.toString());
  if (!document) return null;
  const line = lineNumber - 1;
  const covers = ({ region }: { region: { start: number; end: number } }) =>
    document.positionAt(region.start).line <= line && document.positionAt(region.end).line >= line;
  return ctx.places.in(document.uri.toString()).find(covers)?.suggestionId ?? null;
}

const isKnown = (ctx: Ctx, id: string): boolean => ctx.records.get(id) !== null || ctx.journal.get(id) !== null;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const isRow = (value: unknown): value is { readonly id: string } =>
  isObject(value) && value["kind"] === "suggestion" && typeof value["id"] === "string";

const isGutterPlace = (value: unknown): value is { readonly uri: vscode.Uri; readonly lineNumber: number } =>
  isObject(value) && value["uri"] instanceof vscode.Uri && typeof value["lineNumber"] === "number";

/** Keys of the view carry `{ "from": "view" }`: the editor gives them no row. */
const wantsViewSelection = (value: unknown): boolean => isObject(value) && value["from"] === "view";
