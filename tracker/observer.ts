import type { FileChange } from "../core/survival/file-change.ts";
import type { SavedBuffer } from "../core/survival/saved-buffer.ts";
import { aliveTokens, cloneSnapshot, emptySnapshot, type Snapshot } from "../core/survival/snapshot.ts";
import { addSource, carryOver } from "../core/survival/commit-step.ts";
import { type CensorReason, SURVIVAL_RECORD_VERSION, type SurvivalRecord } from "../core/survival/survival-record.ts";
import type { SnippetSurvival } from "../core/survival/survival-state.ts";
import type { ChangesReader } from "./commit-changes.ts";
import { type Rewrite, type SnippetChange, walkCommits, type WalkContext, type WalkedSnippet } from "./commit-walk.ts";
import { createEvaluation } from "./evaluation.ts";
import { GitError, gitText } from "./git.ts";
import { keepChanges } from "./kept-changes.ts";
import { readParents } from "./loose-objects.ts";
import { isWrittenPath } from "./mined-files.ts";
import { type CommitNode, listNewCommits } from "./new-commits.ts";
import type { PeeledTags } from "./ref-files.ts";
import { readRefs, refsAt, type RefState } from "./refs.ts";
import { isInOperation, type Repository } from "./repository.ts";
import { createSavedBuffers } from "./saved-buffers.ts";
import type { SeenRefs, Tips } from "./tip-cache.ts";
import type { TrackerOptions } from "./tracker.ts";

/** What came of one look at a repository. */
export type Observation =
  /** Git is in the middle of a rebase, a merge or the like. */
  | { readonly kind: "waiting" }
  | { readonly kind: "unchanged" }
  | { readonly kind: "observed"; readonly nCommits: number }
  | { readonly kind: "failed"; readonly reason: CensorReason; readonly message: string };

export interface ObserverOptions {
  readonly repository: Repository;
  readonly context: WalkContext & { readonly snippets: WalkedSnippet[] };
  readonly numbers: ReadonlyMap<string, number>;
  readonly state: ReadonlyMap<string, SnippetSurvival>;
  now(): number;
  commit(records: readonly SurvivalRecord[]): Promise<void>;
  readonly cached: Omit<Tips, "commits"> | null;
  readonly openText: TrackerOptions["openText"];
  /** See {@link TrackerOptions}. */
  readonly at: string | undefined;
}

export interface Observer {
  observe(signal: AbortSignal): Promise<Observation>;
  /** Whether it is known where the refs stood before anything was accepted. */
  hasBegun(): boolean;
  /** The next look takes this snippet in whether refs moved or not. */
  suspect(sid: string): void;
  saved(file: string, buffer: SavedBuffer): void;
  /** Git gave no answer: what is not known to be alive is not known. */
  failed(reason: CensorReason): Promise<void>;
  tips(): Tips;
  close(): void;
}

/** More new commits than that, and the answer comes first, from one comparison (survival.md section 3.8). */
const JUMP_FROM_COMMITS = 500;
/** Commits of accepts whose common beginning is asked for, within the length of a command line on every system. */
const MAX_STARTS = 200;
/** Old values of refs that a new tip is compared with. */
const MAX_REWRITES = 4;
/** Other tips that a merged or picked commit is compared with. */
const MAX_SECOND_LOOKS = 4;
/** Snapshots that are kept beside those of the tips. */
const MAX_OLD_SNAPSHOTS = 200;
/** Losses that wait for the last place that holds the code. */
const MAX_PENDING = 8;

