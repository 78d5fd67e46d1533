import * as vscode from "vscode";

/** What of the built-in git extension's interface, version 1, is asked. */
interface GitExtension {
  getAPI(version: 1): {
    getRepository(
      uri: vscode.Uri,
    ): { readonly state: { readonly HEAD: { readonly name?: string } | undefined } } | null;
  };
}

/** Name of the branch that HEAD of a folder is on, when the editor's git extension knows it by now. */
export function branchOf(root: string): string | null {
  const git = vscode.extensions.getExtension<GitExtension>("vscode.git");
  if (!git?.isActive || root === "") return null;
  try {
    return git.exports.getAPI(1).getRepository(vscode.Uri.file(root))?.state.HEAD?.name ?? null;
  } catch {
    // Git is switched off in the settings.
    return null;
  }
}
