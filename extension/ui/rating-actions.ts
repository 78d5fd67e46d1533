import type { CommandId } from "../contributions.ts";
import type { Ctx } from "../ctx.ts";
import { SUGGESTED_DOCUMENTS } from "../suggest/place.ts";
import * as vscode from "vscode";

const RATE_KIND = vscode.CodeActionKind.Empty.append("kept.rate");

/**
 * The light bulb: thumbs while a suggestion is up, and over code that was accepted. The editor asks for
 * actions before the suggestion is there, and has no way to be told to ask again but a provider that
 * comes anew; so it comes anew once for each suggestion.
 */
export function registerRatingActions(ctx: Ctx, onDidChangeVisible: vscode.Event<void>): vscode.Disposable {
  const provider: vscode.CodeActionProvider = {
    provideCodeActions(document, range, { only }) {
      if (!ctx.settings().lightBulb || (only && !only.contains(RATE_KIND))) return [];
      const id = suggestionAt(ctx, document, range.start);
      return id === null ? [] : actions(ctx, id);
    },
  };
  const register = () =>
    vscode.languages.registerCodeActionsProvider(SUGGESTED_DOCUMENTS, provider, {
      providedCodeActionKinds: [RATE_KIND],
    });
  let registered = register();
  const listener = onDidChangeVisible(() => {
    if (!ctx.settings().lightBulb || ctx.observer.visible === null) return;
    registered.dispose();
    registered = register();
  });
  return new vscode.Disposable(() => {
    listener.dispose();
    registered.dispose();
  });
}

function suggestionAt(ctx: Ctx, document: vscode.TextDocument, position: vscode.Position): string | null {
  const name = document.uri.toString();
  const { visible } = ctx.observer;
  if (visible !== null && ctx.records.get(visible)?.document === name) return visible;
  return ctx.places.at(name, document.offsetAt(position))?.suggestionId ?? null;
}

function actions(ctx: Ctx, id: string): vscode.CodeAction[] {
  const action = (title: string, command: CommandId) => {
    const made = new vscode.CodeAction(title, RATE_KIND);
    made.command = { title, command, arguments: [id] };
    return made;
  };
  const verdict = ctx.journal.get(id)?.rating?.verdict;
  const rating = [
    ...(verdict === "up" ? [] : [action(vscode.l10n.t("Kept: good suggestion"), "kept.rateUp")]),
    ...(verdict === "down" ? [] : [action(vscode.l10n.t("Kept: bad suggestion…"), "kept.rateDown")]),
    ...(verdict ? [action(vscode.l10n.t("Kept: withdraw the rating"), "kept.withdrawRating")] : []),
  ];
  return [...rating, action(vscode.l10n.t("Kept: why this suggestion?"), "kept.explainSuggestion")];
}
