import type { Ctx } from "../ctx.ts";
import { locate, SUGGESTED_DOCUMENTS } from "../suggest/place.ts";
import * as vscode from "vscode";

/** Why the file on screen gets no suggestions, or that it does; in the editor's language status. */
export function createFileStatus(ctx: Ctx, onDidChange: vscode.Event<void>): vscode.Disposable {
  const item = vscode.languages.createLanguageStatusItem("kept.file", { pattern: "**" });
  item.name = vscode.l10n.t("Kept in this file");
  const show = () => {
    const document = vscode.window.activeTextEditor?.document;
    if (!document) return;
    const state = fileState(ctx, document);
    item.text = state.text;
    item.detail = state.detail;
    item.severity = vscode.LanguageStatusSeverity.Information;
    item.busy = state.isBusy;
    item.command = state.command;
    item.accessibilityInformation = { label: `Kept: ${state.text}. ${state.detail}` };
  };
  const subscriptions = [
    item,
    onDidChange(show),
    vscode.window.onDidChangeActiveTextEditor(show),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("kept")) show();
    }),
  ];
  ctx.rules.onChange(show);
  show();
  return vscode.Disposable.from(...subscriptions);
}

export interface FileState {
  /** One line. */
  readonly text: string;
  readonly detail: string;
  readonly isOff: boolean;
  readonly isBusy: boolean;
  readonly command: vscode.Command;
}

/** What Kept does in a document, the reason that a person can change first. */
export function fileState(ctx: Ctx, document: vscode.TextDocument): FileState {
  const off = (detail: string, command: vscode.Command): FileState => ({
    text: vscode.l10n.t("No suggestions here"),
    detail,
    isOff: true,
    isBusy: false,
    command,
  });
  const settings = ctx.settings();
  const openSetting = (id: string): vscode.Command => ({
    title: vscode.l10n.t("Open setting"),
    command: "workbench.action.openSettings",
    arguments: [id],
  });
  const menu: vscode.Command = { title: vscode.l10n.t("Menu"), command: "kept.openMenu" };
  if (!settings.enabled) return off(vscode.l10n.t("Switched off in the settings"), openSetting("kept.suggest.enabled"));
  if (vscode.languages.match(SUGGESTED_DOCUMENTS, document) === 0)
    return off(vscode.l10n.t("Only files on a disk and new documents get them"), menu);
  const place = locate(document);
  if (!place) return off(vscode.l10n.t("This file is in no folder of the workspace"), menu);
  if (settings.excludedLanguages.has(document.languageId))
    return off(
      vscode.l10n.t("Its language is excluded in the settings: {0}", document.languageId),
      openSetting("kept.suggest.excludedLanguages"),
    );
  const { root } = place;
  const rule = ctx.rules.excluded(root, place.relative);
  if (rule !== null) return off(ruleText(rule), openSetting("kept.capture.excludedFiles"));
  if (ctx.engine.state !== "ready")
    return {
      ...off(vscode.l10n.t("The model is not ready yet"), {
        title: vscode.l10n.t("Show log"),
        command: "kept.showLog",
      }),
      isBusy: ctx.engine.state === "loading" || ctx.engine.state === "restarting",
    };
  return { text: vscode.l10n.t("Suggestions are on"), ...recording(ctx, root), isOff: false, isBusy: false };
}

function recording(ctx: Ctx, root: string): Pick<FileState, "detail" | "command"> {
  if (ctx.consent.isPaused)
    return {
      detail: vscode.l10n.t("Nothing is recorded: learning is paused"),
      command: { title: vscode.l10n.t("Resume learning"), command: "kept.resumeCapture" },
    };
  if (!vscode.workspace.isTrusted)
    return {
      detail: vscode.l10n.t("Nothing is recorded: the workspace is not trusted"),
      command: { title: vscode.l10n.t("Manage trust"), command: "workbench.trust.manage" },
    };
  if (!ctx.consent.allows(root))
    return {
      detail: vscode.l10n.t("Nothing is recorded from this folder"),
      command: { title: vscode.l10n.t("Learn from this folder"), command: "kept.allowCapture" },
    };
  const isCode = ctx.consent.levelOf(root) === "code";
  return {
    detail: isCode
      ? vscode.l10n.t("Kept learns from what you keep here")
      : vscode.l10n.t("Only outcomes are recorded here, no code"),
    command: { title: vscode.l10n.t("Menu"), command: "kept.openMenu" },
  };
}

type Rule = NonNullable<ReturnType<Ctx["rules"]["excluded"]>>;

function ruleText(rule: Rule): string {
  const texts: Readonly<Record<Rule, string>> = {
    "secret-file": vscode.l10n.t("Its name says that it holds secrets"),
    ignored: vscode.l10n.t("An ignore file excludes it"),
    "excluded-by-setting": vscode.l10n.t("Your settings exclude it"),
    "excluded-by-editor": vscode.l10n.t("The editor hides it: files.exclude or search.exclude"),
    "not-known-yet": vscode.l10n.t("Its ignore files are still being read"),
  };
  return texts[rule];
}
