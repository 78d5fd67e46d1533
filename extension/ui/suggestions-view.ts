import { CONTEXT_KEYS, SUGGESTIONS_VIEW } from "../contributions.ts";
import type { Ctx } from "../ctx.ts";
import { entryPlace, type EntryPlace } from "../observe/entry-place.ts";
import type { JournalEntry } from "../observe/journal-entry.ts";
import { ratingText } from "../observe/ratings.ts";
import { FILTERS, groupEntries, type Filter, type Grouping } from "./suggestion-groups.ts";
import { rowTooltip, suggestionRow } from "./suggestion-row.ts";
import path from "node:path";
import * as vscode from "vscode";

/** The *Suggestions* view: what was suggested lately and what became of it. */
export interface SuggestionsView extends vscode.Disposable {
  /** The suggestion of the row that has the selection. */
  selected(): string | null;
  groupBy(grouping: Grouping): void;
  /** Asks which suggestions to show, unless `filter` names one. */
  filterBy(filter: unknown): Promise<void>;
  /** Rows as they stand, for tests and for other extensions: the words of the view, no code. */
  rows(): Promise<readonly string[]>;
}

export type ViewNode =
  | { readonly kind: "group"; readonly key: string; readonly entries: readonly JournalEntry[] }
  | { readonly kind: "suggestion"; readonly id: string };

const GROUPING_KEY = "kept.view.grouping";
/** Changes come in bursts: the tree is drawn once for each. */
const REDRAW_MS = 200;

export function createSuggestionsView(ctx: Ctx): SuggestionsView {
  const memento = ctx.extension.workspaceState;
  const changed = new vscode.EventEmitter<void>();
  let grouping = memento.get<Grouping>(GROUPING_KEY, "day");
  let filter: Filter = "all";
  let timer: NodeJS.Timeout | null = null;

  const groups = () =>
    groupEntries(ctx.journal.entries(), filter, (entry) =>
      grouping === "file" ? (entryPlace(ctx, entry)?.path ?? "") : dayOf(entry),
    );
  const children = (node?: ViewNode): ViewNode[] => {
    if (!node) return groups().map((group) => ({ kind: "group" as const, ...group }));
    return node.kind === "group" ? node.entries.map(({ id }) => ({ kind: "suggestion" as const, id })) : [];
  };
  const item = (node: ViewNode): vscode.TreeItem => {
    if (node.kind === "group") return groupItem(node, grouping);
    const entry = ctx.journal.get(node.id);
    return entry
      ? suggestionItem(entry, entryPlace(ctx, entry), grouping)
      : new vscode.TreeItem(vscode.l10n.t("forgotten"));
  };

  const view = vscode.window.createTreeView<ViewNode>(SUGGESTIONS_VIEW, {
    treeDataProvider: { onDidChangeTreeData: changed.event, getChildren: children, getTreeItem: item },
    showCollapseAll: true,
  });
  const describe = () => {
    view.message = filter === "all" ? "" : vscode.l10n.t("Shown: {0}.", filterText(filter));
    setContext(CONTEXT_KEYS.viewGrouping, grouping);
    setContext(CONTEXT_KEYS.viewFiltered, filter !== "all");
  };
  const redraw = () => {
    timer ??= setTimeout(() => {
      timer = null;
      changed.fire();
    }, REDRAW_MS);
  };
  const listener = ctx.journal.onDidChange(redraw);
  describe();

  return {
    selected() {
      const [node] = view.selection;
      return node?.kind === "suggestion" ? node.id : null;
    },
    groupBy(next) {
      grouping = next;
      void memento.update(GROUPING_KEY, next);
      describe();
      changed.fire();
    },
    async filterBy(named) {
      const next = FILTERS.find((one) => one === named) ?? (await chooseFilter(filter));
      if (next === null) return;
      filter = next;
      describe();
      changed.fire();
    },
    rows: async () =>
      children().flatMap((group) => [
        labelOf(item(group)),
        ...children(group).map((node) => `  ${labelOf(item(node))}`),
      ]),
    dispose() {
      if (timer) clearTimeout(timer);
      listener.dispose();
      view.dispose();
      changed.dispose();
    },
  };
}

