import type { CommandId } from "../contributions.ts";
import type { Ctx } from "../ctx.ts";
import * as vscode from "vscode";

interface MenuItem extends vscode.QuickPickItem {
  readonly command: CommandId | null;
}

/** What a click on the status item offers: everything that Kept can do, by keyboard. */
export async function openMenu(ctx: Ctx): Promise<void> {
  const chosen = await vscode.window.showQuickPick(menuItems(ctx), {
    title: "Kept",
    placeHolder: ctx.statusLine(),
    matchOnDescription: true,
  });
  if (chosen?.command) await vscode.commands.executeCommand(chosen.command);
}

function menuItems(ctx: Ctx): MenuItem[] {
  const head = (label: string): MenuItem => ({ label, kind: vscode.QuickPickItemKind.Separator, command: null });
  const item = (icon: string, text: string, command: CommandId): MenuItem => ({ label: `$(${icon}) ${text}`, command });
  return [
    head(vscode.l10n.t("Suggestion")),
    item("thumbsup", vscode.l10n.t("Rate the last suggestion up"), "kept.rateUp"),
    item("thumbsdown", vscode.l10n.t("Rate the last suggestion down"), "kept.rateDown"),
    item("comment", vscode.l10n.t("Comment on the last suggestion"), "kept.addComment"),
    item("discard", vscode.l10n.t("Withdraw the last rating"), "kept.withdrawRating"),
    item("question", vscode.l10n.t("Why this suggestion?"), "kept.explainSuggestion"),
    item("list-tree", vscode.l10n.t("Show suggestions"), "kept.showSuggestions"),
    head(vscode.l10n.t("Learning")),
    ...captureItems(ctx, item),
    item("beaker", vscode.l10n.t("Train now"), "kept.trainNow"),
    item("dashboard", vscode.l10n.t("Open dashboard"), "kept.openDashboard"),
    head(vscode.l10n.t("Privacy")),
    item("eye", vscode.l10n.t("Show what is recorded"), "kept.showRecorded"),
    item("trash", vscode.l10n.t("Forget the last suggestion"), "kept.forgetSuggestion"),
    item("trash", vscode.l10n.t("Forget this file"), "kept.forgetFile"),
    item("trash", vscode.l10n.t("Forget the last hour"), "kept.forgetLastHour"),
    item("trash", vscode.l10n.t("Forget everything"), "kept.forgetEverything"),
    head(vscode.l10n.t("Help")),
    item("book", vscode.l10n.t("Open walkthrough"), "kept.openWalkthrough"),
    item("settings-gear", vscode.l10n.t("Open settings"), "kept.openSettings"),
    item("output", vscode.l10n.t("Show log"), "kept.showLog"),
    item("clippy", vscode.l10n.t("Copy diagnostics"), "kept.copyDiagnostics"),
  ];
}

function captureItems(ctx: Ctx, item: (icon: string, text: string, command: CommandId) => MenuItem): MenuItem[] {
  if (ctx.consent.isPaused) return [item("record", vscode.l10n.t("Resume learning"), "kept.resumeCapture")];
  const folders = vscode.workspace.workspaceFolders ?? [];
  const choose = item("shield", vscode.l10n.t("Choose what is recorded"), "kept.chooseCaptureLevel");
  if (folders.some(({ uri }) => ctx.consent.allows(uri.fsPath)))
    return [
      item("debug-pause", vscode.l10n.t("Pause learning"), "kept.pauseCapture"),
      item("clock", vscode.l10n.t("Pause learning for an hour"), "kept.pauseCaptureHour"),
      choose,
    ];
  return [item("record", vscode.l10n.t("Learn from this folder"), "kept.allowCapture"), choose];
}
