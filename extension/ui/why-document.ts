import { why as whySchema, type Why } from "../../protocol/api.ts";
import { WHY_SCHEME } from "../contributions.ts";
import type { Ctx } from "../ctx.ts";
import type { SuggestionRecord } from "../suggest/suggestion-record.ts";
import { ask } from "../sync/server-request.ts";
import * as vscode from "vscode";

const DEADLINE_MS = 3_000;

/** Opens a read-only page that says what a suggestion was made with and what became of it. */
export async function explainSuggestion(suggestionId: string): Promise<void> {
  const uri = vscode.Uri.from({
    scheme: WHY_SCHEME,
    path: `/${vscode.l10n.t("Why this suggestion {0}", suggestionId.slice(-6))}.md`,
    query: suggestionId,
  });
  const document = await vscode.workspace.openTextDocument(uri);
  await vscode.window.showTextDocument(document, {
    preview: true,
    viewColumn: vscode.ViewColumn.Beside,
    preserveFocus: true,
  });
}

export function createWhyProvider(ctx: Ctx): vscode.TextDocumentContentProvider {
  return {
    async provideTextDocumentContent(uri) {
      const record = ctx.records.get(uri.query);
      return describeWhy(record, await fetchWhy(ctx, uri.query), uri.query);
    },
  };
}

async function fetchWhy(ctx: Ctx, id: string): Promise<Why | null> {
  const { connection } = ctx.link;
  if (!connection || !/^[0-9a-f-]{36}$/.test(id)) return null;
  const answer = await ask(
    connection,
    whySchema,
    "GET",
    `/v1/suggestions/${id}/why`,
    null,
    AbortSignal.timeout(DEADLINE_MS),
  );
  return answer.ok ? answer.value : null;
}

/** The page's text: from this window's memory, and from the server when it answers. */
export function describeWhy(record: SuggestionRecord | null, why: Why | null, id: string): string {
  const title = `# ${vscode.l10n.t("Why this suggestion?")}`;
  const completion = record?.completion ?? why?.suggestion.completion;
  const context = record?.context ?? why?.context;
  const model = record?.model ?? why?.suggestion.model;
  if (completion === undefined || !context || !model) {
    return `${title}\n\n${vscode.l10n.t("Nothing is known of suggestion {0}: it is from another window, and the server does not answer.", id)}\n`;
  }
  const lines = [
    title,
    "",
    ...fenced(completion, context.language),
    "",
    `- ${vscode.l10n.t("Suggestion: {0}", id)}`,
    `- ${vscode.l10n.t("Place: {0}, line {1}, column {2}", context.path, context.line + 1, context.column + 1)}`,
    `- ${vscode.l10n.t("Base model: {0}", model.base.slice(0, 12))}`,
    `- ${model.adapter ? vscode.l10n.t("Adapter: {0}", model.adapter) : vscode.l10n.t("Adapter: none, the base model alone")}`,
  ];
  if (record) lines.push(`- ${vscode.l10n.t("Made in {0} ms", Math.round(record.latencyMs))}`);
  const judgement = record?.judgement;
  if (judgement?.isHeldBack === true) {
    lines.push(
      `- ${vscode.l10n.t("Held back: suggestions like it are taken {0} of 100 times, fewer than {1}. Ask by hand to see such a one, or switch the setting {2} off.", percent(judgement.probability), percent(judgement.threshold), "kept.suggest.holdBack")}`,
    );
  }
  if (why?.adapter) {
    const { trainedOn, dataset, run, createdAt, championBefore } = why.adapter;
    lines.push(
      `- ${vscode.l10n.t("Adapter trained on {0} rows of dataset {1} in run {2}, {3}", trainedOn, dataset, run, createdAt)}`,
      `- ${vscode.l10n.t("Serving before it: {0}", championBefore ?? vscode.l10n.t("the base model"))}`,
    );
  }
  lines.push("", `## ${vscode.l10n.t("Examples that stood before the prompt")}`, "");
  if (context.examples.length === 0) lines.push(vscode.l10n.t("None."));
  for (const example of context.examples) {
    const origin = example.commit
      ? vscode.l10n.t("commit {0}", example.commit.slice(0, 10))
      : example.suggestionId
        ? vscode.l10n.t("suggestion {0}", example.suggestionId)
        : vscode.l10n.t("this repository");
    lines.push(`### ${example.path} (${origin})`, "", ...fenced(example.text, context.language), "");
  }
  if (why) {
    lines.push("", `## ${vscode.l10n.t("What became of it")}`, "");
    for (const event of why.events) lines.push(`- ${new Date(event.wallMs).toISOString()} ${event.kind}`);
    if (why.suggestion.label) {
      const { verdict, probability, reasons } = why.suggestion.label;
      lines.push("", `## ${vscode.l10n.t("Label: {0} (p {1})", verdict, probability.toFixed(2))}`, "");
      for (const reason of reasons)
        lines.push(`- ${reason.signal} ${reason.lambda >= 0 ? "+" : ""}${reason.lambda.toFixed(2)}: ${reason.detail}`);
    }
  } else
    lines.push("", vscode.l10n.t("The server does not answer, so its part is missing: outcomes, label and lineage."));
  return `${lines.join("\n")}\n`;
}

const percent = (share: number): string => (100 * share).toFixed(1);

/** A fence longer than any run of backticks inside, so that code cannot end it. */
function fenced(text: string, language: string): string[] {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return [fence + language, text, fence];
}
