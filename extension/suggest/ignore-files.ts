import ignore, { type Ignore } from "ignore";
import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

/** What one folder's own ignore files say; paths are relative to it. */
export interface FolderRules {
  readonly git: Ignore | null;
  /** Those of assistants: none of them takes back what another says. */
  readonly others: readonly Ignore[];
}

/** What stands beside the ignore files in the tree: where git's tree begins, and rules for all of it. */
export interface TreeRules {
  /** The top of the git work tree that the folder lies in, or the folder itself. */
  readonly top: string;
  /** `.git/info/exclude` and the user's global excludes, the stronger first; relative to `top`. */
  readonly beside: readonly Ignore[];
}

/** Ignore files of assistants, each with rules of its own. */
export const ASSISTANT_IGNORE_FILES = [".aiignore", ".cursorignore"];
/** An ignore file longer than this is no ignore file, bytes. */
const MAX_BYTES = 1024 * 1024;

export async function readFolderRules(folder: string): Promise<FolderRules> {
  const [git, ...others] = await Promise.all(
    [".gitignore", ...ASSISTANT_IGNORE_FILES].map((name) => readRules(path.join(folder, name))),
  );
  return { git: git ?? null, others: others.filter((rules) => rules !== null) };
}

export async function readTreeRules(folder: string, env: NodeJS.ProcessEnv): Promise<TreeRules> {
  const tree = await workTreeOf(folder);
  const exclude = tree ? await readRules(path.join(tree.gitDir, "info", "exclude")) : null;
  const everywhere = await readRules(await globalExcludesFile(env));
  return { top: tree?.top ?? folder, beside: [exclude, everywhere].filter((rules) => rules !== null) };
}

/** The rules of a file, or null when there are none. Nothing is followed out of a missing file. */
async function readRules(file: string): Promise<Ignore | null> {
  const text = await readText(file);
  // One text: only a string is split into its lines.
  return text === null || text.trim() === "" ? null : ignore({ allowRelativePaths: true }).add(text);
}

async function readText(file: string): Promise<string | null> {
  try {
    const { size } = await stat(file);
    return size > MAX_BYTES ? null : await readFile(file, "utf8");
  } catch {
    return null;
  }
}

/** The work tree around a folder and its common git directory; no program is asked. */
async function workTreeOf(folder: string): Promise<{ top: string; gitDir: string } | null> {
  for (let top = folder; ; top = path.dirname(top)) {
    const dotGit = path.join(top, ".git");
    const found = await stat(dotGit).catch(() => null);
    if (found?.isDirectory()) return { top, gitDir: dotGit };
    if (found?.isFile()) return { top, gitDir: await linkedGitDir(top, dotGit) };
    if (path.dirname(top) === top) return null;
  }
}

/** Of a linked work tree or a submodule: `.git` is a file that names its directory. */
async function linkedGitDir(top: string, dotGit: string): Promise<string> {
  const named = /^gitdir: (.+)$/m.exec((await readText(dotGit)) ?? "")?.[1]?.trim();
  if (named === undefined) return dotGit;
  const gitDir = path.resolve(top, named);
  const common = (await readText(path.join(gitDir, "commondir")))?.trim();
  return common ? path.resolve(gitDir, common) : gitDir;
}

/** `core.excludesFile` of the user's own configuration, or git's default for it. */
async function globalExcludesFile(env: NodeJS.ProcessEnv): Promise<string> {
  const home = env["HOME"] ?? env["USERPROFILE"] ?? homedir();
  const config = env["XDG_CONFIG_HOME"] || path.join(home, ".config");
  const files = [path.join(config, "git", "config"), env["GIT_CONFIG_GLOBAL"] || path.join(home, ".gitconfig")];
  let named: string | null = null;
  for (const file of files) named = excludesFileIn((await readText(file)) ?? "") ?? named;
  if (named === null) return path.join(config, "git", "ignore");
  return path.resolve(home, named.replace(/^~(?=\/|$)/, home));
}

function excludesFileIn(config: string): string | null {
  let section = "";
  let found: string | null = null;
  for (const line of config.split(/\r?\n/)) {
    const header = /^\s*\[\s*([^\]\s"]+)/.exec(line);
    if (header) section = (header[1] ?? "").toLowerCase();
    const value = /^\s*(?:\[core\]\s*)?excludesfile\s*=\s*"?([^"#;]*)"?/i.exec(line);
    if (section === "core" && value) found = (value[1] ?? "").trim();
  }
  return found;
}
