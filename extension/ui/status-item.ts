import * as vscode from "vscode";

/** What the one status item shows. */
export interface StatusView {
  readonly engine: "loading" | "ready" | "restarting" | "failed" | "stopped";
  readonly server: "connecting" | "connected" | "offline" | "stopped";
  readonly capture: "on" | "paused" | "not-allowed";
  readonly training: { readonly step: number; readonly totalSteps: number } | null;
  readonly adapter: string | null;
  readonly waiting: number;
  readonly problem: string | null;
}

export interface StatusItem extends vscode.Disposable {
  show(view: StatusView): void;
  /** Say something for a moment. */
  flash(text: string): void;
  readonly text: string;
  /** Every state in one line. */
  readonly summary: string;
}

const FLASH_MS = 2_500;

export function createStatusItem(): StatusItem {
  const item = vscode.window.createStatusBarItem("kept.status", vscode.StatusBarAlignment.Right, 100);
  item.name = "Kept";
  item.command = "kept.openMenu";
  let flashing: NodeJS.Timeout | null = null;
  let last = statusText({
    engine: "loading",
    server: "connecting",
    capture: "not-allowed",
    training: null,
    adapter: null,
    waiting: 0,
    problem: null,
  });
  let summary = "";
  item.text = last;
  item.show();
  return {
    show(view) {
      last = statusText(view);
      if (!flashing) item.text = last;
      item.tooltip = tooltip(view);
      item.backgroundColor = view.problem ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
      summary = describe(view).join(", ");
      item.accessibilityInformation = { label: `Kept: ${summary}`, role: "button" };
    },
    flash(text) {
      if (flashing) clearTimeout(flashing);
      item.text = text;
      flashing = setTimeout(() => {
        flashing = null;
        item.text = last;
      }, FLASH_MS);
    },
    get text() {
      return item.text;
    },
    get summary() {
      return summary;
    },
    dispose() {
      if (flashing) clearTimeout(flashing);
      item.dispose();
    },
  };
}

/** One icon and one word, the most urgent state first. */
export function statusText(view: StatusView): string {
  if (view.problem) return "$(warning) Kept";
  if (view.engine === "loading" || view.engine === "restarting") return "$(loading~spin) Kept";
  if (view.engine === "failed") return "$(error) Kept";
  if (view.training)
    return `$(loading~spin) Kept ${Math.round((100 * view.training.step) / Math.max(1, view.training.totalSteps))}%`;
  if (view.capture === "paused") return "$(debug-pause) Kept";
  if (view.capture === "not-allowed") return "$(circle-outline) Kept";
  return view.server === "connected" ? "$(record) Kept" : "$(cloud-offline) Kept";
}

function describe(view: StatusView): string[] {
  const engine = {
    loading: vscode.l10n.t("model loading"),
    ready: vscode.l10n.t("model ready"),
    restarting: vscode.l10n.t("model restarting"),
    failed: vscode.l10n.t("model failed"),
    stopped: vscode.l10n.t("stopped"),
  };
  const server = {
    connecting: vscode.l10n.t("looking for the server"),
    connected: vscode.l10n.t("server connected"),
    offline: vscode.l10n.t("server away, events wait"),
    stopped: vscode.l10n.t("server link stopped"),
  };
  const capture = {
    on: vscode.l10n.t("learning from this folder"),
    paused: vscode.l10n.t("learning paused"),
    "not-allowed": vscode.l10n.t("not learning from this folder"),
  };
  const lines = [engine[view.engine], server[view.server], capture[view.capture]];
  if (view.training)
    lines.push(vscode.l10n.t("training, step {0} of {1}", view.training.step, view.training.totalSteps));
  lines.push(view.adapter ? vscode.l10n.t("adapter {0}", view.adapter) : vscode.l10n.t("base model"));
  if (view.waiting > 0) lines.push(vscode.l10n.t("{0} events waiting", view.waiting));
  if (view.problem) lines.push(view.problem);
  return lines;
}

function tooltip(view: StatusView): vscode.MarkdownString {
  const text = new vscode.MarkdownString(
    describe(view)
      .map((line) => `- ${line}`)
      .join("\n"),
    true,
  );
  text.appendMarkdown(
    `\n\n[${vscode.l10n.t("Explain the last suggestion")}](command:kept.explainSuggestion) · [${vscode.l10n.t("Open dashboard")}](command:kept.openDashboard)`,
  );
  text.isTrusted = { enabledCommands: ["kept.explainSuggestion", "kept.openDashboard"] };
  return text;
}