export const createObserver = (options: ObserverOptions): Observer => {
  const { repository, context, state, numbers, now } = options;
  const { snapshots } = context;
  const pending = new Map<number, SnippetChange[]>(
    [...(options.cached?.pending ?? [])].map(([at, changes]) => [at, [...changes]]),
  );
  const suspects = new Set<string>();
  const unreadable = new Map<string, CensorReason>();
  const evaluation = createEvaluation({ ...options, unreadable, pending });
  const savedBuffers = createSavedBuffers(repository.top);
  const savedSource: WalkContext["savedSource"] = (changes, isSought) =>
    savedBuffers.sourceOf(changes, context.snippets.length, (sid) => {
      const number = numbers.get(sid);
      return number !== undefined && isSought(number) ? number : undefined;
    });
  let seen: SeenRefs | null = options.cached?.refs ?? null;
  let stamp: string | null = null;
  const peeled: PeeledTags = new Map();

  const isRead = (path: string): boolean => isWrittenPath(path) || ownFiles().has(path);
  let files: { nSnippets: number; paths: ReadonlySet<string> } = { nSnippets: -1, paths: new Set() };
  const ownFiles = (): ReadonlySet<string> => {
    if (files.nSnippets !== context.snippets.length) {
      files = { nSnippets: context.snippets.length, paths: new Set(context.snippets.map(({ file }) => file)) };
    }
    return files.paths;
  };
  const kept = keepChanges(repository, isRead);
  const noteUnreadable = (change: FileChange): void => {
    const path = change.newPath ?? change.oldPath;
    if (path === null || !ownFiles().has(path)) return;
    if (change.content !== "text") {
      if (change.content !== "submodule" && change.newPath !== null) unreadable.set(path, change.content);
    } else if (isLfsPointer(change)) unreadable.set(path, "lfs");
    else if (change.hunks.length > 0) unreadable.delete(path);
  };

  /** The first look: what is there now was there before anything was accepted, unless an accept says otherwise. */
  const begin = async (refs: RefState, signal: AbortSignal): Promise<void> => {
    const heads = context.snippets.map(({ head }) => head);
    const known = context.snippets.length === 0 ? tipsOf(refs) : await startOf(new Set(heads), signal);
    for (const commit of known) snapshots.set(commit, emptySnapshot());
  };

  /** Code that was accepted at several times, as an import tells of it: the walk begins before the first of them. */
  const startOf = async (heads: ReadonlySet<string | null>, signal: AbortSignal): Promise<Iterable<string>> => {
    const commits = [...heads].filter((commit) => commit !== null);
    if (commits.length < heads.size || commits.length > MAX_STARTS) return [];
    if (commits.length === 1) return commits;
    try {
      return [await gitText(repository.top, ["merge-base", "--octopus", ...commits], signal)];
    } catch (error) {
      // Histories without a common beginning, or a commit that is gone: everything is walked.
      if (error instanceof GitError && error.code === "git-failed") return [];
      throw error;
    }
  };

  const walk = async (
    refs: RefState,
    nodes: readonly CommitNode[],
    reader: ChangesReader,
  ): Promise<SnippetChange[]> => {
    const changes: SnippetChange[] = [];
    const tips = new Set([...tipsOf(refs)].filter((commit) => !snapshots.has(commit)));
    const rewrites = findRewrites(refs, nodes, seen ?? {}, snapshots, amendedCommit(refs, nodes));
    const plan = { nodes, tips, rewrites, nearest: nearestKnown(refs) };
    await walkCommits({ ...context, savedSource }, plan, reader, (change) => changes.push(change), noteUnreadable);
    await lookAgain(tips, changes, reader);
    return changes;
  };

  /** The commit that the only new one took the place of; null when it was nothing like an amend. */
  const amendedCommit = (refs: RefState, nodes: readonly CommitNode[]): string | null => {
    const [node] = nodes;
    const old = seen?.["HEAD:"];
    if (nodes.length !== 1 || node === undefined || old === undefined || tipsOf(refs).has(old)) return null;
    const parents = readParents(repository.commonDir, old);
    return parents !== null && parents.join() === node.parents.join() ? old : null;
  };

  /** A squash merge or a cherry-pick: the branch that it came from says exactly where each token went. */
  const lookAgain = async (
    tips: ReadonlySet<string>,
    changes: readonly SnippetChange[],
    reader: ChangesReader,
  ): Promise<void> => {
    const gained = new Set(changes.filter(({ before, after }) => after > before).map(({ snippet }) => snippet));
    const pairs: { tip: string; source: string }[] = [];
    for (const tip of tips) {
      const own = snapshots.get(tip);
      if (own === undefined) continue;
      for (const [source, other] of snapshots) {
        if (source === tip || tips.has(source) || pairs.length >= MAX_SECOND_LOOKS) continue;
        const isBetter = [...gained].some(
          (snippet) => aliveTokens(own, snippet) > 0 && aliveTokens(own, snippet) < aliveTokens(other, snippet),
        );
        if (isBetter) pairs.push({ tip, source });
      }
    }
    let next = 0;
    for await (const { changes: found } of reader.read(
      pairs.map(({ tip, source }) => ({ commit: tip, base: source })),
    )) {
      const { tip, source } = pairs[next] as { tip: string; source: string };
      next += 1;
      const carried = cloneSnapshot(snapshots.get(source) as Snapshot);
      carryOver(carried, found);
      // What the tip's own line took does not come back: the other one may be an ancestor that still held it.
      addSource(snapshots.get(tip) as Snapshot, carried, context.snippets, () => false);
    }
  };

  /** One that is older than what is known, after a restart: only what stood at the last tips was kept. */
  const hasUnknownTip = (refs: RefState): boolean => {
    if (nearestKnown(refs) === null) return false;
    for (const commit of tipsOf(refs)) if (!snapshots.has(commit)) return true;
    return false;
  };

  const nearestKnown = (refs: RefState): string | null => {
    const old = seen?.["HEAD:"];
    if (old !== undefined && (snapshots.get(old)?.files.size ?? 0) > 0) return old;
    for (const commit of tipsOf(refs)) if ((snapshots.get(commit)?.files.size ?? 0) > 0) return commit;
    for (const [commit, { files: held }] of snapshots) if (held.size > 0) return commit;
    return null;
  };

  /** One comparison for each new tip, for an answer before the long walk. */
  const jump = async (refs: RefState, reader: ChangesReader): Promise<void> => {
    const nearest = nearestKnown(refs);
    if (nearest === null) return;
    const scratch: WalkContext = {
      ...context,
      snippets: context.snippets.map((snippet) => ({
        ...snippet,
        introducedBy: [...snippet.introducedBy],
        head: null,
      })),
      snapshots: new Map(snapshots),
    };
    const tips = new Set([...refs.heads.map(({ commit }) => commit), ...refs.defaults.map(({ commit }) => commit)]);
    tips.delete(null);
    const fresh = ([...tips] as string[]).filter((commit) => !snapshots.has(commit));
    const nodes = fresh.map((commit) => ({ commit, parents: [nearest] }));
    await walkCommits(
      scratch,
      { nodes, tips: new Set(fresh), rewrites: new Map(), nearest: null },
      reader,
      () => undefined,
    );
    await options.commit(
      await evaluation.evaluate({ refs, snapshots: scratch.snapshots, suspects, mode: "jump", changes: [], nodes: [] }),
    );
  };

  return {
    async observe(signal) {
      if (options.at === undefined && (await isInOperation(repository))) return { kind: "waiting" };
      const refs = options.at === undefined ? await readRefs(repository, peeled, signal) : refsAt(options.at);
      await kept.refresh();
      if (refs.stamp === stamp && suspects.size === 0) return { kind: "unchanged" };
      if (seen === null) await begin(refs, signal);
      const nodes = await listNewCommits(repository, [...tipsOf(refs)], new Set(snapshots.keys()), signal);
      const records: SurvivalRecord[] = [];
      let changes: SnippetChange[] = [];
      if (nodes.length > 0 || hasUnknownTip(refs)) {
        using reader = kept.open(signal);
        if (nodes.length > JUMP_FROM_COMMITS) await jump(refs, reader);
        changes = await walk(refs, nodes, reader);
      }
      for (const commit of tipsOf(refs)) if (!snapshots.has(commit)) snapshots.set(commit, emptySnapshot());
      records.push(...headRecords(refs, seen, nodes.length));
      const looked = new Set(suspects);
      records.push(
        ...(await evaluation.evaluate({ refs, snapshots, suspects: looked, mode: "walk", changes, nodes, seen })),
      );
      await options.commit(records);
      remember(changes);
      for (const sid of looked) suspects.delete(sid);
      for (const sid of evaluation.unsettled()) suspects.add(sid);
      seen = namesOf(refs);
      stamp = refs.stamp;
      prune(refs);
      return { kind: "observed", nCommits: nodes.length };
    },
    hasBegun: () => seen !== null || context.snippets.length > 0,
    suspect: (sid) => void suspects.add(sid),
    saved(file, buffer) {
      savedBuffers.note(file, buffer);
      for (const { suggestionId } of buffer.places) if (numbers.has(suggestionId)) suspects.add(suggestionId);
    },
    async failed(reason) {
      const at = now();
      const records: SurvivalRecord[] = [];
      for (const known of state.values()) {
        if (known.censored !== null || known.state.kind === "dead") continue;
        records.push({ v: SURVIVAL_RECORD_VERSION, at, kind: "censor", sid: known.sid, reason });
        if (known.state.kind !== "new") continue;
        const { sid, commit } = known;
        const unknown = { kind: "unknown", reason } as const;
        records.push({
          v: SURVIVAL_RECORD_VERSION,
          at,
          kind: "snap",
          sid,
          commit,
          state: unknown,
          tok: null,
          aliveRle: [],
          where: [],
          conf: 0,
        });
      }
      await options.commit(records);
    },
    tips: () => ({ refs: seen ?? {}, commits: [...new Set(Object.values(seen ?? {}))], pending }),
    close: () => kept[Symbol.dispose](),
  };

  function headRecords(refs: RefState, before: SeenRefs | null, nCommits: number): SurvivalRecord[] {
    return refs.heads.flatMap(({ worktree, commit }) => {
      const old = before?.[`HEAD:${worktree}`] ?? null;
      if (old === commit) return [];
      const gap = nCommits > JUMP_FROM_COMMITS ? { gap: nCommits } : {};
      return [{ v: SURVIVAL_RECORD_VERSION, at: now(), kind: "head" as const, worktree, old, new: commit, ...gap }];
    });
  }

  function remember(changes: readonly SnippetChange[]): void {
    for (const change of changes) {
      if (change.after >= change.before) continue;
      const known = pending.get(change.snippet) ?? [];
      pending.set(change.snippet, [...known, change].slice(-MAX_PENDING));
    }
  }

  function prune(refs: RefState): void {
    const tips = tipsOf(refs);
    const old = [...snapshots.keys()].filter((commit) => !tips.has(commit));
    for (const commit of old.slice(0, Math.max(0, old.length - MAX_OLD_SNAPSHOTS))) snapshots.delete(commit);
  }
};

