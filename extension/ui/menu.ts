import type { CommandId } from "../contributions.ts";
import type { Ctx } from "../ctx.ts";
import * as vscode from "vscode";

interface MenuItem extends vscode.QuickPickItem {
  readonly command: CommandId;
}

/** What a click on the status item offers. */
export async function openMenu(ctx: Ctx): Promise<void> {
  const chosen = await vscode.window.showQuickPick(menuItems(ctx), { title: "Kept", placeHolder: ctx.statusLine() });
  if (chosen) await vscode.commands.executeCommand(chosen.command);
}

function menuItems(ctx: Ctx): MenuItem[] {
  const root = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  const capture: MenuItem = ctx.consent.isPaused
    ? { label: `$(record) ${vscode.l10n.t("Resume learning")}`, command: "kept.resumeCapture" }
    : ctx.consent.allows(root)
      ? { label: `$(debug-pause) ${vscode.l10n.t("Pause learning")}`, command: "kept.pauseCapture" }
      : { label: `$(record) ${vscode.l10n.t("Learn from this folder")}`, command: "kept.allowCapture" };
  return [
    { label: `$(thumbsup) ${vscode.l10n.t("Rate the last suggestion up")}`, command: "kept.rateUp" },
    { label: `$(thumbsdown) ${vscode.l10n.t("Rate the last suggestion down")}`, command: "kept.rateDown" },
    { label: `$(question) ${vscode.l10n.t("Why this suggestion?")}`, command: "kept.explainSuggestion" },
    capture,
    { label: `$(beaker) ${vscode.l10n.t("Train now")}`, command: "kept.trainNow" },
    { label: `$(dashboard) ${vscode.l10n.t("Open dashboard")}`, command: "kept.openDashboard" },
    { label: `$(output) ${vscode.l10n.t("Show log")}`, command: "kept.showLog" },
  ];
}
