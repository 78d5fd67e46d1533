import { readFolderRules, readTreeRules, type FolderRules, type TreeRules } from "./ignore-files.ts";
import { isSecretFile } from "./secret-files.ts";
import ignore, { type Ignore } from "ignore";
import path from "node:path";

/** Why Kept leaves a file alone. */
export type Exclusion = "secret-file" | "ignored" | "excluded-by-setting" | "excluded-by-editor" | "not-known-yet";

/**
 * Which files Kept leaves alone: no prompt, no suggestion, no event. Names that hold secrets by
 * convention, what the ignore files of git and of assistants exclude, what the editor hides, and the
 * user's own patterns. Ignore files are read in the background: until they are, a file is left alone.
 */
export interface CaptureRules {
  /** Why the file is left alone, or null. Never waits. `relative` is its path inside `root`, with forward slashes. */
  excluded(root: string, relative: string): Exclusion | null;
  /** The same once the ignore files around the file were read; `not-known-yet` when that takes too long. */
  known(root: string, relative: string): Promise<Exclusion | null>;
  /** Use these patterns: the user's own, and those of the editor, in the grammar of `.gitignore`. */
  configure(patterns: { readonly own: readonly string[]; readonly editor: readonly string[] }): void;
  /** Ignore files changed: until they are read again, nothing is known. */
  refresh(): void;
  /** Calls back whenever the rules changed. */
  onChange(listener: () => void): void;
}

/** Reading a few small files takes longer than this only on a file system that hangs, milliseconds. */
const READ_DEADLINE_MS = 5_000;

interface Tree {
  readonly rules: TreeRules;
  readonly folders: Map<string, FolderRules>;
}

export function createCaptureRules(env: NodeJS.ProcessEnv = process.env): CaptureRules {
  let own = ignore();
  let editor = ignore();
  let trees = new Map<string, Tree>();
  /** One reading at a time of each file's surroundings, by root and folder. */
  let readings = new Map<string, Promise<void>>();
  const listeners: (() => void)[] = [];
  const tell = () => {
    for (const listener of listeners) listener();
  };

  const read = (root: string, relative: string): Promise<void> => {
    const key = `${root}\n${path.posix.dirname(relative)}`;
    const running = readings.get(key);
    if (running) return running;
    const into = trees;
    const reading = (async () => {
      const tree = into.get(root) ?? { rules: await readTreeRules(root, env), folders: new Map() };
      for (const folder of foldersAround(tree.rules.top, root, relative)) {
        if (!tree.folders.has(folder)) tree.folders.set(folder, await readFolderRules(folder));
      }
      into.set(root, tree);
    })();
    const here = readings;
    here.set(key, reading);
    void reading.finally(() => here.delete(key));
    return reading;
  };

  const excluded = (root: string, relative: string): Exclusion | null => {
    if (relative === "" || relative.startsWith("../") || relative === ".." || path.isAbsolute(relative))
      return "ignored";
    if (/(?:^|\/)\.git\//i.test(relative)) return "ignored";
    if (isSecretFile(relative)) return "secret-file";
    if (own.ignores(relative)) return "excluded-by-setting";
    if (editor.ignores(relative)) return "excluded-by-editor";
    const tree = trees.get(root);
    const folders = tree && foldersAround(tree.rules.top, root, relative).map((folder) => tree.folders.get(folder));
    if (!tree || !folders || folders.includes(undefined)) {
      void read(root, relative).catch(() => {});
      return "not-known-yet";
    }
    return isIgnored(tree, root, relative) ? "ignored" : null;
  };

  return {
    excluded,
    async known(root, relative) {
      const deadline = performance.now() + READ_DEADLINE_MS;
      for (;;) {
        const verdict = excluded(root, relative);
        if (verdict !== "not-known-yet" || performance.now() > deadline) return verdict;
        // A refresh in between makes it unknown again: then it is read once more.
        await within(read(root, relative), READ_DEADLINE_MS);
      }
    },
    configure(patterns) {
      own = ignore().add([...patterns.own]);
      editor = ignore().add([...patterns.editor]);
      tell();
    },
    refresh() {
      trees = new Map();
      readings = new Map();
      tell();
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

/** The folders whose ignore files concern a file, from the top of the tree down to its own. */
function foldersAround(top: string, root: string, relative: string): string[] {
  const below = path.relative(top, path.join(root, path.posix.dirname(relative)));
  const parts = below === "" ? [] : below.split(path.sep);
  return [top, ...parts.map((_, i) => path.join(top, ...parts.slice(0, i + 1)))];
}

/** By git's own order: a folder that is ignored hides all below it; deeper files speak before outer ones. */
function isIgnored({ rules, folders }: Tree, root: string, relative: string): boolean {
  const file = path.relative(rules.top, path.join(root, relative));
  const parts = file.split(path.sep);
  const around = foldersAround(rules.top, root, relative);
  for (let length = 1; length <= parts.length; length += 1) {
    const isFolder = length < parts.length;
    const within = around.slice(0, length).map((folder, depth) => ({
      rules: folders.get(folder),
      name: parts.slice(depth, length).join("/") + (isFolder ? "/" : ""),
    }));
    if (within.some(({ rules, name }) => rules?.others.some((one) => one.test(name).ignored))) return true;
    const whole = parts.slice(0, length).join("/") + (isFolder ? "/" : "");
    const spoken: (readonly [Ignore | null | undefined, string])[] = [
      ...within.map(({ rules, name }) => [rules?.git, name] as const).reverse(),
      ...rules.beside.map((one) => [one, whole] as const),
    ];
    const verdicts = spoken.map(([one, name]) => one?.test(name));
    if (verdicts.find((verdict) => verdict?.ignored || verdict?.unignored)?.ignored) return true;
  }
  return false;
}

async function within(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([work.catch(() => {}), late]);
  clearTimeout(timer);
}
