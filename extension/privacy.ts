import { createEventRecorder, type EventRecorder, type RecorderOptions } from "./observe/event-recorder.ts";
import { createPlaceKey, type PlaceKey } from "./observe/place-key.ts";
import { createSecretScan } from "./observe/secret-scan.ts";
import type { Settings } from "./settings.ts";
import { createCaptureRules, type CaptureRules } from "./suggest/capture-rules.ts";
import { excludePatterns, type ExcludeScopes } from "./suggest/exclude-patterns.ts";
import { ASSISTANT_IGNORE_FILES } from "./suggest/ignore-files.ts";
import type { SuggestionRecords } from "./suggest/suggestion-record.ts";
import type { Outbox } from "./sync/outbox.ts";
import { createConsent, workspaceFolders, type Consent } from "./ui/consent.ts";
import * as vscode from "vscode";

/** Everything that stands between what a window sees and what is written: consent, rules, redaction. */
export interface Privacy extends vscode.Disposable {
  readonly consent: Consent;
  readonly rules: CaptureRules;
  readonly recorder: EventRecorder;
  readonly hidden: PlaceKey;
}

export interface PrivacyOptions {
  readonly extension: vscode.ExtensionContext;
  readonly env: NodeJS.ProcessEnv;
  readonly records: SuggestionRecords;
  readonly outbox: Pick<Outbox, "append">;
  settings(): Settings;
  isForgotten: RecorderOptions["isForgotten"];
  log(message: string): void;
}

export function openPrivacy({ extension, env, records, outbox, settings, ...options }: PrivacyOptions): Privacy {
  const rules = createCaptureRules(env);
  const configure = () =>
    rules.configure({
      own: settings().excludedFiles,
      editor: excludePatterns(["files.exclude", "search.exclude"].flatMap(scopesOf)),
    });
  configure();
  const consent = createConsent({
    workspaceState: extension.workspaceState,
    globalState: extension.globalState,
    env,
    ceiling: () => settings().captureLevel,
  });
  const hidden = createPlaceKey(extension.globalState);
  const recorder = createEventRecorder({
    append: (event) => void outbox.append(event),
    placeOf(id) {
      const record = records.get(id);
      return record ? { root: record.root, path: record.context.path, context: record.context } : null;
    },
    levelOf: (root) => consent.levelOf(root),
    mayRecord: async (root, path) => (await rules.known(root, path)) === null,
    isForgotten: options.isForgotten,
    scan: createSecretScan(options.log),
    hidden,
    log: options.log,
  });

  // Read before the first key rather than with it.
  const look = (editor: vscode.TextEditor | undefined) => {
    const folder = editor && vscode.workspace.getWorkspaceFolder(editor.document.uri);
    if (folder) void rules.known(folder.uri.fsPath, vscode.workspace.asRelativePath(editor.document.uri, false));
  };
  look(vscode.window.activeTextEditor);
  const subscriptions = [
    vscode.window.onDidChangeActiveTextEditor(look),
    vscode.workspace.onDidChangeConfiguration((event) => {
      const names = ["kept.capture", "files.exclude", "search.exclude"];
      if (names.some((name) => event.affectsConfiguration(name))) configure();
    }),
    vscode.workspace.onDidChangeWorkspaceFolders(configure),
    vscode.workspace.onDidSaveTextDocument(({ uri }) => {
      if (/ignore$|\/info\/exclude$/.test(uri.path)) rules.refresh();
    }),
    // The user's global excludes lie outside of what is watched.
    vscode.window.onDidChangeWindowState(({ focused }) => {
      if (focused) rules.refresh();
    }),
    ...watchIgnoreFiles(() => rules.refresh()),
  ];

  return {
    consent,
    rules,
    recorder,
    hidden,
    dispose() {
      for (const subscription of subscriptions) subscription.dispose();
      consent.dispose();
    },
  };
}

function watchIgnoreFiles(refresh: () => void): vscode.Disposable[] {
  const names = [".gitignore", ...ASSISTANT_IGNORE_FILES].join(",");
  const patterns: vscode.GlobPattern[] = [
    `**/{${names}}`,
    ...workspaceFolders().map((root) => new vscode.RelativePattern(vscode.Uri.file(root), ".git/info/exclude")),
  ];
  return patterns.flatMap((pattern) => {
    const watcher = vscode.workspace.createFileSystemWatcher(pattern);
    return [watcher, watcher.onDidCreate(refresh), watcher.onDidChange(refresh), watcher.onDidDelete(refresh)];
  });
}

/** A setting of the editor in all its scopes, for each folder of the workspace. */
function scopesOf(name: string): ExcludeScopes[] {
  const folders = vscode.workspace.workspaceFolders ?? [undefined];
  return folders.map((folder) => {
    const found = vscode.workspace.getConfiguration(undefined, folder?.uri).inspect<Record<string, unknown>>(name);
    return {
      defaultValue: found?.defaultValue,
      globalValue: found?.globalValue,
      workspaceValue: found?.workspaceValue,
      workspaceFolderValue: found?.workspaceFolderValue,
    };
  });
}
