import { CAPTURE_LEVELS, stricterLevel, type CaptureLevel } from "../../core/capture-level.ts";
import { createCapturePause, type CapturePause } from "./capture-pause.ts";
import * as vscode from "vscode";

/** What Kept may record of each workspace folder. Without an answer, nothing. */
export interface Consent extends vscode.Disposable {
  /**
   * What may be recorded of a folder now: the person's answer, below the ceiling of the settings; nothing
   * without an answer, in an untrusted workspace, or while paused.
   */
  levelOf(root: string): CaptureLevel;
  /** The person's own answer for a folder, or null. */
  answerOf(root: string): CaptureLevel | null;
  /** True when anything may be recorded of the folder now. */
  allows(root: string): boolean;
  readonly pause: CapturePause;
  readonly isPaused: boolean;
  /** Ask for the folders that were not asked for yet. Never blocks, never asks twice. */
  askOnce(): void;
  /** Answer for some folders; for all of the workspace when none are named. Holds at once. */
  set(level: CaptureLevel, roots?: readonly string[]): Promise<void>;
  readonly onDidChange: vscode.Event<void>;
}

export interface ConsentOptions {
  /** Answers live with the workspace, a pause with the installation. */
  readonly workspaceState: vscode.Memento;
  readonly globalState: vscode.Memento;
  readonly env: NodeJS.ProcessEnv;
  /** The highest level that the settings allow. */
  ceiling(): CaptureLevel;
}

const KEY_PREFIX = "kept.consent:";

/**
 * `KEPT_CONSENT=allow` in the environment of the editor's process agrees for every folder: it is
 * how a test host starts agreed, and nothing that a repository contains can set it.
 */
export function createConsent({ workspaceState, globalState, env, ceiling }: ConsentOptions): Consent {
  const changed = new vscode.EventEmitter<void>();
  const given: CaptureLevel | null = env["KEPT_CONSENT"] === "allow" ? "code" : null;
  const pause = createCapturePause(globalState, () => changed.fire());

  const answerOf = (root: string): CaptureLevel | null =>
    CAPTURE_LEVELS.find((level) => level === workspaceState.get<string>(KEY_PREFIX + root)) ?? null;
  const levelOf = (root: string): CaptureLevel => {
    if (pause.isPaused || !vscode.workspace.isTrusted || root === "") return "off";
    return stricterLevel(answerOf(root) ?? given ?? "off", ceiling());
  };
  const set = async (level: CaptureLevel, roots = workspaceFolders()) => {
    for (const root of roots) await workspaceState.update(KEY_PREFIX + root, level);
    changed.fire();
  };

  const trusted = vscode.workspace.onDidGrantWorkspaceTrust(() => changed.fire());
  return {
    levelOf,
    answerOf,
    allows: (root) => levelOf(root) !== "off",
    pause,
    get isPaused() {
      return pause.isPaused;
    },
    askOnce() {
      const open = workspaceFolders().filter((root) => answerOf(root) === null);
      if (open.length === 0 || given !== null || !vscode.workspace.isTrusted || ceiling() === "off") return;
      void askFor((level) => set(level, open));
    },
    set,
    onDidChange: changed.event,
    dispose() {
      pause[Symbol.dispose]();
      trusted.dispose();
      changed.dispose();
    },
  };
}

export const workspaceFolders = (): string[] => (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);

/** The folder of the file on screen, or the first: what the status item speaks of. */
export function rootInUse(): string {
  const uri = vscode.window.activeTextEditor?.document.uri;
  const folder = uri && vscode.workspace.getWorkspaceFolder(uri);
  return (folder ?? vscode.workspace.workspaceFolders?.[0])?.uri.fsPath ?? "";
}

async function askFor(set: (level: CaptureLevel) => Promise<void>): Promise<void> {
  const code = vscode.l10n.t("Outcomes and code");
  const outcomes = vscode.l10n.t("Outcomes only");
  const notNow = vscode.l10n.t("Not now");
  const chosen = await vscode.window.showInformationMessage(
    vscode.l10n.t(
      "Kept can learn from this folder. It would record, on this machine only, which suggestions you keep: with the code around them, or without any text. Suggestions work either way.",
    ),
    code,
    outcomes,
    notNow,
  );
  // A closed notification is no answer: the question comes again with the next window.
  if (chosen === code) await set("code");
  else if (chosen === outcomes) await set("outcomes");
  else if (chosen === notNow) await set("off");
}
