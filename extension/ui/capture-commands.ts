import { CAPTURE_LEVELS, type CaptureLevel } from "../../core/capture-level.ts";
import type { Ctx } from "../ctx.ts";
import { workspaceFolders } from "./consent.ts";
import path from "node:path";
import * as vscode from "vscode";

/** One hour, the pause that has a command of its own, milliseconds. */
export const PAUSE_MS = 3_600_000;

/** What becomes of events that were recorded and not sent when capture is lowered. */
type Unsent = "delete" | "keep";

/**
 * Lets the person choose what is recorded of a folder. The level holds at once; then, when events of that
 * folder still wait that the new level would not have recorded, asks what to do with them. Arguments
 * answer the questions: `(level, folder, "delete" | "keep")`.
 */
export async function chooseCaptureLevel(ctx: Ctx, level?: unknown, folder?: unknown, unsent?: unknown): Promise<void> {
  const roots = typeof folder === "string" ? [folder] : await chosenRoots();
  if (roots.length === 0) return;
  const chosen = CAPTURE_LEVELS.find((known) => known === level) ?? (await pickLevel(ctx, roots));
  if (!chosen) return;
  const isLower = roots.some((root) => {
    const before = ctx.consent.answerOf(root);
    return before !== null && CAPTURE_LEVELS.indexOf(chosen) < CAPTURE_LEVELS.indexOf(before);
  });
  // Nothing of it leaves while the person decides.
  const release = ctx.outbox.hold();
  try {
    await ctx.consent.set(chosen, roots);
    await ctx.recorder.settled();
    if (isLower) await settleUnsent(ctx, roots, unsent === "delete" || unsent === "keep" ? unsent : null);
  } finally {
    release();
  }
}

async function chosenRoots(): Promise<string[]> {
  const roots = workspaceFolders();
  if (roots.length <= 1) return roots;
  const all = vscode.l10n.t("All folders");
  const picked = await vscode.window.showQuickPick(
    [{ label: all, roots }, ...roots.map((root) => ({ label: path.basename(root), description: root, roots: [root] }))],
    { title: vscode.l10n.t("Choose what is recorded"), placeHolder: vscode.l10n.t("Of which folder?") },
  );
  return picked?.roots ?? [];
}

async function pickLevel(ctx: Ctx, roots: readonly string[]): Promise<CaptureLevel | undefined> {
  const now = ctx.consent.answerOf(roots[0] ?? "");
  const ceiling = CAPTURE_LEVELS.indexOf(ctx.settings().captureLevel);
  const picked = await vscode.window.showQuickPick(
    CAPTURE_LEVELS.filter((level) => CAPTURE_LEVELS.indexOf(level) <= ceiling).map((level) => ({
      level,
      label: levelName(level),
      detail: levelDetail(level),
      ...(level === now ? { description: vscode.l10n.t("current") } : {}),
    })),
    { title: vscode.l10n.t("Choose what is recorded"), placeHolder: roots.join(", "), matchOnDetail: true },
  );
  return picked?.level;
}

export function levelName(level: CaptureLevel): string {
  if (level === "code") return vscode.l10n.t("Outcomes and code");
  return level === "outcomes" ? vscode.l10n.t("Outcomes only") : vscode.l10n.t("Nothing");
}

function levelDetail(level: CaptureLevel): string {
  if (level === "code")
    return vscode.l10n.t("Suggestions, the code around them and what became of them. Kept can learn from this.");
  return level === "outcomes"
    ? vscode.l10n.t("What became of suggestions: times, lengths and languages. No code, no names, no paths.")
    : vscode.l10n.t("Suggestions work, and nothing of them is recorded.");
}

async function settleUnsent(ctx: Ctx, roots: readonly string[], answered: Unsent | null): Promise<void> {
  const folders = new Set(roots.map((root) => ctx.hidden(root)));
  const isOfFolder = (event: { origin?: { folder: string } | undefined }) => folders.has(event.origin?.folder ?? "");
  const nWaiting = await ctx.outbox.count(isOfFolder);
  if (nWaiting === 0) return;
  const discard = vscode.l10n.t("Delete them");
  const send = vscode.l10n.t("Keep and send them");
  const chosen =
    answered ??
    ((await vscode.window.showWarningMessage(
      vscode.l10n.t("{0} events of this folder were recorded before and have not been sent yet.", nWaiting),
      { modal: true },
      discard,
      send,
    )) === send
      ? "keep"
      : "delete");
  if (chosen === "keep") return;
  await ctx.outbox.remove(isOfFolder);
  ctx.status.flash(`$(trash) ${vscode.l10n.t("{0} events deleted", nWaiting)}`);
}
