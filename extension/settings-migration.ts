import { codeLensMode } from "./settings.ts";
import * as vscode from "vscode";

/** Rewrites settings of older versions where they stand. Quiet: what it means stays the same. */
export async function migrateSettings(log: (message: string) => void): Promise<void> {
  const id = "kept.feedback.codeLens";
  const configuration = vscode.workspace.getConfiguration();
  const found = configuration.inspect(id);
  const places = [
    [found?.globalValue, vscode.ConfigurationTarget.Global],
    [found?.workspaceValue, vscode.ConfigurationTarget.Workspace],
  ] as const;
  for (const [value, target] of places) {
    const mode = typeof value === "boolean" ? codeLensMode(value) : null;
    if (mode === null) continue;
    try {
      await configuration.update(id, mode, target);
      log(`The setting ${id} said ${String(value)}; it says ${mode} now.`);
    } catch (error) {
      log(`The setting ${id} could not be rewritten: ${(error as Error).message}`);
    }
  }
}
