import { statusIcon, statusLines, statusText, statusTooltip, type StatusView } from "./status-text.ts";
import * as vscode from "vscode";

export type { StatusView } from "./status-text.ts";

/** The one status item. A click opens the menu; while it flashes, a click undoes what it tells of. */
export interface StatusItem extends vscode.Disposable {
  show(view: StatusView): void;
  /** Say something for a moment; `undo` is what a click does meanwhile. */
  flash(text: string, undo?: vscode.Command): void;
  readonly text: string;
  /** Every state in one line. */
  readonly summary: string;
}

const FLASH_MS = 2_500;
/** Long enough to read it, to move the mouse there and to click. */
const UNDO_MS = 8_000;
const MENU: vscode.Command = { title: "", command: "kept.openMenu" };

export function createStatusItem(): StatusItem {
  const item = vscode.window.createStatusBarItem("kept.status", vscode.StatusBarAlignment.Right, 100);
  item.name = "Kept";
  let view: StatusView | null = null;
  let flashing: NodeJS.Timeout | null = null;
  let summary = "";
  item.text = "$(loading~spin) Kept";
  item.command = MENU;
  item.show();

  const draw = () => {
    if (!view || flashing) return;
    summary = statusLines(view).join(", ");
    item.text = statusText(view);
    item.tooltip = statusTooltip(view);
    item.command = MENU;
    const color = statusIcon(view).background;
    item.backgroundColor = color === null ? undefined : new vscode.ThemeColor(color);
    item.accessibilityInformation = { label: `Kept: ${summary}`, role: "button" };
  };
  return {
    show(next) {
      view = next;
      draw();
    },
    flash(text, undo) {
      if (flashing) clearTimeout(flashing);
      item.text = text;
      item.command = undo ?? MENU;
      item.tooltip = undo?.title ?? "";
      item.accessibilityInformation = { label: `Kept: ${text.replace(/\$\([^)]*\)/g, "").trim()}`, role: "button" };
      flashing = setTimeout(
        () => {
          flashing = null;
          draw();
        },
        undo ? UNDO_MS : FLASH_MS,
      );
    },
    get text() {
      return item.text;
    },
    get summary() {
      return summary;
    },
    dispose() {
      if (flashing) clearTimeout(flashing);
      item.dispose();
    },
  };
}
