import type { CommandId } from "../contributions.ts";
import type { Ctx } from "../ctx.ts";
import * as vscode from "vscode";

/** Thumbs over the code that was accepted last in a document, and the way to "why". */
export function createRatingLens(ctx: Ctx): vscode.CodeLensProvider {
  return {
    onDidChangeCodeLenses: ctx.ratings.onDidChange,
    provideCodeLenses(document) {
      if (!ctx.settings().codeLens) return [];
      const newest = ctx.retention.newestIn(document.uri.toString());
      if (!newest) return [];
      const at = document.positionAt(newest.region.start);
      const range = new vscode.Range(at.line, 0, at.line, 0);
      const verdict = ctx.ratings.get(newest.suggestionId);
      const lens = (title: string, tooltip: string, command: CommandId) =>
        new vscode.CodeLens(range, { title, tooltip, command, arguments: [newest.suggestionId] });
      return [
        lens(
          verdict === "up" ? "$(thumbsup-filled)" : "$(thumbsup)",
          vscode.l10n.t("Good suggestion"),
          verdict === "up" ? "kept.withdrawRating" : "kept.rateUp",
        ),
        lens(
          verdict === "down" ? "$(thumbsdown-filled)" : "$(thumbsdown)",
          vscode.l10n.t("Bad suggestion"),
          verdict === "down" ? "kept.withdrawRating" : "kept.rateDown",
        ),
        lens(vscode.l10n.t("Why this suggestion?"), vscode.l10n.t("What it was made with"), "kept.explainSuggestion"),
      ];
    },
  };
}
