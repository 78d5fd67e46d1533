import type { Diagnostics, KeptApi } from "../../../extension/main.ts";
import type { KeptEvent } from "../../../protocol/events.ts";
import { eventsIn } from "../../support/vscode/left-events.ts";
import assert from "node:assert/strict";
import path from "node:path";
import * as vscode from "vscode";

/** Longest wait for a condition, milliseconds: a model loads and answers on 2 busy cores. */
const DEADLINE_MS = 60_000;
const POLL_MS = 25;

/** Resolves with the first value that is not undefined, null or false. */
export async function until<T>(
  what: string,
  look: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  deadlineMs: number = DEADLINE_MS,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found;
    if (performance.now() > deadline)
      throw new Error(
        `Waited in vain for ${what}. State: ${JSON.stringify({ ...diagnostics(), editCostsMs: 0, editCpuMs: 0 })}`,
      );
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export function keptExtension(): vscode.Extension<KeptApi> {
  const found = vscode.extensions.getExtension<KeptApi>("kept.kept");
  assert.ok(found, "the extension is not installed");
  return found;
}

export function diagnostics(): Diagnostics {
  return keptExtension().exports.diagnostics();
}

/** Events of this session that stand in the outbox's files, oldest first. */
export function storedEvents(): KeptEvent[] {
  return eventsIn(path.join(diagnostics().storage, "outbox"));
}

export function storedEvent<K extends KeptEvent["kind"]>(
  kind: K,
  suggestionId: string,
): Promise<Extract<KeptEvent, { kind: K }>> {
  const isWanted = (event: KeptEvent): event is Extract<KeptEvent, { kind: K }> =>
    event.kind === kind && event.suggestionId === suggestionId;
  return until(`a ${kind} event of ${suggestionId}`, () => storedEvents().find(isWanted));
}

/** The first event of a kind that fits. */
export function storedEventWhere<K extends KeptEvent["kind"]>(
  kind: K,
  suggestionId: string,
  fits: (event: Extract<KeptEvent, { kind: K }>) => boolean,
): Promise<Extract<KeptEvent, { kind: K }>> {
  const isWanted = (event: KeptEvent): event is Extract<KeptEvent, { kind: K }> =>
    event.kind === kind && event.suggestionId === suggestionId && fits(event as Extract<KeptEvent, { kind: K }>);
  return until(`a fitting ${kind} event of ${suggestionId}`, () => storedEvents().find(isWanted));
}

const folder = () => vscode.workspace.workspaceFolders![0]!.uri;

/** What was shown last before the file on screen was opened, or was asked for last: any other is an answer. */
let known: string | null = null;

/** A function before, and one that asks for its body at the cursor. */
export const POINT_CODE = `export interface Point {
  x: number;
  y: number;
}

export function addPoint(a: Point, b: Point): Point {
  return { x: a.x + b.x, y: a.y + b.y };
}

export function subtractPoint(a: Point, b: Point): Point {
  |
}
`;

/** A fresh file with this text, shown, with the cursor at its end (or at `|`). */
export async function openFile(name: string, text: string): Promise<vscode.TextEditor> {
  const cursor = text.indexOf("|");
  const clean = text.replace("|", "");
  const uri = vscode.Uri.joinPath(folder(), name);
  known = diagnostics().lastShown;
  await vscode.workspace.fs.writeFile(uri, Buffer.from(clean));
  const editor = await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
  const at = editor.document.positionAt(cursor === -1 ? clean.length : cursor);
  editor.selection = new vscode.Selection(at, at);
  return editor;
}

/**
 * Ask for a suggestion at the cursor and wait until it stands there and was shown. One that came by itself since the
 * file was opened is one too.
 */
export async function suggest(): Promise<string> {
  known = await until("a suggestion", async () => {
    await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
    const { visible, lastShown } = diagnostics();
    return visible !== null && lastShown === visible && visible !== known ? visible : null;
  });
  return known;
}

/** A complete function of numbers, and one of this name that asks for its body at the cursor. */
export const numbersCode = (name: string): string =>
  `export function addNumbers(a: number, b: number): number {\n  return a + b;\n}\n\nexport function ${name}(a: number, b: number): number {\n  |\n}\n`;

/** Show a document that is open, with this selection, and wait until the window knows of both. */
export async function showAgain(document: vscode.TextDocument, selection: vscode.Selection): Promise<void> {
  await vscode.window.showTextDocument(document, { selection });
  await until("the editor in front", () => {
    const { activeTextEditor } = vscode.window;
    return activeTextEditor?.document === document && activeTextEditor.selection.isEqual(selection);
  });
}
