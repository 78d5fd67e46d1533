import type { KeptEvent } from "../../protocol/events.ts";
import type { PlaceKey } from "../observe/place-key.ts";
import { systemClock } from "../observe/clock.ts";
import { createCodePlaces, type CodePlaces } from "../observe/code-places.ts";
import type { OwnFolder } from "../observe/journal-entry.ts";
import { journalFile } from "../observe/journal-file.ts";
import { createSuggestionJournal, type SuggestionJournal } from "../observe/suggestion-journal.ts";
import type { ServerConnection } from "../sync/server-discovery.ts";
import { readServerSuggestions } from "./server-suggestions.ts";
import * as vscode from "vscode";

/** Joins the journal and the places of accepted code with what tells of them. */
export interface JournalFeed {
  readonly journal: SuggestionJournal;
  readonly places: CodePlaces;
  readonly onDidChangePlaces: vscode.Event<void>;
  /** An event as it went to the outbox: what is recorded is what the view shows. */
  recorded(event: KeptEvent): void;
  /** Read what other windows and the server know. */
  refresh(): Promise<void>;
  /** A server answers: it may know of survival that was told while this window was closed. */
  join(connection: ServerConnection, signal: AbortSignal): void;
  close(): Promise<void>;
}

export interface JournalFeedOptions {
  /** Folder of the journal's file. */
  readonly dir: string;
  connection(): ServerConnection | null;
  hidden(): PlaceKey;
  log(message: string): void;
}

export function openJournalFeed({ dir, connection, hidden, log }: JournalFeedOptions): JournalFeed {
  const closing = new AbortController();
  const changed = new vscode.EventEmitter<void>();
  const journal = createSuggestionJournal({ file: journalFile(dir), log });
  const places = createCodePlaces(systemClock, () => changed.fire());
  void journal.reload();

  const folderOf = (root: string): OwnFolder | null => {
    const folders = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
    if (folders.includes(root)) return { root, isHidden: false };
    return folders.some((folder) => hidden()(folder) === root) ? { root, isHidden: true } : null;
  };

  /** The lines that code stands on, while its document is there to be asked. */
  const remember = (document: vscode.TextDocument) => {
    for (const { suggestionId, region } of places.in(document.uri.toString()))
      journal.moved(suggestionId, document.positionAt(region.start).line);
  };

  const refresh = async () => {
    await journal.reload();
    const current = connection();
    if (current) await readServerSuggestions(journal, current, folderOf, closing.signal);
  };

  const subscriptions = [
    changed,
    vscode.workspace.onDidSaveTextDocument(remember),
    vscode.workspace.onDidCloseTextDocument((document) => {
      remember(document);
      places.closed(document.uri.toString());
    }),
    vscode.window.onDidChangeWindowState(({ focused }) => {
      if (focused) void refresh();
    }),
  ];

  return {
    journal,
    places,
    onDidChangePlaces: changed.event,
    recorded: (event) => journal.see(event),
    refresh,
    join(current, signal) {
      void readServerSuggestions(journal, current, folderOf, signal);
    },
    async close() {
      closing.abort();
      for (const document of vscode.workspace.textDocuments) remember(document);
      places[Symbol.dispose]();
      for (const subscription of subscriptions) subscription.dispose();
      await journal.close();
    },
  };
}
