import type { EntryPlace } from "../observe/entry-place.ts";
import type { JournalEntry, JournalOutcome } from "../observe/journal-entry.ts";
import { ratingText } from "../observe/ratings.ts";
import * as vscode from "vscode";

/** The words and the picture of one suggestion in the *Suggestions* view. */
export interface SuggestionRow {
  /** `accepted · 100 % after 10 min · alive on main` */
  readonly state: string;
  /** `adapter 3f2a91c0` or `base model` */
  readonly model: string;
  readonly icon: vscode.ThemeIcon;
}

export function suggestionRow(entry: JournalEntry): SuggestionRow {
  const parts = [outcomeText(entry), retentionText(entry), survivalText(entry)];
  return {
    state: parts.filter((part) => part !== null).join(" · "),
    model: modelText(entry),
    icon: iconOf(entry.outcome),
  };
}

/** The whole of it, for the hover: code, place, times, model, rating. */
export function rowTooltip(entry: JournalEntry, place: EntryPlace | null): vscode.MarkdownString {
  const { state, model } = suggestionRow(entry);
  const text = new vscode.MarkdownString("", true);
  if (entry.preview !== null) text.appendCodeblock(entry.preview);
  const lines = [
    state,
    place?.path
      ? vscode.l10n.t("{0}, line {1}", place.path, place.line + 1)
      : vscode.l10n.t("Only outcomes were recorded, not where it was shown"),
    vscode.l10n.t("Shown {0}", timeText(entry.shownAtMs)),
    vscode.l10n.t("Made by the {0}", model),
  ];
  if (entry.survived?.commit && !entry.isHidden)
    lines.push(vscode.l10n.t("Last seen at commit {0}", entry.survived.commit.slice(0, 10)));
  if (entry.rating) lines.push(ratingText(entry.rating));
  if (entry.rating?.comment) lines.push(`“${entry.rating.comment}”`);
  for (const line of lines) text.appendText(line).appendMarkdown("  \n");
  return text;
}

export function outcomeText({ outcome, fraction }: JournalEntry): string {
  const percent = percentText(fraction);
  return {
    open: vscode.l10n.t("shown"),
    superseded: vscode.l10n.t("replaced by another"),
    ignored: vscode.l10n.t("ignored"),
    "typed-over": vscode.l10n.t("typed over"),
    rejected: vscode.l10n.t("rejected"),
    "typed-through": vscode.l10n.t("typed out, {0}", percent),
    "partially-accepted": vscode.l10n.t("accepted in part, {0}", percent),
    accepted: vscode.l10n.t("accepted"),
    undone: vscode.l10n.t("accepted, then undone"),
  }[outcome];
}

/** `100 % after 10 min`, or null while nobody looked. */
function retentionText({ retained, outcome }: JournalEntry): string | null {
  if (!retained || outcome === "undone") return null;
  const percent = percentText(retained.tokens);
  return retained.afterMs > 0
    ? vscode.l10n.t("{0} after {1}", percent, durationText(retained.afterMs))
    : vscode.l10n.t("{0} kept", percent);
}

/** `alive on main`, or null before the first commit. */
function survivalText({ survived }: JournalEntry): string | null {
  if (!survived || survived.place === "unknown") return null;
  if (survived.place === "nowhere" || survived.tokens === 0) return vscode.l10n.t("gone from git");
  if (survived.place === "elsewhere") return vscode.l10n.t("on another branch");
  const where = survived.branch ?? "HEAD";
  return survived.tokens === null || survived.tokens >= 1
    ? vscode.l10n.t("alive on {0}", where)
    : vscode.l10n.t("{0} alive on {1}", percentText(survived.tokens), where);
}

/** Characters of a version or hash that tell one from another. */
const SHORT_ID_CHARS = 8;

function modelText({ model }: JournalEntry): string {
  return model.adapter === null
    ? vscode.l10n.t("base model")
    : vscode.l10n.t("adapter {0}", model.adapter.slice(-SHORT_ID_CHARS));
}

const ICONS: Readonly<Record<JournalOutcome, readonly [icon: string, color: string | null]>> = {
  open: ["eye", null],
  superseded: ["replace", "disabledForeground"],
  ignored: ["circle-slash", "disabledForeground"],
  "typed-over": ["edit", "charts.yellow"],
  rejected: ["close", "charts.red"],
  "typed-through": ["keyboard", "charts.blue"],
  "partially-accepted": ["pie-chart", "charts.green"],
  accepted: ["check", "charts.green"],
  undone: ["discard", "charts.yellow"],
};

/** A shape for each outcome: the colour only repeats what the shape says. */
function iconOf(outcome: JournalOutcome): vscode.ThemeIcon {
  const [icon, color] = ICONS[outcome];
  return new vscode.ThemeIcon(icon, color === null ? undefined : new vscode.ThemeColor(color));
}

const percentText = (fraction: number): string => `${Math.round(100 * fraction)} %`;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The nearest of seconds, minutes, hours or days that says it in a small number. */
export function durationText(ms: number): string {
  if (ms < 90_000) return vscode.l10n.t("{0} s", Math.max(1, Math.round(ms / 1_000)));
  if (ms < 2 * HOUR_MS) return vscode.l10n.t("{0} min", Math.round(ms / MINUTE_MS));
  if (ms < 2 * DAY_MS) return vscode.l10n.t("{0} h", Math.round(ms / HOUR_MS));
  return vscode.l10n.t("{0} days", Math.round(ms / DAY_MS));
}

const timeText = (ms: number): string =>
  new Date(ms).toLocaleString(vscode.env.language, { dateStyle: "medium", timeStyle: "short" });
