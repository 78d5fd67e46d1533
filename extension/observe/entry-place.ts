import type { Ctx } from "../ctx.ts";
import type { JournalEntry } from "./journal-entry.ts";
import * as vscode from "vscode";

/** Where a suggestion of the journal was shown, as far as this window may know it. */
export interface EntryPlace {
  readonly root: string;
  /** Relative to `root`; null where only outcomes were recorded, and the window that knew it is gone. */
  readonly path: string | null;
  readonly line: number;
}

/**
 * A suggestion recorded without places has keyed hashes in their stead. The window that showed it still
 * remembers it; a later one only finds the folder again.
 */
export function entryPlace(ctx: Ctx, entry: JournalEntry): EntryPlace | null {
  if (!entry.isHidden) return entry;
  const record = ctx.records.get(entry.id);
  if (record) return { root: record.root, path: record.context.path, line: record.context.line };
  const folder = (vscode.workspace.workspaceFolders ?? []).find(({ uri }) => ctx.hidden(uri.fsPath) === entry.root);
  return folder ? { root: folder.uri.fsPath, path: null, line: 0 } : null;
}
