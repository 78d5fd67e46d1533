import type { Rating } from "./journal-entry.ts";
import * as vscode from "vscode";

export type Reason = NonNullable<Rating["reason"]>;
const REASONS: readonly Reason[] = ["wrong", "insecure", "style", "outdated-api", "too-long", "other"];

interface ReasonItem extends vscode.QuickPickItem {
  readonly answer: { readonly reason: Reason; readonly comment: string | null } | "comment";
}

/**
 * What was wrong with a suggestion: one of six reasons, a text of one's own (typed right here), or
 * `comment` for the box with room for one. Null when the picker was closed.
 */
export function pickReason(rating: Rating | null): Promise<ReasonItem["answer"] | null> {
  const picker = vscode.window.createQuickPick<ReasonItem>();
  picker.title = vscode.l10n.t("What was wrong with it?");
  picker.placeholder = vscode.l10n.t("Choose, or write it here. Escape leaves it at the thumb.");
  const offer = (text: string) => {
    picker.items = [...reasonItems(), commentItem(text)];
    picker.activeItems = picker.items.filter(({ answer }) => answer !== "comment" && answer.reason === rating?.reason);
  };
  offer("");
  return new Promise((resolve) => {
    picker.onDidChangeValue((text) => {
      picker.items = [...reasonItems(), commentItem(text.trim())];
    });
    picker.onDidAccept(() => {
      const answer = answerFor(picker.selectedItems[0], picker.value.trim());
      if (answer === null) return;
      resolve(answer);
      picker.hide();
    });
    picker.onDidHide(() => {
      picker.dispose();
      resolve(null);
    });
    picker.show();
  });
}

/** Who types fast presses Enter before the list holds the last letters: what stands in the box counts. */
function answerFor(chosen: ReasonItem | undefined, text: string): ReasonItem["answer"] | null {
  const isOwnText = chosen === undefined || chosen.answer === "comment" || chosen.answer.comment !== null;
  return isOwnText && text !== "" ? { reason: "other", comment: text } : (chosen?.answer ?? null);
}

export function reasonText(reason: Reason): string {
  return {
    wrong: vscode.l10n.t("wrong"),
    insecure: vscode.l10n.t("insecure"),
    style: vscode.l10n.t("not our style"),
    "outdated-api": vscode.l10n.t("outdated API"),
    "too-long": vscode.l10n.t("too long"),
    other: vscode.l10n.t("something else"),
  }[reason];
}

function reasonItems(): ReasonItem[] {
  const details: Readonly<Record<Reason, string>> = {
    wrong: vscode.l10n.t("It does not do what was meant, or does not compile"),
    insecure: vscode.l10n.t("It would open a hole or leak something"),
    style: vscode.l10n.t("Right, but not how this project writes it"),
    "outdated-api": vscode.l10n.t("It calls something that is deprecated or gone"),
    "too-long": vscode.l10n.t("The beginning was good, then it went on"),
    other: vscode.l10n.t("None of these"),
  };
  return REASONS.map((reason) => {
    const text = reasonText(reason);
    const label = text.charAt(0).toUpperCase() + text.slice(1);
    return { label, description: details[reason], answer: { reason, comment: null } };
  });
}

/** What was typed into the picker becomes the comment; with nothing typed, a box is offered. */
function commentItem(text: string): ReasonItem {
  return text === ""
    ? { label: `$(comment) ${vscode.l10n.t("Write a comment…")}`, answer: "comment" }
    : {
        label: `$(comment) ${vscode.l10n.t("Say: {0}", text)}`,
        alwaysShow: true,
        answer: { reason: "other", comment: text },
      };
}
