import type { KeptApi } from "../../../../extension/main.ts";
import type { KeptEvent } from "../../../../protocol/events.ts";
import type { HostState, LogEntry, Place, Request } from "../log.ts";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import * as vscode from "vscode";

/**
 * Test-only entry of the extension: loads the shipped bundle beside it unchanged, and adds to the
 * provider that it registers the three handlers of the proposed interface, which only write down what
 * the editor says. A control channel on loopback lets the driver open files and read the log.
 */

const log: LogEntry[] = [];
let api: KeptApi | null = null;

/** As the proposed interface declares them; the types of the stable interface do not name it. */
interface LifecycleHandlers {
  handleDidShowCompletionItem(item: vscode.InlineCompletionItem, text: string): void;
  handleDidPartiallyAcceptCompletionItem(
    item: vscode.InlineCompletionItem,
    info: number | { kind: number; acceptedLength: number },
  ): void;
  handleEndOfLifetime(
    item: vscode.InlineCompletionItem,
    reason: { kind: number; supersededBy?: vscode.InlineCompletionItem },
  ): void;
}

const PARTIAL_KINDS = ["unknown", "word", "line", "suggest"] as const;
const END_KINDS = ["accepted", "rejected", "ignored"] as const;

const idOf = (item: vscode.InlineCompletionItem): string => String(item.command?.arguments?.[0] ?? "");

const handlers: LifecycleHandlers = {
  handleDidShowCompletionItem: (item, text) => log.push({ kind: "show", at: performance.now(), id: idOf(item), text }),
  handleDidPartiallyAcceptCompletionItem(item, info) {
    // The editor calls twice: the older form with a bare length says less.
    if (typeof info === "number") return;
    const by = PARTIAL_KINDS[info.kind] ?? "unknown";
    log.push({ kind: "partial", at: performance.now(), id: idOf(item), length: info.acceptedLength, by });
  },
  handleEndOfLifetime: (item, { kind, supersededBy }) =>
    log.push({
      kind: "end",
      at: performance.now(),
      id: idOf(item),
      reason: END_KINDS[kind] ?? "ignored",
      supersededBy: supersededBy ? idOf(supersededBy) : null,
    }),
};

const register = vscode.languages.registerInlineCompletionItemProvider;
vscode.languages.registerInlineCompletionItemProvider = (selector, provider) =>
  register(selector, {
    ...handlers,
    async provideInlineCompletionItems(document, position, context, token) {
      const result = await provider.provideInlineCompletionItems(document, position, context, token);
      const items = Array.isArray(result) ? result : (result?.items ?? []);
      const widget = context.selectedCompletionInfo ? ` widget ${context.selectedCompletionInfo.text}` : "";
      log.push({
        kind: "asked",
        at: performance.now(),
        where: `${position.line}:${position.character} ${context.triggerKind}${widget}${token.isCancellationRequested ? " cancelled" : ""}`,
        answer: items[0] ? String(items[0].insertText) : null,
      });
      return result;
    },
  } as vscode.InlineCompletionItemProvider);

export async function activate(context: vscode.ExtensionContext): Promise<KeptApi> {
  // The bundle stands beside this one: the same extension, so the same `vscode` object.
  const shipped = require("./extension.cjs") as { activate(context: vscode.ExtensionContext): Promise<KeptApi> };
  api = await shipped.activate(context);
  context.subscriptions.push(
    vscode.languages.registerCompletionItemProvider({ scheme: "file" }, { provideCompletionItems: widgetEntries }),
  );
  register({ scheme: "file" }, { provideInlineCompletionItems: anotherProvider });
  if (process.env["KEPT_LABELS_SIGNALS"]) logSignals(context);
  await listen();
  return api;
}

export function deactivate(): Promise<void> {
  return (require("./extension.cjs") as { deactivate(): Promise<void> }).deactivate();
}

/** What the stable interface tells, for the search of a mistake. */
function logSignals(context: vscode.ExtensionContext): void {
  const told = (what: unknown) => log.push({ kind: "signal", at: performance.now(), what: JSON.stringify(what) });
  context.subscriptions.push(
    vscode.workspace.onDidChangeTextDocument(({ contentChanges, reason, document }) => {
      if (document.uri.scheme !== "output")
        told([reason, ...contentChanges.map(({ rangeOffset, rangeLength, text }) => [rangeOffset, rangeLength, text])]);
    }),
    vscode.window.onDidChangeTextEditorSelection(({ kind, selections, textEditor }) =>
      told([kind ?? null, selections.map(({ active }) => textEditor.document.offsetAt(active))]),
    ),
  );
}

/** What somebody else's extension would offer. */
function anotherProvider(document: vscode.TextDocument, position: vscode.Position): vscode.InlineCompletionItem[] {
  const before = document.lineAt(position.line).text.slice(0, position.character);
  if (!before.endsWith("other = ")) return [];
  return [new vscode.InlineCompletionItem("of_another_provider()", new vscode.Range(position, position))];
}

/** Entries of the suggest widget, when a behaviour opens it. */
function widgetEntries(): vscode.CompletionItem[] {
  return ["gamma_first", "gamma_second", "other_entry"].map((label) => new vscode.CompletionItem(label));
}

async function listen(): Promise<void> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      serve(JSON.parse(body) as Request).then(
        (answer) => response.end(JSON.stringify(answer ?? null)),
        (error: Error) => response.writeHead(500).end(error.stack),
      );
    });
  });
  // A script may wait for long on the page: the channel's connection outlives that.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const file = process.env["KEPT_LABELS_PORT_FILE"]!;
  writeFileSync(`${file}.new`, String((server.address() as AddressInfo).port));
  renameSync(`${file}.new`, file);
}

