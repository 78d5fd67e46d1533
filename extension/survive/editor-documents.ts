import type { Region } from "../../core/lifecycle/region.ts";
import type { ReportedError } from "../observe/diagnostics-watch.ts";
import type { DocumentView } from "../observe/typed-instead-watch.ts";
import { readDocument, type TextSource } from "./text-source.ts";
import * as vscode from "vscode";

/** The editor's documents by URI, as the watches of accepted code read them. */
export const editorTexts: TextSource = {
  open: (name) => openDocument(name)?.getText() ?? null,
  openFiles: () =>
    vscode.workspace.textDocuments.filter(({ uri }) => uri.scheme === "file").map(({ uri }) => uri.toString()),
  read: readDocument,
};

export const editorView: DocumentView = {
  slice(name, { start, end }) {
    const document = openDocument(name);
    return document?.getText(new vscode.Range(document.positionAt(start), document.positionAt(end))) ?? null;
  },
  lineAt: (name, offset) => openDocument(name)?.positionAt(offset).line ?? null,
};

/** A word is completed by so many characters at most. */
const WORD_CHARS = 128;

/** Characters on the same line directly before and behind a region. */
export function aroundRegion(
  name: string,
  { start, end }: Region,
): { readonly before: string; readonly after: string } {
  const before = editorView.slice(name, { start: Math.max(0, start - WORD_CHARS), end: start }) ?? "";
  return { before, after: editorView.slice(name, { start: end, end: end + WORD_CHARS }) ?? "" };
}

/** Errors that language services report for an open document now; null when it is not open. */
export function editorErrors(name: string): readonly ReportedError[] | null {
  const document = openDocument(name);
  if (!document) return null;
  return vscode.languages
    .getDiagnostics(document.uri)
    .filter(({ severity }) => severity === vscode.DiagnosticSeverity.Error)
    .map(({ range, message, source, code }) => ({
      start: document.offsetAt(range.start),
      end: document.offsetAt(range.end),
      message,
      source: (source ?? "").slice(0, 64),
      code: String(typeof code === "object" ? code.value : (code ?? "")).slice(0, 128),
    }));
}

export interface DocumentListeners {
  opened(document: string): void;
  closed(document: string, text: () => string): void;
  renamed(from: string, to: string): void;
  deleted(document: string): void;
  /** Saved, or changed in a way that no content change tells, such as its line ends. */
  touched(document: string): void;
  diagnostics(document: string): void;
}

/** What happens to documents beside their edits. */
export function watchEditorDocuments(listeners: DocumentListeners): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.workspace.onDidOpenTextDocument(({ uri }) => listeners.opened(uri.toString())),
    vscode.workspace.onDidCloseTextDocument((document) =>
      listeners.closed(document.uri.toString(), () => document.getText()),
    ),
    vscode.workspace.onDidRenameFiles(({ files }) => {
      for (const { oldUri, newUri } of files) listeners.renamed(oldUri.toString(), newUri.toString());
    }),
    vscode.workspace.onDidDeleteFiles(({ files }) => {
      for (const uri of files) listeners.deleted(uri.toString());
    }),
    vscode.workspace.onDidSaveTextDocument(({ uri }) => listeners.touched(uri.toString())),
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length === 0) listeners.touched(document.uri.toString());
    }),
    vscode.languages.onDidChangeDiagnostics(({ uris }) => {
      for (const uri of uris) listeners.diagnostics(uri.toString());
    }),
  );
}

function openDocument(name: string): vscode.TextDocument | undefined {
  return vscode.workspace.textDocuments.find(({ uri }) => uri.toString() === name);
}

/** Files and folders that get another name in the editor, by absolute paths. */
function onDidRenameFile(listener: (from: string, to: string) => void): vscode.Disposable {
  return vscode.workspace.onDidRenameFiles(({ files }) => {
    for (const { oldUri, newUri } of files) listener(oldUri.fsPath, newUri.fsPath);
  });
}

/** Files that the editor saves, by the document's name and the absolute path. */
function onDidSaveFile(listener: (document: string, file: string) => void): vscode.Disposable {
  return vscode.workspace.onDidSaveTextDocument(({ uri }) => {
    if (uri.scheme === "file") listener(uri.toString(), uri.fsPath);
  });
}

/** Text of an open file with changes that are not saved; null when it has none. */
function unsavedText(file: string): string | null {
  const isIt = ({ uri, isDirty }: vscode.TextDocument) => isDirty && uri.scheme === "file" && uri.fsPath === file;
  return vscode.workspace.textDocuments.find(isIt)?.getText() ?? null;
}

/** What the editor tells of files: names that change, saves, and text that waits to be saved. */
export const editorFiles = { onDidRename: onDidRenameFile, onDidSave: onDidSaveFile, unsavedText };
