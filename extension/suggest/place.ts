import type { CaptureRules } from "./capture-rules.ts";
import path from "node:path";
import * as vscode from "vscode";

/** Where a document stands in the workspace: what its prompt names, and what the capture rules judge. */
export interface Place {
  readonly root: string;
  /** Path inside `root`, with forward slashes; of an untitled document only a name. */
  readonly relative: string;
  readonly repository: string;
  /** False where git can never find the text as it stands: untitled documents and cells of notebooks. */
  readonly isFile: boolean;
}

/** Documents that Kept is asked for: files, cells of notebooks, and new documents. */
export const SUGGESTED_DOCUMENTS: readonly vscode.DocumentFilter[] = [
  { scheme: "file" },
  { scheme: "vscode-notebook-cell" },
  { scheme: "untitled" },
];

/**
 * The document's place, or null when Kept leaves it alone.
 *
 * A cell stands at its notebook's path. An untitled document has no path yet: it belongs to the first
 * workspace folder, under its tab's name, so that consent and the user's own patterns apply to it; a
 * window without a folder has nobody who could have agreed, and gets no suggestion. Everything else
 * (revisions of git, settings, output, virtual file systems) is left alone.
 */
export async function placeOf(rules: CaptureRules, document: vscode.TextDocument): Promise<Place | null> {
  const place = locate(document);
  // Waits until the rules around the file are known.
  return place && (await rules.known(place.root, place.relative)) === null ? place : null;
}

/** Where a document stands, whatever the capture rules say of it; null outside of every folder. */
export function locate(document: vscode.TextDocument): Place | null {
  const { scheme } = document.uri;
  const owner = scheme === "vscode-notebook-cell" ? notebookOf(document) : document.uri;
  if (owner?.scheme === "file") {
    const folder = vscode.workspace.getWorkspaceFolder(owner);
    return folder ? placeIn(folder.uri.fsPath, owner.fsPath, scheme === "file") : null;
  }
  if (owner?.scheme !== "untitled") return null;
  const folder = vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === "file");
  if (!folder) return null;
  const root = folder.uri.fsPath;
  // `untitled:/folder/new.ts` is a file that is to be: its path is known.
  return placeIn(root, path.isAbsolute(owner.path) ? owner.fsPath : path.join(root, owner.path), false);
}

function placeIn(root: string, file: string, isFile: boolean): Place {
  const relative = path.relative(root, file).split(path.sep).join("/");
  return { root, relative, repository: path.basename(root), isFile };
}

function notebookOf(cell: vscode.TextDocument): vscode.Uri | null {
  const notebook = vscode.workspace.notebookDocuments.find((one) =>
    one.getCells().some(({ document }) => document === cell),
  );
  return notebook?.uri ?? null;
}