function groupItem({ key, entries }: ViewNode & { kind: "group" }, grouping: Grouping): vscode.TreeItem {
  const made = new vscode.TreeItem(
    grouping === "day"
      ? dayText(entries[0])
      : key === ""
        ? vscode.l10n.t("File not recorded")
        : path.posix.basename(key),
    vscode.TreeItemCollapsibleState.Expanded,
  );
  made.id = `${grouping}:${key}`;
  made.contextValue = "group";
  const folder = path.posix.dirname(key);
  made.description = grouping === "file" && folder !== "." ? `${folder} · ${entries.length}` : String(entries.length);
  made.tooltip = grouping === "file" ? key : "";
  // The icon of the file's own kind, from the user's icon theme.
  made.iconPath = grouping === "file" ? vscode.ThemeIcon.File : new vscode.ThemeIcon("calendar");
  const [first] = entries;
  if (grouping === "file" && first && !first.isHidden)
    made.resourceUri = vscode.Uri.file(path.join(first.root, first.path));
  return made;
}

function suggestionItem(entry: JournalEntry, at: EntryPlace | null, grouping: Grouping): vscode.TreeItem {
  const { state, model, icon } = suggestionRow(entry);
  const place = at?.path ? `${path.posix.basename(at.path)}:${at.line + 1}` : timeOf(entry);
  const line = at?.path ? vscode.l10n.t("Line {0}", at.line + 1) : timeOf(entry);
  const made = new vscode.TreeItem(grouping === "file" ? line : place);
  const said = entry.rating === null ? [] : [lowerFirst(ratingText(entry.rating))];
  made.id = entry.id;
  made.description = [state, ...said, model].join(" · ");
  made.iconPath = icon;
  made.tooltip = rowTooltip(entry, at);
  made.contextValue = `suggestion ${entry.rating === null ? "unrated" : `rated-${entry.rating.verdict}`}`;
  made.command = {
    title: vscode.l10n.t("Show the code"),
    command: "kept.revealSuggestion",
    arguments: [entry.id],
  };
  made.accessibilityInformation = { label: [place, state, model, ...said].join(", ") };
  return made;
}

const labelOf = ({ label, description }: vscode.TreeItem): string =>
  [typeof label === "string" ? label : (label?.label ?? ""), description].filter(Boolean).join(" ");

async function chooseFilter(current: Filter): Promise<Filter | null> {
  const items = FILTERS.map((filter) => ({
    label: filterText(filter),
    description: filter === current ? vscode.l10n.t("current") : "",
    filter,
  }));
  const chosen = await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Show which suggestions?") });
  return chosen?.filter ?? null;
}

function filterText(filter: Filter): string {
  return {
    all: vscode.l10n.t("all suggestions"),
    taken: vscode.l10n.t("accepted, whole or in part"),
    refused: vscode.l10n.t("rejected, typed over or undone"),
    rated: vscode.l10n.t("rated"),
    unrated: vscode.l10n.t("accepted and not rated yet"),
    alive: vscode.l10n.t("alive in git"),
    gone: vscode.l10n.t("gone from the file or from git"),
  }[filter];
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

const timeOf = ({ shownAtMs }: JournalEntry): string =>
  new Date(shownAtMs).toLocaleTimeString(vscode.env.language, { timeStyle: "short" });

/** Local day, as a key. */
const dayOf = ({ shownAtMs }: JournalEntry): string => new Date(shownAtMs).toDateString();

const DAY_MS = 24 * 60 * 60 * 1_000;

function dayText(entry: JournalEntry | undefined): string {
  if (!entry) return "";
  const day = dayOf(entry);
  if (day === new Date().toDateString()) return vscode.l10n.t("Today");
  if (day === new Date(Date.now() - DAY_MS).toDateString()) return vscode.l10n.t("Yesterday");
  return new Date(entry.shownAtMs).toLocaleDateString(vscode.env.language, { dateStyle: "full" });
}

function setContext(key: string, value: unknown): void {
  void vscode.commands.executeCommand("setContext", key, value);
}
