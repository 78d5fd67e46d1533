import * as vscode from "vscode";

/** Until 0.1 `kept.feedback.codeLens` was a switch: what it said, in the words of today. */
const CODE_LENS_MODES = new Map<unknown, string>([
  [true, "always"],
  [false, "off"],
]);

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
    const mode = CODE_LENS_MODES.get(value);
    if (mode === undefined) continue;
    try {
      await configuration.update(id, mode, target);
      log(`The setting ${id} said ${String(value)}; it says ${mode} now.`);
    } catch (error) {
      log(`The setting ${id} could not be rewritten: ${(error as Error).message}`);
    }
  }
}
