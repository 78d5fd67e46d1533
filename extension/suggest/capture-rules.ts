import ignore, { type Ignore } from "ignore";
import { readFileSync } from "node:fs";
import path from "node:path";

/**
 * Which files Kept leaves alone: no prompt, no suggestion, no event. Names that hold secrets by
 * convention, what the repository's ignore files exclude, and the user's own patterns.
 */
export interface CaptureRules {
  /** Why the file is left alone, or null. `relative` is its path inside `root`, with forward slashes. */
  excluded(root: string, relative: string): "secret-file" | "ignored" | "excluded-by-setting" | null;
  /** Read the ignore files again, and use these patterns. */
  reset(patterns: readonly string[]): void;
}

const SECRET_FILES = ignore().add([
  ".env",
  ".env.*",
  "*.env",
  "*.pem",
  "*.key",
  "*.p12",
  "*.pfx",
  "*.jks",
  "*.keystore",
  "*.kdbx",
  "*.asc",
  "id_rsa*",
  "id_dsa*",
  "id_ecdsa*",
  "id_ed25519*",
  ".netrc",
  ".npmrc",
  ".pypirc",
  ".htpasswd",
  ".git-credentials",
  ".aws/",
  ".ssh/",
  ".gnupg/",
  ".kube/",
  "credentials*.json",
  "secrets.*",
  "*.tfvars",
  "*.tfstate*",
]);
const IGNORE_FILES = [".gitignore", ".aiignore", ".cursorignore"];

export function createCaptureRules(): CaptureRules {
  let settings: Ignore = ignore();
  let byFolder = new Map<string, Ignore | null>();

  const ignoreFileOf = (folder: string): Ignore | null => {
    const known = byFolder.get(folder);
    if (known !== undefined) return known;
    const texts = IGNORE_FILES.map((name) => readText(path.join(folder, name))).filter((text) => text !== null);
    // One text: only a string is split into its lines.
    const rules = texts.length === 0 ? null : ignore().add(texts.join("\n"));
    byFolder.set(folder, rules);
    return rules;
  };

  return {
    excluded(root, relative) {
      if (relative === "" || relative.startsWith("../") || path.isAbsolute(relative)) return "ignored";
      if (SECRET_FILES.ignores(relative)) return "secret-file";
      if (settings.ignores(relative)) return "excluded-by-setting";
      if (relative.startsWith(".git/")) return "ignored";
      const parts = relative.split("/");
      let decided = false;
      // Ignore files of inner folders come later and may take back what outer ones said.
      for (let depth = 0; depth < parts.length; depth += 1) {
        const rules = ignoreFileOf(path.join(root, ...parts.slice(0, depth)));
        const verdict = rules?.test(parts.slice(depth).join("/"));
        if (verdict?.ignored) decided = true;
        else if (verdict?.unignored) decided = false;
      }
      return decided ? "ignored" : null;
    },
    reset(patterns) {
      settings = ignore().add([...patterns]);
      byFolder = new Map();
    },
  };
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
