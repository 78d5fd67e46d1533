import { loginCode, trainingRun } from "../protocol/api.ts";
import { SUGGESTIONS_VIEW, WALKTHROUGH } from "./contributions.ts";
import type { CommandTable, Ctx } from "./ctx.ts";
import { ratedSuggestion } from "./observe/rated-suggestion.ts";
import { reportGeneration } from "./observe/reported-generation.ts";
import { addComment, chooseReason, rate, withdrawRating } from "./observe/ratings.ts";
import { setEndpointKey } from "./suggest/open-engine.ts";
import { ask } from "./sync/server-request.ts";
import { chooseCaptureLevel, PAUSE_MS } from "./ui/capture-commands.ts";
import { copyDiagnostics } from "./ui/diagnostics-report.ts";
import { forgetEverything, forgetFile, forgetLastHour, forgetSuggestion } from "./ui/forget-commands.ts";
import { openMenu } from "./ui/menu.ts";
import { revealSuggestion } from "./ui/reveal-code.ts";
import { explainSuggestion } from "./ui/why-document.ts";
import * as vscode from "vscode";

const DEADLINE_MS = 5_000;

/** What every contributed command does. */
export function commandTable(ctx: Ctx): CommandTable {
  return {
    "kept.openMenu": () => openMenu(ctx),
    "kept.rateUp": (id) => rate(ctx, "up", id),
    "kept.rateDown": (id) => rate(ctx, "down", id),
    "kept.withdrawRating": (id) => withdrawRating(ctx, id),
    // The same for the filled thumbs of rows and titles: a command has one icon.
    "kept.withdrawThumbUp": (id) => withdrawRating(ctx, id),
    "kept.withdrawThumbDown": (id) => withdrawRating(ctx, id),
    "kept.chooseReason": (id) => chooseReason(ctx, id),
    "kept.addComment": (id) => addComment(ctx, id),
    "kept.showSuggestions": () => vscode.commands.executeCommand(`${SUGGESTIONS_VIEW}.focus`),
    "kept.revealSuggestion": (id) => revealSuggestion(ctx, id),
    "kept.copySuggestionId": (id) => copyId(ctx, id),
    "kept.reportGeneration": (report) => reportGeneration(ctx, report),
    "kept.refreshSuggestions": () => ctx.refreshSuggestions(),
    "kept.filterSuggestions": (filter) => ctx.view.filterBy(filter),
    "kept.clearFilter": () => ctx.view.filterBy("all"),
    "kept.groupByFile": () => ctx.view.groupBy("file"),
    "kept.groupByDay": () => ctx.view.groupBy("day"),
    "kept.pauseCapture": () => ctx.consent.pause.start(null),
    "kept.pauseCaptureHour": () => ctx.consent.pause.start(PAUSE_MS),
    "kept.resumeCapture": () => ctx.consent.pause.end(),
    "kept.allowCapture": () => ctx.consent.set("code"),
    "kept.chooseCaptureLevel": (level, folder, unsent) => chooseCaptureLevel(ctx, level, folder, unsent),
    "kept.showRecorded": () => ctx.recordedPage.show(),
    "kept.forgetSuggestion": (id) => forgetSuggestion(ctx, id),
    "kept.forgetFile": (uri) => forgetFile(ctx, uri),
    "kept.forgetLastHour": (sure) => forgetLastHour(ctx, sure),
    "kept.forgetEverything": (sure) => forgetEverything(ctx, sure),
    "kept.trainNow": () => trainNow(ctx),
    "kept.openDashboard": () => openDashboard(ctx),
    "kept.explainSuggestion": (id) => explainLast(ctx, id),
    "kept.showLog": () => ctx.log.show(true),
    "kept.openSettings": () =>
      vscode.commands.executeCommand("workbench.action.openSettings", `@ext:${ctx.extension.extension.id}`),
    "kept.copyDiagnostics": () => copyDiagnostics(ctx),
    "kept.setEndpointKey": () => setEndpointKey(ctx.extension),
    "kept.acceptNextWord": () => acceptPart(ctx, "editor.action.inlineSuggest.acceptNextWord"),
    "kept.acceptNextLine": () => acceptPart(ctx, "editor.action.inlineSuggest.acceptNextLine"),
    "kept.rejectSuggestion": async () => {
      ctx.observer.rejectCommand();
      await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
    },
    "kept.openWalkthrough": () =>
      vscode.commands.executeCommand(
        "workbench.action.openWalkthrough",
        `${ctx.extension.extension.id}#${WALKTHROUGH}`,
      ),
  };
}

async function acceptPart(ctx: Ctx, command: string): Promise<void> {
  ctx.observer.partialCommand();
  await vscode.commands.executeCommand(command);
}

async function explainLast(ctx: Ctx, named: unknown): Promise<void> {
  const document = vscode.window.activeTextEditor?.document.uri.toString();
  // Who asks why while nothing is on screen may well ask why there is nothing.
  const isQuiet = named === undefined && document !== undefined && ctx.observer.visible === null;
  const heldBack = isQuiet ? ctx.records.heldBackIn(document) : null;
  const id = heldBack?.id ?? ratedSuggestion(ctx, named);
  if (id === null) void vscode.window.showInformationMessage(vscode.l10n.t("There is no suggestion to explain yet."));
  else await explainSuggestion(id);
}

async function copyId(ctx: Ctx, named: unknown): Promise<void> {
  const id = ratedSuggestion(ctx, named);
  if (id === null) return;
  await vscode.env.clipboard.writeText(id);
  ctx.status.flash(`$(clippy) ${vscode.l10n.t("Suggestion id copied")}`);
}

async function trainNow(ctx: Ctx): Promise<void> {
  const { connection } = ctx.link;
  if (!connection) return sayAway();
  const workspaces = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
  const body = JSON.stringify({ strategy: "lora", workspaces });
  const answer = await ask(
    connection,
    trainingRun,
    "POST",
    "/v1/training/runs",
    body,
    AbortSignal.timeout(DEADLINE_MS),
  );
  if (answer.ok) ctx.status.flash(`$(beaker) ${vscode.l10n.t("Training queued")}`);
  else
    void vscode.window.showWarningMessage(
      vscode.l10n.t("The server did not take the training run (status {0}). See Kept's log.", answer.status),
    );
}

async function openDashboard(ctx: Ctx): Promise<void> {
  const { connection } = ctx.link;
  if (!connection) return sayAway();
  const answer = await ask(connection, loginCode, "POST", "/v1/login-codes", "{}", AbortSignal.timeout(DEADLINE_MS));
  const address = await vscode.env.asExternalUri(vscode.Uri.parse(`${connection.baseUrl}/`));
  // The code travels in the fragment: it is never sent in a request line, and it is good once.
  await vscode.env.openExternal(answer.ok ? address.with({ fragment: `code=${answer.value.code}` }) : address);
}

function sayAway(): void {
  void vscode.window.showWarningMessage(
    vscode.l10n.t("Kept's server does not answer. Events wait until it does; the log says why."),
  );
}
