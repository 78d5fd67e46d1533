import * as vscode from "vscode";

/** Whether Kept may record what becomes of suggestions, asked once for each workspace folder. */
export interface Consent extends vscode.Disposable {
  /** True only after the user agreed for the folder, in a trusted workspace, while not paused. */
  allows(root: string): boolean;
  readonly isPaused: boolean;
  /** Ask for the folders that were not asked for yet. Never blocks, never asks twice. */
  askOnce(): void;
  set(answer: "allowed" | "refused"): Promise<void>;
  pause(paused: boolean): void;
  readonly onDidChange: vscode.Event<void>;
}

const KEY_PREFIX = "kept.consent:";

/**
 * `KEPT_CONSENT=allow` in the environment of the editor's process agrees for every folder: it is
 * how a test host starts agreed, and nothing that a repository contains can set it.
 */
export function createConsent(memento: vscode.Memento, env: NodeJS.ProcessEnv): Consent {
  const changed = new vscode.EventEmitter<void>();
  const isGivenByEnvironment = env["KEPT_CONSENT"] === "allow";
  let isPaused = false;

  const answerOf = (root: string) => memento.get<"allowed" | "refused">(KEY_PREFIX + root);
  const folders = () => (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);

  const set = async (answer: "allowed" | "refused") => {
    for (const root of folders()) await memento.update(KEY_PREFIX + root, answer);
    changed.fire();
  };

  const trusted = vscode.workspace.onDidGrantWorkspaceTrust(() => changed.fire());
  return {
    allows: (root) => !isPaused && vscode.workspace.isTrusted && (isGivenByEnvironment || answerOf(root) === "allowed"),
    get isPaused() {
      return isPaused;
    },
    askOnce() {
      const open = folders().filter((root) => answerOf(root) === undefined);
      if (open.length === 0 || isGivenByEnvironment || !vscode.workspace.isTrusted) return;
      void askFor(set);
    },
    set,
    pause(paused) {
      isPaused = paused;
      changed.fire();
    },
    onDidChange: changed.event,
    dispose() {
      trusted.dispose();
      changed.dispose();
    },
  };
}

async function askFor(set: (answer: "allowed" | "refused") => Promise<void>): Promise<void> {
  const allow = vscode.l10n.t("Allow outcomes and code");
  const notNow = vscode.l10n.t("Not now");
  const chosen = await vscode.window.showInformationMessage(
    vscode.l10n.t(
      "Kept can learn from this folder: it would record which suggestions you keep, with the code around them, on this machine only. Suggestions work either way.",
    ),
    allow,
    notNow,
  );
  // A closed notification is no answer: the question comes again with the next window.
  if (chosen === allow) await set("allowed");
  else if (chosen === notNow) await set("refused");
}
