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
    ? { label: "$(record) Resume learning", command: "kept.resumeCapture" }
    : ctx.consent.allows(root)
      ? { label: "$(debug-pause) Pause learning", command: "kept.pauseCapture" }
      : { label: "$(record) Learn from this folder", command: "kept.allowCapture" };
  return [
    { label: "$(thumbsup) Rate the last suggestion up", command: "kept.rateUp" },
    { label: "$(thumbsdown) Rate the last suggestion down", command: "kept.rateDown" },
    { label: "$(question) Why this suggestion?", command: "kept.explainSuggestion" },
    capture,
    { label: "$(beaker) Train now", command: "kept.trainNow" },
    { label: "$(dashboard) Open dashboard", command: "kept.openDashboard" },
    { label: "$(output) Show log", command: "kept.showLog" },
  ];
}
