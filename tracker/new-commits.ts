import { gitStream } from "./git.ts";
import { readParents } from "./loose-objects.ts";
import type { Repository } from "./repository.ts";
import { createTurns } from "./turns.ts";

export interface CommitNode {
  readonly commit: string;
  readonly parents: readonly string[];
}

/** New commits that are looked for among loose objects, which need no process; longer chains are git's to list. */
const MAX_LOOSE_COMMITS = 300;

/**
 * Commits reachable from `tips` and from nothing in `known`, parents before children. Fresh commits are read
 * from their own files where that leads to known ones; otherwise with one `git rev-list`.
 *
 * @throws {GitError} when git fails or the signal aborts
 */
export const listNewCommits = async (
  repository: Repository,
  tips: readonly string[],
  known: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<CommitNode[]> => {
  const wanted = tips.filter((tip) => !known.has(tip));
  if (wanted.length === 0) return [];
  return (await readLoose(repository, wanted, known)) ?? listByGit(repository, wanted, known, signal);
};

const readLoose = async (
  { commonDir }: Repository,
  tips: readonly string[],
  known: ReadonlySet<string>,
): Promise<CommitNode[] | null> => {
  const nodes = new Map<string, CommitNode>();
  const queue = [...tips];
  const turns = createTurns();
  for (let commit = queue.pop(); commit !== undefined; commit = queue.pop()) {
    if (nodes.has(commit) || known.has(commit)) continue;
    if (nodes.size >= MAX_LOOSE_COMMITS) return null;
    if (turns.isOver()) await turns.next();
    const parents = readParents(commonDir, commit);
    // Only git can tell where a chain that ends elsewhere meets what is known.
    if (parents === null || parents.length === 0) return null;
    nodes.set(commit, { commit, parents });
    queue.push(...parents);
  }
  return inOrder(nodes, tips);
};

const inOrder = (nodes: ReadonlyMap<string, CommitNode>, tips: readonly string[]): CommitNode[] => {
  const ordered: CommitNode[] = [];
  const done = new Set<string>();
  const stack = [...tips].reverse();
  while (stack.length > 0) {
    const commit = stack.at(-1) as string;
    const node = nodes.get(commit);
    const waiting =
      node === undefined || done.has(commit) ? [] : node.parents.filter((id) => nodes.has(id) && !done.has(id));
    if (waiting.length > 0) {
      stack.push(...waiting.reverse());
      continue;
    }
    stack.pop();
    if (node === undefined || done.has(commit)) continue;
    done.add(commit);
    ordered.push(node);
  }
  return ordered;
};

const listByGit = async (
  { top }: Repository,
  tips: readonly string[],
  known: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<CommitNode[]> => {
  const git = gitStream(
    top,
    ["rev-list", "--parents", "--topo-order", "--reverse", "--ignore-missing", "--stdin"],
    signal,
  );
  const input = (async () => {
    await git.write([...tips, ...[...known].map((commit) => `^${commit}`)].join("\n") + "\n");
    git.end();
  })();
  const chunks: Buffer[] = [];
  for await (const chunk of git.chunks) chunks.push(chunk);
  await input;
  const lines = Buffer.concat(chunks).toString("latin1").split("\n");
  return lines.flatMap((line) => {
    const [commit, ...parents] = line.split(" ");
    return commit === undefined || commit === "" ? [] : [{ commit, parents }];
  });
};
