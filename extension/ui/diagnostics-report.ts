import { SETTINGS } from "../contributions.ts";
import type { Ctx } from "../ctx.ts";
import { arch, cpus, platform, release, totalmem } from "node:os";
import * as vscode from "vscode";

/**
 * What a bug report needs: versions, states, counts and timings as Markdown. No code, no path, no name
 * of a file or folder, no token; of settings only which were changed. In English, as reports are.
 */
export function diagnosticsReport(ctx: Ctx): string {
  const { waiting, bytes, dropped, damaged, problem } = ctx.outbox.stats();
  const packageJson = ctx.extension.extension.packageJSON as { version: string };
  const entries = ctx.journal.entries();
  const counts = countBy(entries.map(({ outcome }) => outcome));
  const costs = [...ctx.observer.editCostsMs].sort((a, b) => a - b);
  const rows: [string, string | number][] = [
    ["Kept", packageJson.version],
    [
      "Editor",
      `${vscode.env.appName} ${vscode.version}, ${vscode.env.uiKind === vscode.UIKind.Web ? "web" : "desktop"}`,
    ],
    ["Remote", vscode.env.remoteName ?? "none"],
    ["Language", vscode.env.language],
    ["System", `${platform()} ${release()} ${arch()}`],
    ["Node", process.versions.node],
    ["Processors", cpus().length],
    ["Memory", `${Math.round(totalmem() / 2 ** 30)} GiB`],
    ["Memory of this extension host", `${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`],
    ["Workspace", `${vscode.workspace.workspaceFolders?.length ?? 0} folders, ${trustText()}`],
    ["Engine", `${ctx.engine.state}, started ${ctx.engine.starts} times`],
    ["Base model", ctx.engine.model?.sha256 ?? "none"],
    ["Adapter", ctx.engine.adapter ?? "none"],
    ["Server", `${ctx.link.state}, version ${ctx.link.connection?.version ?? "unknown"}`],
    ["Learning", ctx.consent.isPaused ? "paused" : learningText(ctx)],
    ["Events recorded in this session", ctx.recorder.recorded],
    ["Events sent and refused", `${ctx.link.counts.sent}, ${ctx.link.counts.rejected}`],
    ["Events waiting", `${waiting} (${bytes} bytes), ${dropped} dropped, ${damaged} damaged`],
    ["Last write error", problem ?? "none"],
    ["Journal", `${entries.length} suggestions: ${counts || "none"}`],
    ["Examples", ctx.examples.size],
    ["Asked in files left alone", ctx.counts.leftAlone],
    [
      "Edit handlers, median and p99",
      `${quantile(costs, 0.5)} ms, ${quantile(costs, 0.99)} ms (${costs.length} edits)`,
    ],
    ["Settings changed", changedSettings()],
  ];
  const lines = rows.map(([name, value]) => `| ${name} | ${String(value).replaceAll("|", "\\|")} |`);
  return ["### Kept diagnostics", "", "| | |", "|---|---|", ...lines, ""].join("\n");
}

export async function copyDiagnostics(ctx: Ctx): Promise<void> {
  await vscode.env.clipboard.writeText(diagnosticsReport(ctx));
  ctx.status.flash(`$(clippy) ${vscode.l10n.t("Diagnostics copied")}`);
}

const trustText = (): string => (vscode.workspace.isTrusted ? "trusted" : "not trusted");

function learningText(ctx: Ctx): string {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const allowed = folders.filter(({ uri }) => ctx.consent.allows(uri.fsPath)).length;
  return `allowed in ${allowed} of ${folders.length} folders`;
}

/** Names alone: a value may be a path or an address. */
function changedSettings(): string {
  const configuration = vscode.workspace.getConfiguration();
  const changed = SETTINGS.filter((id) => {
    const found = configuration.inspect(id);
    return found && (found.globalValue ?? found.workspaceValue ?? found.workspaceFolderValue) !== undefined;
  });
  return changed.length === 0 ? "none" : changed.join(", ");
}

function countBy(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([value, n]) => `${n} ${value}`).join(", ");
}

function quantile(sorted: readonly number[], q: number): string {
  return (sorted[Math.floor((sorted.length - 1) * q)] ?? 0).toFixed(3);
}
