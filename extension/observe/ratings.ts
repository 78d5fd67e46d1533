import type { Ctx } from "../ctx.ts";
import { entryPlace } from "./entry-place.ts";
import type { RecordedPlace } from "./event-recorder.ts";
import type { Rating } from "./journal-entry.ts";
import { ratedSuggestion } from "./rated-suggestion.ts";
import { pickReason, reasonText } from "./reason-picker.ts";
import * as vscode from "vscode";

/** Longest comment that an event holds, characters. */
const MAX_COMMENT_CHARS = 2_000;

/** Record a thumb at once, then ask what was wrong: the thumb stands whatever the answer is. */
export async function rate(ctx: Ctx, verdict: "up" | "down", named?: unknown): Promise<void> {
  const id = ratableSuggestion(ctx, named);
  if (id === null) return;
  record(ctx, id, { verdict, reason: null, comment: null });
  if (verdict === "down") await chooseReason(ctx, id);
}

export async function withdrawRating(ctx: Ctx, named?: unknown): Promise<void> {
  const id = ratableSuggestion(ctx, named);
  if (id === null) return;
  // Events are recorded a moment after they are told: the rating may be on its way.
  await ctx.recorder.settled();
  if (!ctx.journal.get(id)?.rating) {
    void vscode.window.showInformationMessage(vscode.l10n.t("This suggestion is not rated."));
    return;
  }
  ctx.recorder.record("rated", id, { verdict: "withdrawn" }, placeOf(ctx, id));
  ctx.status.flash(vscode.l10n.t("Rating withdrawn"));
}

/** The reason of a thumb down. A suggestion that has none yet gets it with the reason. */
export async function chooseReason(ctx: Ctx, named?: unknown): Promise<void> {
  const id = ratableSuggestion(ctx, named);
  if (id === null) return;
  const chosen = await pickReason(ctx.journal.get(id)?.rating ?? null);
  if (chosen === null) return;
  if (chosen === "comment") return addComment(ctx, id);
  const comment = chosen.comment ?? ctx.journal.get(id)?.rating?.comment ?? null;
  record(ctx, id, { verdict: "down", reason: chosen.reason, comment: comment?.slice(0, MAX_COMMENT_CHARS) ?? null });
}

/** A free comment beside the thumb; without a thumb it is a thumb down. */
export async function addComment(ctx: Ctx, named?: unknown): Promise<void> {
  const id = ratableSuggestion(ctx, named);
  if (id === null) return;
  const before = ctx.journal.get(id)?.rating ?? null;
  const comment = await vscode.window.showInputBox({
    title: vscode.l10n.t("Comment on this suggestion"),
    prompt: vscode.l10n.t("It is stored with the rating, on this machine."),
    value: before?.comment ?? "",
    validateInput: (text) =>
      text.length > MAX_COMMENT_CHARS ? vscode.l10n.t("At most {0} characters", MAX_COMMENT_CHARS) : null,
  });
  if (comment === undefined) return;
  const verdict = before?.verdict ?? "down";
  const reason = before?.reason ?? (verdict === "down" && comment !== "" ? "other" : null);
  record(ctx, id, { verdict, reason, comment: comment === "" ? null : comment });
}

/** A rating in words: `Rated down: insecure`. */
export function ratingText({ verdict, reason }: Rating): string {
  if (verdict === "up") return vscode.l10n.t("Rated up");
  return reason === null ? vscode.l10n.t("Rated down") : vscode.l10n.t("Rated down: {0}", reasonText(reason));
}

function record(ctx: Ctx, id: string, rating: Rating): void {
  const fields = {
    verdict: rating.verdict,
    ...(rating.reason === null ? {} : { reason: rating.reason }),
    ...(rating.comment === null ? {} : { comment: rating.comment }),
  };
  ctx.recorder.record("rated", id, fields, placeOf(ctx, id));
  const icon = rating.verdict === "up" ? "$(thumbsup)" : "$(thumbsdown)";
  ctx.status.flash(`${icon} ${ratingText(rating)} · ${vscode.l10n.t("Undo")}`, {
    title: vscode.l10n.t("Withdraw this rating"),
    command: "kept.withdrawRating",
    arguments: [id],
  });
}

/** Where a suggestion was shown that the recorder no longer remembers, as after a restart. */
function placeOf(ctx: Ctx, id: string): RecordedPlace | undefined {
  const entry = ctx.records.get(id) === null ? ctx.journal.get(id) : null;
  const place = entry ? entryPlace(ctx, entry) : null;
  return entry && place ? { root: place.root, path: place.path ?? entry.path } : undefined;
}

/** The suggestion, when a rating of it can be recorded; otherwise it says why not. */
function ratableSuggestion(ctx: Ctx, named: unknown): string | null {
  const id = ratedSuggestion(ctx, named);
  if (id === null) {
    void vscode.window.showInformationMessage(vscode.l10n.t("There is no suggestion to rate yet."));
    return null;
  }
  const entry = ctx.journal.get(id);
  const place = entry ? entryPlace(ctx, entry) : null;
  if (place && ctx.consent.allows(place.root)) return id;
  void sayNotRecorded(ctx);
  return null;
}

async function sayNotRecorded(ctx: Ctx): Promise<void> {
  const { isPaused } = ctx.consent;
  const action = isPaused ? vscode.l10n.t("Resume learning") : vscode.l10n.t("Learn from this folder");
  const chosen = await vscode.window.showInformationMessage(
    isPaused
      ? vscode.l10n.t("Learning is paused, so this rating would not be recorded.")
      : vscode.l10n.t("Kept did not record this suggestion, so there is nothing to rate."),
    action,
  );
  if (chosen === action) await vscode.commands.executeCommand(isPaused ? "kept.resumeCapture" : "kept.allowCapture");
}
