import type { KeptEvent } from "../../protocol/events.ts";
import { RECORDED_SCHEME } from "../contributions.ts";
import type { Ctx } from "../ctx.ts";
import { levelName } from "./capture-commands.ts";
import { workspaceFolders } from "./consent.ts";
import * as vscode from "vscode";

/** A read-only document with the last events as they are stored, what each field means, and what can be done. */
export interface RecordedPage extends vscode.TextDocumentContentProvider, vscode.CodeLensProvider, vscode.Disposable {
  show(): Promise<void>;
  /** Something was recorded or forgotten: an open page is drawn again. */
  refresh(): void;
}

const ADDRESS = vscode.Uri.from({ scheme: RECORDED_SCHEME, path: "/What is recorded.md" });
/** Lines that a lens belongs to: an event's heading ends with its suggestion's id. */
const EVENT_HEADING = /^### .* ([0-9a-f-]{36})$/;

export function createRecordedPage(ctx: Ctx): RecordedPage {
  const changed = new vscode.EventEmitter<vscode.Uri>();
  const lensesChanged = new vscode.EventEmitter<void>();
  return {
    onDidChange: changed.event,
    onDidChangeCodeLenses: lensesChanged.event,
    async provideTextDocumentContent() {
      const { recorder, recorded, outbox } = ctx;
      await recorder.settled();
      const waiting = new Set<string>();
      await outbox.count((event) => waiting.add(event.id).size > 0);
      return describeRecorded(ctx, recorded.events, waiting);
    },
    provideCodeLenses(document) {
      const lenses: vscode.CodeLens[] = [];
      const lens = (line: number, title: string, command: string, ...args: unknown[]) =>
        lenses.push(new vscode.CodeLens(new vscode.Range(line, 0, line, 0), { title, command, arguments: args }));
      lens(0, `$(shield) ${vscode.l10n.t("Choose what is recorded")}`, "kept.chooseCaptureLevel");
      lens(0, `$(clock) ${vscode.l10n.t("Pause learning for an hour")}`, "kept.pauseCaptureHour");
      lens(0, `$(trash) ${vscode.l10n.t("Forget the last hour")}`, "kept.forgetLastHour");
      lens(0, `$(trash) ${vscode.l10n.t("Forget everything")}`, "kept.forgetEverything");
      for (let line = 0; line < document.lineCount; line += 1) {
        const id = EVENT_HEADING.exec(document.lineAt(line).text)?.[1];
        if (id !== undefined)
          lens(line, `$(trash) ${vscode.l10n.t("Forget this suggestion")}`, "kept.forgetSuggestion", id);
      }
      return lenses;
    },
    async show() {
      changed.fire(ADDRESS);
      const document = await vscode.workspace.openTextDocument(ADDRESS);
      await vscode.window.showTextDocument(document, { preview: true });
    },
    refresh() {
      changed.fire(ADDRESS);
      lensesChanged.fire();
    },
    dispose() {
      changed.dispose();
      lensesChanged.dispose();
    },
  };
}

function describeRecorded(ctx: Ctx, events: readonly KeptEvent[], waiting: ReadonlySet<string>): string {
  const folders = workspaceFolders();
  const levels = folders.map((root) => {
    const level = levelName(ctx.consent.levelOf(root));
    const answer = ctx.consent.answerOf(root);
    const reason = !vscode.workspace.isTrusted
      ? vscode.l10n.t("this workspace is not trusted")
      : ctx.consent.isPaused
        ? vscode.l10n.t("learning is paused")
        : answer === null
          ? vscode.l10n.t("you have not answered yet")
          : vscode.l10n.t("you chose: {0}", levelName(answer));
    return `- ${root}: **${level}** (${reason})`;
  });
  const lines = [
    `# ${vscode.l10n.t("What is recorded")}`,
    "",
    ...(levels.length > 0 ? levels : [`- ${vscode.l10n.t("No folder is open.")}`]),
    `- ${vscode.l10n.t("Events that wait for the server: {0}", ctx.outbox.stats().waiting)}`,
    `- ${vscode.l10n.t("Requests to forget that wait for the server: {0}", ctx.forgets.waiting)}`,
    `- ${vscode.l10n.t("Files of this editor: {0}", ctx.extension.globalStorageUri.fsPath)}`,
    `- ${vscode.l10n.t("Files of the server: {0}", ctx.serverDataDir())}`,
    "",
    vscode.l10n.t(
      "Nothing leaves this machine. Ignored files and files with secrets by their names leave no trace; secrets in other files are replaced by what they are, as in <github-token>.",
    ),
    "",
    `## ${vscode.l10n.t("What the fields mean")}`,
    "",
    ...fieldMeanings().map(([field, meaning]) => `- \`${field}\`: ${meaning}`),
    "",
    `## ${vscode.l10n.t("The last events of this window, exactly as stored")}`,
    "",
  ];
  if (events.length === 0) lines.push(vscode.l10n.t("None."));
  for (const event of events) {
    const state = waiting.has(event.id) ? vscode.l10n.t("waiting") : vscode.l10n.t("sent");
    lines.push(
      `### ${new Date(event.wallMs).toISOString()} ${event.kind} (${state}) ${event.suggestionId}`,
      "",
      ...fenced(JSON.stringify(event, null, 2)),
      "",
    );
  }
  return `${lines.join("\n")}\n`;
}

function fieldMeanings(): (readonly [string, string])[] {
  return [
    [
      "id, suggestionId, sessionId, sequence",
      vscode.l10n.t("names of the event, its suggestion and this window's life, made at random"),
    ],
    ["wallMs, monotonicMs", vscode.l10n.t("when it happened, in milliseconds")],
    [
      "origin",
      vscode.l10n.t("keyed hashes of folder and file, so that they can be forgotten; the key stays in this editor"),
    ],
    ["kind", vscode.l10n.t("what happened to the suggestion")],
    [
      "context",
      vscode.l10n.t(
        "folder, file, language, cursor, the code before and after it, and the excerpts that the model saw",
      ),
    ],
    ["completion", vscode.l10n.t("the suggested code")],
    ["model", vscode.l10n.t("hash of the base model, and the adapter")],
    ["withheld", vscode.l10n.t("sizes, in place of texts that were not recorded")],
    ["text, comment", vscode.l10n.t("what you typed instead, and what you wrote about a suggestion")],
    ["visibleMs, latencyMs, afterMs", vscode.l10n.t("durations, in milliseconds")],
    ["fraction, tokens, strictTokens", vscode.l10n.t("how much of the suggestion was taken, or is still there")],
  ];
}

/** A fence longer than any run of backticks inside, so that code cannot end it. */
function fenced(text: string): string[] {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return [`${fence}json`, text, fence];
}
