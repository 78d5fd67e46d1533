import type { NeighbourFile } from "../../engine/retrieve/neighbour-index.ts";
import type { CaptureRules } from "./capture-rules.ts";
import path from "node:path";
import * as vscode from "vscode";

/** Files that suggestions take excerpts from: the open ones that were looked at last. */
const MAX_FILES = 12;
/** More of a file is not given to the engine, characters. */
const MAX_FILE_CHARS = 40_000;
/** From a change of tabs or a save until the engine hears of it, ms: several changes are told as one. */
const DELAY_MS = 1_000;

/** Keeps the engine's neighbouring files equal to the open ones. `use` gets them, the last seen first. */
export function watchOpenFiles(options: {
  readonly rules: CaptureRules;
  use(files: readonly NeighbourFile[]): Promise<void>;
  log(message: string): void;
}): vscode.Disposable {
  const seen: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  const gather = async (): Promise<NeighbourFile[]> => {
    const documents = new Map(vscode.workspace.textDocuments.map((document) => [document.uri.toString(), document]));
    const names = [...seen, ...documents.keys()];
    const files: NeighbourFile[] = [];
    for (const name of new Set(names)) {
      const document = documents.get(name);
      const file = document && (await fileOf(document, options.rules));
      if (file) files.push(file);
      if (files.length === MAX_FILES) break;
    }
    return files;
  };
  const later = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      gather()
        .then(options.use)
        .catch((error: Error) => options.log(`Open files were not read: ${error.message}`));
    }, DELAY_MS);
  };
  const look = (editor: vscode.TextEditor | undefined): void => {
    const name = editor?.document.uri.toString();
    if (name === undefined) return;
    const at = seen.indexOf(name);
    if (at >= 0) seen.splice(at, 1);
    seen.unshift(name);
    seen.length = Math.min(seen.length, MAX_FILES);
    later();
  };
  look(vscode.window.activeTextEditor);
  options.rules.onChange(later);
  later();
  const watching = vscode.Disposable.from(
    vscode.window.onDidChangeActiveTextEditor(look),
    vscode.workspace.onDidCloseTextDocument(later),
    vscode.workspace.onDidSaveTextDocument(later),
  );
  return {
    dispose() {
      clearTimeout(timer);
      watching.dispose();
    },
  };
}

async function fileOf(document: vscode.TextDocument, rules: CaptureRules): Promise<NeighbourFile | null> {
  const folder = vscode.workspace.getWorkspaceFolder(document.uri);
  if (!folder || document.uri.scheme !== "file") return null;
  const root = folder.uri.fsPath;
  const relative = path.relative(root, document.uri.fsPath).split(path.sep).join("/");
  if ((await rules.known(root, relative)) !== null) return null;
  const lastLine = Math.min(document.lineCount, MAX_FILE_LINES);
  return { root, path: relative, text: document.getText(new vscode.Range(0, 0, lastLine, 0)).slice(0, MAX_FILE_CHARS) };
}

/** Lines that can hold what is given. */
const MAX_FILE_LINES = 2_000;