/** Every commit that a ref, a HEAD or a stash entry names. Tags name what branches hold, or what was shipped from one. */
export const tipsOf = ({ heads, branches, defaults, stash }: RefState): Set<string> => {
  const tips = new Set<string>();
  for (const { commit } of [...heads, ...defaults, ...branches, ...stash]) if (commit !== null) tips.add(commit);
  return tips;
};

const namesOf = ({ heads, branches, defaults, stash }: RefState): SeenRefs => {
  const names: Record<string, string> = {};
  for (const { worktree, commit } of heads) if (commit !== null) names[`HEAD:${worktree}`] = commit;
  for (const { name, commit } of [...branches, ...defaults]) names[name] = commit;
  for (const { commit } of stash) names[`stash:${commit}`] = commit;
  return names;
};

/** Known commits that the new tips may be rewritings of: where the same ref stood, and what no ref names any more. */
const findRewrites = (
  refs: RefState,
  nodes: readonly CommitNode[],
  seen: SeenRefs,
  snapshots: ReadonlyMap<string, Snapshot>,
  amended: string | null,
): Map<string, Rewrite[]> => {
  const now = namesOf(refs);
  const parents = new Map(nodes.map((node) => [node.commit, node.parents]));
  const built = new Set(nodes.flatMap((node) => node.parents));
  const standing = new Set(Object.values(now));
  const vanished = [...new Set(Object.values(seen))].filter((commit) => !standing.has(commit));
  const rewrites = new Map<string, Rewrite[]>();
  for (const [name, commit] of Object.entries(now)) {
    const own = seen[name];
    if (own === commit || !parents.has(commit)) continue;
    const isTrunk = name.startsWith("HEAD:") || refs.defaults.some((ref) => ref.name === name);
    for (const old of [...(own === undefined ? [] : [own]), ...(isTrunk ? vanished : [])]) {
      const known = rewrites.get(commit) ?? [];
      const isUseful = (snapshots.get(old)?.files.size ?? 0) > 0 && !built.has(old);
      if (!isUseful || known.length >= MAX_REWRITES || known.some((other) => other.commit === old)) continue;
      rewrites.set(commit, [...known, { commit: old, isAmend: old === amended }]);
    }
  }
  return rewrites;
};

const LFS_MARK = "+version https://git-lfs.github.com/spec/";

const isLfsPointer = ({ hunks }: FileChange): boolean => {
  const [hunk] = hunks;
  return (
    hunks.length === 1 && hunk !== undefined && hunk.nNew <= 5 && hunk.lines().some((line) => line.startsWith(LFS_MARK))
  );
};
