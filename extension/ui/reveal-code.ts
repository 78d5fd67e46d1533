import type { Ctx } from "../ctx.ts";
import { entryPlace } from "../observe/entry-place.ts";
import { ratedSuggestion } from "../observe/rated-suggestion.ts";
import { findCode } from "./code-search.ts";
import path from "node:path";
import * as vscode from "vscode";

/** How long the code is marked after it was shown, milliseconds. */
const MARKED_MS = 1_500;

/** Shows a suggestion's code where it stands now, or the line where it was suggested. */
export async function revealSuggestion(ctx: Ctx, named: unknown): Promise<void> {
  const id = ratedSuggestion(ctx, named);
  const entry = id === null ? null : ctx.journal.get(id);
  const shownAt = entry ? entryPlace(ctx, entry) : null;
  if (id === null || !entry || !shownAt) {
    void vscode.window.showInformationMessage(vscode.l10n.t("This suggestion was forgotten."));
    return;
  }
  if (shownAt.path === null) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t("Only outcomes were recorded of this suggestion, not where it was shown."),
    );
    return;
  }
  let document: vscode.TextDocument;
  try {
    document = openDocument(ctx, id) ?? (await documentOnDisk(path.join(shownAt.root, shownAt.path)));
  } catch {
    void vscode.window.showInformationMessage(vscode.l10n.t("{0} is no longer there.", shownAt.path));
    return;
  }
  const place = ctx.places.of(id);
  const code = ctx.records.get(id)?.completion ?? entry.preview ?? "";
  const found =
    place?.document === document.uri.toString()
      ? {
          first: document.positionAt(place.region.start).line,
          last: document.positionAt(place.region.end).line,
        }
      : findCode(document.getText(), code, shownAt.line);
  const first = Math.min(found?.first ?? shownAt.line, document.lineCount - 1);
  const last = Math.min(found?.last ?? first, document.lineCount - 1);
  ctx.journal.moved(id, first);
  const at = document.lineAt(first).range;
  const editor = await vscode.window.showTextDocument(document, {
    selection: new vscode.Range(at.end, at.end),
    preview: true,
  });
  const range = new vscode.Range(first, 0, last, document.lineAt(last).text.length);
  editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  markForAMoment(editor, range);
}

/** A new document, or a cell of a notebook, is found only while it is open. */
function openDocument(ctx: Ctx, id: string): vscode.TextDocument | null {
  const record = ctx.records.get(id);
  if (!record || record.isFile) return null;
  return vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === record.document) ?? null;
}

async function documentOnDisk(file: string): Promise<vscode.TextDocument> {
  const uri = vscode.Uri.file(file);
  // The editor may still hold the text of a file that was deleted.
  await vscode.workspace.fs.stat(uri);
  return vscode.workspace.openTextDocument(uri);
}

function markForAMoment(editor: vscode.TextEditor, range: vscode.Range): void {
  const mark = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor("editor.rangeHighlightBackground"),
    // High contrast themes draw the border, not the background.
    borderColor: new vscode.ThemeColor("editor.rangeHighlightBorder"),
    isWholeLine: true,
  });
  editor.setDecorations(mark, [range]);
  setTimeout(() => mark.dispose(), MARKED_MS);
}