async function serve(request: Request): Promise<unknown> {
  switch (request.kind) {
    case "open":
      return open(request);
    case "back": {
      const root = vscode.workspace.workspaceFolders![0]!.uri;
      const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(root, request.name));
      await vscode.window.showTextDocument(document, { preview: false, viewColumn: vscode.ViewColumn.One });
      return null;
    }
    case "command":
      return vscode.commands.executeCommand(request.id, ...request.args).then(() => null);
    case "insert": {
      const edit = new vscode.WorkspaceEdit();
      const { document } = vscode.window.activeTextEditor!;
      edit.insert(document.uri, new vscode.Position(request.line, 0), request.text);
      return vscode.workspace.applyEdit(edit);
    }
    case "note":
      log.push(
        "behaviour" in request.entry
          ? { kind: "begin", at: performance.now(), ...request.entry }
          : { kind: "act", at: performance.now(), ...request.entry },
      );
      return null;
    case "state":
      return state(request.since);
    case "events":
      return events();
  }
}

/** A fresh file with this text; each `|` is a cursor. The last editor's suggestion, if any, is left. */
async function open({ name, text, place, answers }: Extract<Request, { kind: "open" }>): Promise<null> {
  if (answers) writeFileSync(process.env["KEPT_LABELS_ANSWERS"]!, JSON.stringify(answers));
  const root = vscode.workspace.workspaceFolders![0]!.uri;
  const parts = text.split("|");
  const clean = parts.join("");
  const editor = await shown(place, vscode.Uri.joinPath(root, name), clean);
  let offset = 0;
  const cursors = parts.slice(0, -1).map((part) => {
    offset += part.length;
    const at = editor.document.positionAt(offset);
    return new vscode.Selection(at, at);
  });
  if (cursors.length > 0) await select(editor, cursors);
  return null;
}

/** Sets the cursors, and waits until the page has told that they stand there: keys would come first else. */
async function select(editor: vscode.TextEditor, cursors: readonly vscode.Selection[]): Promise<void> {
  const wanted = cursors[0]!.active;
  if (editor.selection.active.isEqual(wanted) && cursors.length === 1) return;
  await new Promise<void>((resolve, reject) => {
    const deadline = setTimeout(() => {
      told.dispose();
      reject(new Error("The editor did not take the cursors."));
    }, SELECTED_DEADLINE_MS);
    const told = vscode.window.onDidChangeTextEditorSelection(({ textEditor, selections }) => {
      if (textEditor !== editor || !selections[0]?.active.isEqual(wanted)) return;
      clearTimeout(deadline);
      told.dispose();
      resolve();
    });
    editor.selections = cursors;
  });
}

const SELECTED_DEADLINE_MS = 8_000;

async function shown(place: Place, uri: vscode.Uri, text: string): Promise<vscode.TextEditor> {
  if (place === "untitled") {
    const document = await vscode.workspace.openTextDocument({ language: "python", content: text });
    return vscode.window.showTextDocument(document);
  }
  if (place === "notebook") {
    const cell = new vscode.NotebookCellData(vscode.NotebookCellKind.Code, text, "python");
    const notebook = await vscode.workspace.openNotebookDocument("jupyter-notebook", new vscode.NotebookData([cell]));
    await vscode.window.showNotebookDocument(notebook);
    await vscode.commands.executeCommand("notebook.cell.edit");
    return activeCell(notebook);
  }
  await vscode.workspace.fs.writeFile(uri, Buffer.from(text));
  const document = await vscode.workspace.openTextDocument(uri);
  if (place === "beside")
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Two, preserveFocus: true });
  return vscode.window.showTextDocument(document, { preview: true, viewColumn: vscode.ViewColumn.One });
}

/** The editor of the notebook's cell, once it has the focus: until then another one is the active. */
async function activeCell(notebook: vscode.NotebookDocument): Promise<vscode.TextEditor> {
  const isCell = (editor: vscode.TextEditor | undefined): editor is vscode.TextEditor =>
    editor?.document === notebook.cellAt(0).document;
  const { activeTextEditor } = vscode.window;
  if (isCell(activeTextEditor)) return activeTextEditor;
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => {
      changed.dispose();
      reject(new Error("The cell did not get the focus."));
    }, SELECTED_DEADLINE_MS);
    const changed = vscode.window.onDidChangeActiveTextEditor((editor) => {
      if (!isCell(editor)) return;
      clearTimeout(deadline);
      changed.dispose();
      resolve(editor);
    });
  });
}

function state(since: number): HostState {
  const { engine, visible } = api!.diagnostics();
  const editor = vscode.window.activeTextEditor;
  return {
    engine,
    visible,
    log: log.slice(since),
    total: log.length,
    text: editor?.document.getText() ?? null,
    document: editor?.document.uri.path.split("/").at(-1) ?? "",
    cursor: editor ? editor.document.offsetAt(editor.selection.active) : 0,
    now: performance.now(),
  };
}

/** Events of this session as they stand in the outbox's files, oldest first; the prompts are left out. */
function events(): unknown[] {
  const dir = path.join(api!.diagnostics().storage, "outbox");
  return readdirSync(dir)
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => readFileSync(path.join(dir, name), "utf8").split("\n"))
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as KeptEvent)
    .map((event) => (event.kind === "shown" ? { ...event, context: { path: event.context.path } } : event));
}
