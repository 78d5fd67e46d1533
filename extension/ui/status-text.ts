import type { CaptureLevel } from "../../core/capture-level.ts";
import type { CommandId } from "../contributions.ts";
import * as vscode from "vscode";

/** What the one status item shows. */
export interface StatusView {
  readonly engine: "loading" | "ready" | "restarting" | "failed" | "stopped";
  readonly server: "connecting" | "connected" | "offline" | "stopped";
  /** What is recorded of the folder; `untrusted`: nothing, whatever was agreed. */
  readonly capture: CaptureLevel | "paused" | "untrusted";
  /** How long a pause still lasts, or null when nothing ends it but the person. */
  readonly pauseMs: number | null;
  readonly training: { readonly step: number; readonly totalSteps: number } | null;
  readonly adapter: string | null;
  readonly waiting: number;
  /** Requests to forget that the server has not done yet. */
  readonly forgetting: number;
  readonly problem: string | null;
  /** Suggestions of today, as far as the journal holds them. */
  readonly today: { readonly shown: number; readonly accepted: number; readonly rated: number };
}

/** The icon, and the theme's colour behind it, or null. The most urgent state first. */
export function statusIcon(view: StatusView): { icon: string; background: string | null } {
  if (view.problem) return { icon: "$(warning)", background: "statusBarItem.warningBackground" };
  if (view.engine === "failed") return { icon: "$(error)", background: "statusBarItem.errorBackground" };
  const icon =
    view.engine !== "ready" || view.training
      ? "$(loading~spin)"
      : view.capture === "paused"
        ? "$(debug-pause)"
        : view.capture !== "code" && view.capture !== "outcomes"
          ? "$(circle-outline)"
          : view.server === "connected"
            ? "$(record)"
            : "$(cloud-offline)";
  return { icon, background: null };
}

/** One icon and few words. */
export function statusText(view: StatusView): string {
  const { icon } = statusIcon(view);
  const isTraining = view.training && view.engine === "ready" && !view.problem;
  return isTraining ? `${icon} Kept ${trainingPercent(view)} %` : `${icon} Kept`;
}

/** Every state, a line each: for the tooltip, the menu and the screen reader. */
export function statusLines(view: StatusView): string[] {
  const engine = {
    loading: vscode.l10n.t("model loading"),
    ready: vscode.l10n.t("model ready"),
    restarting: vscode.l10n.t("model restarting"),
    failed: vscode.l10n.t("model failed"),
    stopped: vscode.l10n.t("model stopped"),
  };
  const server = {
    connecting: vscode.l10n.t("looking for the server"),
    connected: vscode.l10n.t("server connected"),
    offline: vscode.l10n.t("server away, events wait"),
    stopped: vscode.l10n.t("server link stopped"),
  };
  const capture = {
    code: vscode.l10n.t("learning from this folder"),
    outcomes: vscode.l10n.t("recording outcomes only, no code"),
    off: vscode.l10n.t("not learning from this folder"),
    paused: pauseText(view.pauseMs),
    untrusted: vscode.l10n.t("not learning: the workspace is not trusted"),
  };
  const lines = [engine[view.engine], server[view.server], capture[view.capture]];
  if (view.training)
    lines.push(vscode.l10n.t("training, step {0} of {1}", view.training.step, view.training.totalSteps));
  lines.push(view.adapter ? vscode.l10n.t("adapter {0}", view.adapter) : vscode.l10n.t("base model"));
  if (view.waiting > 0) lines.push(vscode.l10n.t("{0} events waiting", view.waiting));
  if (view.forgetting > 0) lines.push(vscode.l10n.t("{0} requests to forget wait for the server", view.forgetting));
  if (view.problem) lines.push(view.problem);
  return lines;
}

/** The states, the figures of the day, and the commands that change them. */
export function statusTooltip(view: StatusView): vscode.MarkdownString {
  const text = new vscode.MarkdownString("", true);
  const { shown, accepted, rated } = view.today;
  text.appendMarkdown(
    `**Kept** — ${vscode.l10n.t("today {0} suggestions, {1} accepted, {2} rated", shown, accepted, rated)}\n\n`,
  );
  text.appendMarkdown(
    statusLines(view)
      .map((line) => `- ${line.replace(/[\\`*_{}[\]<>]/g, "\\$&")}`)
      .join("\n"),
  );
  const links = tooltipLinks(view);
  text.appendMarkdown(`\n\n${links.map(([title, command]) => `[${title}](command:${command})`).join(" · ")}`);
  text.isTrusted = { enabledCommands: links.map(([, command]) => command) };
  return text;
}

function tooltipLinks(view: StatusView): [title: string, command: CommandId][] {
  const capture: [string, CommandId] | null =
    view.capture === "paused"
      ? [vscode.l10n.t("Resume learning"), "kept.resumeCapture"]
      : view.capture === "off"
        ? [vscode.l10n.t("Learn from this folder"), "kept.allowCapture"]
        : view.capture === "untrusted"
          ? null
          : [vscode.l10n.t("Pause learning"), "kept.pauseCapture"];
  return [
    ...(capture ? [capture] : []),
    [vscode.l10n.t("Suggestions"), "kept.showSuggestions"],
    [vscode.l10n.t("Why the last one?"), "kept.explainSuggestion"],
    [vscode.l10n.t("Dashboard"), "kept.openDashboard"],
    ...(view.problem || view.engine === "failed"
      ? ([[vscode.l10n.t("Show log"), "kept.showLog"]] satisfies [string, CommandId][])
      : []),
  ];
}

const MINUTE_MS = 60_000;

const pauseText = (pauseMs: number | null): string =>
  pauseMs === null
    ? vscode.l10n.t("learning paused")
    : vscode.l10n.t("learning paused, {0} min left", Math.ceil(pauseMs / MINUTE_MS));

function trainingPercent({ training }: StatusView): number {
  return training ? Math.round((100 * training.step) / Math.max(1, training.totalSteps)) : 0;
}
