import type { CommandId } from "../contributions.ts";
import type { Ctx } from "../ctx.ts";
import { ratingText } from "./ratings.ts";
import * as vscode from "vscode";

/** Thumbs over the code that was accepted last in a document, and the way to "why". */
export function createRatingLens(ctx: Ctx, onDidChange: vscode.Event<void>): vscode.CodeLensProvider {
  return {
    onDidChangeCodeLenses: onDidChange,
    provideCodeLenses(document) {
      const mode = ctx.settings().codeLens;
      const [newest] = ctx.places.in(document.uri.toString());
      if (mode === "off" || !newest) return [];
      // What was not recorded cannot be rated; a lens that does nothing would only be in the way.
      const entry = ctx.journal.get(newest.suggestionId);
      if (!entry || (mode === "untilRated" && entry.rating)) return [];
      const { line } = document.positionAt(newest.region.start);
      const lens = (title: string, tooltip: string, command: CommandId) =>
        new vscode.CodeLens(new vscode.Range(line, 0, line, 0), {
          title,
          tooltip,
          command,
          arguments: [newest.suggestionId],
        });
      const verdict = entry.rating?.verdict;
      const withdraw = vscode.l10n.t("Withdraw this rating");
      const said = entry.rating ? ratingText(entry.rating) : "";
      return [
        verdict === "up"
          ? lens(icon("thumbsup-filled", said), withdraw, "kept.withdrawRating")
          : lens(icon("thumbsup", vscode.l10n.t("Good")), vscode.l10n.t("Good suggestion"), "kept.rateUp"),
        verdict === "down"
          ? lens(icon("thumbsdown-filled", said), withdraw, "kept.withdrawRating")
          : lens(icon("thumbsdown", vscode.l10n.t("Bad")), vscode.l10n.t("Bad suggestion"), "kept.rateDown"),
        lens(vscode.l10n.t("Why this suggestion?"), vscode.l10n.t("What it was made with"), "kept.explainSuggestion"),
      ];
    },
  };
}

/** A lens swallows plain spaces behind an icon. */
const icon = (name: string, text: string): string => `$(${name})\u00a0${text}`;
