/** One scope's value of `files.exclude` or `search.exclude`: a glob to whether it applies. */
export type ExcludeValue = Readonly<Record<string, unknown>> | undefined;

/** The scopes of one such setting, as VS Code's `inspect` gives them. */
export interface ExcludeScopes {
  readonly defaultValue: ExcludeValue;
  readonly globalValue: ExcludeValue;
  readonly workspaceValue: ExcludeValue;
  readonly workspaceFolderValue: ExcludeValue;
}

/**
 * Patterns in the grammar of `.gitignore` for what the editor hides. The user's own `false` takes a
 * default back, but a workspace can only hide more: a repository must not widen what is captured.
 * Entries with a condition on sibling files are left out.
 */
export function excludePatterns(settings: readonly ExcludeScopes[]): string[] {
  const patterns = new Set<string>();
  for (const { defaultValue, globalValue, workspaceValue, workspaceFolderValue } of settings) {
    for (const scope of [{ ...defaultValue, ...globalValue }, workspaceValue ?? {}, workspaceFolderValue ?? {}]) {
      for (const [glob, applies] of Object.entries(scope)) {
        if (applies === true) for (const pattern of gitignorePatterns(glob)) patterns.add(pattern);
      }
    }
  }
  return [...patterns];
}

/** Alternatives of one glob; more are not looked at. */
const MAX_ALTERNATIVES = 256;

/** A glob of VS Code stands for paths from the folder's top on; braces are alternatives. */
function gitignorePatterns(glob: string): string[] {
  return expandBraces(glob)
    .slice(0, MAX_ALTERNATIVES)
    .map((one) => one.replace(/^\.?\/+/, "").replace(/\/\*\*$/, ""))
    .filter((one) => one !== "")
    .map((one) => `/${one}`);
}

function expandBraces(glob: string): string[] {
  const open = glob.indexOf("{");
  if (open === -1) return [glob];
  let depth = 0;
  const parts: string[] = [];
  let from = open + 1;
  for (let at = open; at < glob.length; at += 1) {
    const char = glob[at];
    if (char === "{") depth += 1;
    else if (char === "}") depth -= 1;
    if ((char === "," && depth === 1) || depth === 0) {
      parts.push(glob.slice(from, at));
      from = at + 1;
    }
    if (depth > 0) continue;
    const rest = glob.slice(at + 1);
    return parts.flatMap((part) => expandBraces(glob.slice(0, open) + part + rest)).slice(0, MAX_ALTERNATIVES);
  }
  // A brace without its end stands for itself.
  return [glob.replaceAll("{", "\\{")];
}
