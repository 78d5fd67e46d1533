import type { Ctx } from "../ctx.ts";
import * as vscode from "vscode";

const reasons = () =>
  [
    { label: vscode.l10n.t("Wrong"), reason: "wrong" },
    { label: vscode.l10n.t("Insecure"), reason: "insecure" },
    { label: vscode.l10n.t("Not our style"), reason: "style" },
    { label: vscode.l10n.t("Outdated API"), reason: "outdated-api" },
    { label: vscode.l10n.t("Too long"), reason: "too-long" },
    { label: vscode.l10n.t("Something else"), reason: "other" },
  ] as const;

/** The suggestion that a rating means: the one named, the one on screen, or the one shown last. */
export function ratedSuggestion(ctx: Ctx, named?: unknown): string | null {
  if (typeof named === "string" && ctx.records.get(named)) return named;
  return ctx.observer.visible ?? ctx.records.lastShown?.id ?? null;
}

export async function rate(ctx: Ctx, verdict: "up" | "down" | "withdrawn", named?: unknown): Promise<void> {
  const id = ratedSuggestion(ctx, named);
  if (id === null) {
    void vscode.window.showInformationMessage(vscode.l10n.t("There is no suggestion to rate yet."));
    return;
  }
  ctx.recorder.record("rated", id, { verdict });
  ctx.ratings.set(id, verdict);
  ctx.status.flash(
    verdict === "withdrawn"
      ? vscode.l10n.t("Rating withdrawn")
      : `${verdict === "up" ? "$(thumbsup)" : "$(thumbsdown)"} ${vscode.l10n.t("Rated")}`,
  );
  if (verdict !== "down") return;
  const chosen = await vscode.window.showQuickPick(reasons(), {
    title: vscode.l10n.t("What was wrong with it?"),
    placeHolder: vscode.l10n.t("Optional: press Escape to leave it at the thumb"),
  });
  if (chosen) ctx.recorder.record("rated", id, { verdict, reason: chosen.reason });
}

/** Ratings of this window; the lens over accepted code shows them. */
export class Ratings {
  readonly #verdicts = new Map<string, "up" | "down">();
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changed.event;

  get(suggestionId: string): "up" | "down" | null {
    return this.#verdicts.get(suggestionId) ?? null;
  }

  set(suggestionId: string, verdict: "up" | "down" | "withdrawn"): void {
    if (verdict === "withdrawn") this.#verdicts.delete(suggestionId);
    else this.#verdicts.set(suggestionId, verdict);
    this.#changed.fire();
  }

  /** Accepted code came or went: the lenses are drawn again. */
  refresh(): void {
    this.#changed.fire();
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
