import { gitStream } from "./git.ts";
import { readParents } from "./loose-objects.ts";
import { type ListedRef, type PeeledTags, readRefFiles } from "./ref-files.ts";
import { type Repository, readHeads, readStash } from "./repository.ts";

export interface Ref {
  readonly name: string;
  readonly commit: string;
}

/** Everything that a repository's refs name, read at once. */
export interface RefState {
  readonly heads: readonly {
    readonly worktree: string;
    readonly branch: string | null;
    readonly commit: string | null;
  }[];
  readonly branches: readonly Ref[];
  /** What counts as shipped: the default branch of the remote, or `main` or `master` where there is none. */
  readonly defaults: readonly Ref[];
  readonly tags: readonly Ref[];
  readonly stash: readonly Ref[];
  /** One line that differs whenever any of the above does. */
  readonly stamp: string;
}

/** As if HEAD stood at a commit and there were no other ref. */
export const refsAt = (commit: string): RefState => ({
  heads: [{ worktree: "", branch: null, commit }],
  branches: [],
  defaults: [],
  tags: [],
  stash: [],
  stamp: commit,
});

const DEFAULT_NAMES = ["main", "master", "trunk", "develop"];

/**
 * Reads all refs from git's files, or with one `git for-each-ref` where they do not say enough. What stands behind
 * tags is remembered in `peeled`.
 *
 * @throws {GitError} when git fails or the signal aborts
 */
export const readRefs = async (repository: Repository, peeled: PeeledTags, signal: AbortSignal): Promise<RefState> => {
  const listed = (await readRefFiles(repository, peeled)) ?? (await listRefs(repository, peeled, signal));
  const [heads, stash] = await Promise.all([readHeads(repository), readStash(repository)]);
  const branches: Ref[] = [];
  const remotes: Ref[] = [];
  const tags: Ref[] = [];
  let remoteHead: string | null = null;
  for (const { name, commit, symref } of listed) {
    const ref = { name, commit };
    if (name.startsWith("refs/heads/")) branches.push(ref);
    else if (name.startsWith("refs/tags/")) tags.push(ref);
    else if (symref !== null) {
      if (name === "refs/remotes/origin/HEAD" || remoteHead === null) remoteHead = symref;
    } else remotes.push(ref);
  }
  const resolved = heads.map(({ worktree, branch, commit }) => ({
    worktree,
    branch,
    commit: commit ?? branches.find(({ name }) => name === branch)?.commit ?? null,
  }));
  const defaults = findDefaults(branches, remotes, remoteHead);
  const stashed: Ref[] = [];
  for (const [index, commit] of stash.entries()) {
    const name = `stash@{${index}}`;
    stashed.push({ name, commit });
    // The third parent of an entry holds the files that git did not know.
    const untracked = readParents(repository.commonDir, commit)?.[2];
    if (untracked !== undefined) stashed.push({ name, commit: untracked });
  }
  const stamp = JSON.stringify([resolved, branches, defaults, tags, stashed]);
  return { heads: resolved, branches, defaults, tags, stash: stashed, stamp };
};

/** Branches and tags as git lists them, by name; what stands behind tags is put into `peeled`. */
export const listRefs = async ({ top }: Repository, peeled: PeeledTags, signal: AbortSignal): Promise<ListedRef[]> => {
  const format = "%(objectname) %(*objectname) %(symref) %(refname)";
  const args = ["for-each-ref", `--format=${format}`, "refs/heads", "refs/remotes", "refs/tags"];
  const git = gitStream(top, args, signal);
  git.end();
  const chunks: Buffer[] = [];
  for await (const chunk of git.chunks) chunks.push(chunk);
  const refs: ListedRef[] = [];
  for (const line of Buffer.concat(chunks).toString("utf8").split("\n")) {
    const match = /^([0-9a-f]+) ([0-9a-f]*) (\S*) (refs\/.+)$/.exec(line);
    if (match === null) continue;
    const [, id = "", behind = "", symref = "", name = ""] = match;
    const commit = behind === "" ? id : behind;
    if (name.startsWith("refs/tags/")) peeled.set(id, commit);
    refs.push({ name, commit, symref: symref === "" ? null : symref });
  }
  return refs;
};

const findDefaults = (branches: readonly Ref[], remotes: readonly Ref[], remoteHead: string | null): Ref[] => {
  const named = remotes.filter(({ name }) => name === remoteHead);
  if (named.length > 0) return named;
  for (const name of DEFAULT_NAMES) {
    const found = remotes.filter((ref) => ref.name === `refs/remotes/origin/${name}`);
    if (found.length > 0) return found;
  }
  for (const name of DEFAULT_NAMES) {
    const found = branches.filter((ref) => ref.name === `refs/heads/${name}`);
    if (found.length > 0) return found;
  }
  return [];
};
