import type { Ctx } from "../ctx.ts";
import { ratedSuggestion } from "../observe/rated-suggestion.ts";
import type { ForgetWish } from "../sync/forget-request.ts";
import path from "node:path";
import * as vscode from "vscode";

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const HOUR_MS = 3_600_000;

/** Forget one suggestion: the one named, on screen, or shown last. */
export async function forgetSuggestion(ctx: Ctx, named?: unknown): Promise<void> {
  // The page of what is recorded names suggestions that this window may not know any more.
  const id = typeof named === "string" && UUID.test(named) ? named : ratedSuggestion(ctx, named);
  if (id === null) {
    void vscode.window.showInformationMessage(vscode.l10n.t("There is no suggestion to forget."));
    return;
  }
  await forget(ctx, { kind: "suggestions", ids: [id] });
}

/** Forget the file that is named or in front, in whatever folder of the workspace it lies. */
export async function forgetFile(ctx: Ctx, named?: unknown): Promise<void> {
  const uri = named instanceof vscode.Uri ? named : vscode.window.activeTextEditor?.document.uri;
  const folder = uri && vscode.workspace.getWorkspaceFolder(uri);
  if (!uri || !folder) {
    void vscode.window.showInformationMessage(vscode.l10n.t("There is no file of a workspace folder to forget."));
    return;
  }
  const root = folder.uri.fsPath;
  const relative = path.relative(root, uri.fsPath).split(path.sep).join("/");
  await forget(ctx, { kind: "file", root, path: relative });
}

export async function forgetLastHour(ctx: Ctx, sure?: unknown): Promise<void> {
  const question = vscode.l10n.t("Forget everything that Kept recorded in the last hour, in all folders?");
  if (sure === true || (await isSure(question))) await forget(ctx, { kind: "last", ms: HOUR_MS });
}

export async function forgetEverything(ctx: Ctx, sure?: unknown): Promise<void> {
  const question = vscode.l10n.t("Forget everything that Kept ever recorded, in all folders?");
  if (sure === true || (await isSure(question))) await forget(ctx, { kind: "everything" });
}

async function forget(ctx: Ctx, wish: ForgetWish): Promise<void> {
  await ctx.forgets.forget(wish);
  ctx.status.flash(
    ctx.link.connection
      ? `$(trash) ${vscode.l10n.t("Forgotten")}`
      : `$(trash) ${vscode.l10n.t("Forgotten here, the server follows when it answers")}`,
  );
}

async function isSure(question: string): Promise<boolean> {
  const yes = vscode.l10n.t("Forget");
  const detail = vscode.l10n.t("There is no way back. Adapters that were trained on it stay, and are marked.");
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, yes)) === yes;
}
