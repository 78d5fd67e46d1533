import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readTarget } from "./loose-objects.ts";
import type { Repository } from "./repository.ts";

/** A ref as git lists it: of a tag the object behind it, of a symbolic ref the name that it stands for. */
export interface ListedRef {
  readonly name: string;
  readonly commit: string;
  /** Null for a ref that holds a commit of its own. */
  readonly symref: string | null;
}

/** What stands behind each object that a tag named. Never changes, so it is asked for once. */
export type PeeledTags = Map<string, string>;

/** Files of single refs that are read; with more of them one process is quicker. */
const MAX_LOOSE_REFS = 500;
const FOLDERS = ["refs/heads", "refs/remotes", "refs/tags"];

/**
 * Branches and tags from git's own files, by name, without a process. Null where only git can tell: refs in another
 * format, a file that is being written, or a tag that is not known to be one.
 */
export const readRefFiles = async ({ commonDir }: Repository, peeled: PeeledTags): Promise<ListedRef[] | null> => {
  if (await isThere(join(commonDir, "reftable"))) return null;
  const names = await listLoose(commonDir);
  if (names === null) return null;
  // Single files before the packed ones: git packs a ref before it takes its file away.
  const texts = await Promise.all(names.map((name) => readFile(join(commonDir, name), "utf8").catch(() => null)));
  const packed = await readPacked(commonDir);
  if (packed === null) return null;
  const commits = new Map(packed);
  const symrefs = new Map<string, string>();
  for (const [index, name] of names.entries()) {
    // Gone since its folder was listed: packed, or deleted.
    const text = texts[index];
    if (text === null || text === undefined) continue;
    const [, symref, id] = /^(?:ref: *(refs\/\S+)|([0-9a-f]{40,64}))\s*$/.exec(text) ?? [];
    if (symref !== undefined) {
      symrefs.set(name, symref);
      commits.delete(name);
    } else if (id === undefined) return null;
    else {
      const commit = name.startsWith("refs/tags/") ? await peel(commonDir, id, peeled) : id;
      if (commit === null) return null;
      commits.set(name, commit);
    }
  }
  const refs = Array.from(commits, ([name, commit]): ListedRef => ({ name, commit, symref: null }));
  for (const [name, symref] of symrefs) {
    const commit = commits.get(symref);
    // One that stands for another symbolic ref is for git to follow; one that stands for nothing is left out.
    if (symrefs.has(symref)) return null;
    if (commit !== undefined) refs.push({ name, commit, symref });
  }
  return refs.sort((left, right) => (left.name < right.name ? -1 : 1));
};

/** Names of refs with files of their own. */
const listLoose = async (commonDir: string): Promise<string[] | null> => {
  const names: string[] = [];
  for (const folder of FOLDERS) {
    const entries = await readdir(join(commonDir, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (entry.isDirectory() || entry.name.endsWith(".lock")) continue;
      const name = join(entry.parentPath, entry.name)
        .slice(commonDir.length + 1)
        .replaceAll("\\", "/");
      // A name that is no UTF-8 cannot be opened by it.
      if (name.includes("\ufffd") || names.length === MAX_LOOSE_REFS) return null;
      names.push(name);
    }
  }
  return names;
};

/** Refs of the packed file; null when it does not say what tags stand for. */
const readPacked = async (commonDir: string): Promise<[string, string][] | null> => {
  const text = await readFile(join(commonDir, "packed-refs"), "utf8").catch(() => "");
  if (text !== "" && !/^# pack-refs with:.* (?:fully-)?peeled /.test(text)) return null;
  const refs: [string, string][] = [];
  for (const line of text.split("\n")) {
    const [, behind, id = "", name = ""] = /^(?:\^([0-9a-f]{40,64})|([0-9a-f]{40,64}) (refs\/.+))$/.exec(line) ?? [];
    const last = refs.at(-1);
    if (behind !== undefined && last !== undefined) last[1] = behind;
    else if (id !== "") refs.push([name, id]);
  }
  return refs.filter(([name]) => FOLDERS.some((folder) => name.startsWith(`${folder}/`)));
};

/** What stands behind a tag's object; null when it lies in a pack and was not asked for before. */
const peel = async (commonDir: string, id: string, peeled: PeeledTags): Promise<string | null> => {
  const known = peeled.get(id);
  if (known !== undefined) return known;
  const behind = await readTarget(commonDir, id);
  if (behind !== null) peeled.set(id, behind);
  return behind;
};

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
