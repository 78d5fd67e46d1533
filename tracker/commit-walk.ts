import type { CauseFinding } from "../core/survival/causes.ts";
import { causeOfCommitLoss } from "../core/survival/commit-loss.ts";
import { addedLines, addSource, carryOver, settle, type TouchedSnippet } from "../core/survival/commit-step.ts";
import { addCopies, changedCopies, type Copies } from "../core/survival/copies.ts";
import type { FileChange } from "../core/survival/file-change.ts";
import type { GramIndex } from "../core/survival/gram-index.ts";
import { addLosses } from "../core/survival/lost-tokens.ts";
import type { ResurrectionContext } from "../core/survival/resurrection.ts";
import { aliveTokens, cloneSnapshot, emptySnapshot, growSnapshot, type Snapshot } from "../core/survival/snapshot.ts";
import { type OtherParent, otherParent } from "../core/survival/taken-elsewhere.ts";
import type { TrackedSnippet, Vocabulary } from "../core/survival/tracked-snippet.ts";
import type { ChangesReader, CommitChanges, CommitPair } from "./commit-changes.ts";
import type { CommitNode } from "./new-commits.ts";
import { createTurns } from "./turns.ts";

/** A snippet of the walk, with what the causes of losses are told from. */
export interface WalkedSnippet extends TrackedSnippet {
  readonly acceptedAt: number;
  readonly before: string | null;
  /** Commit of HEAD at the accept; null when there was none. */
  readonly head: string | null;
  /** Commits that brought tokens of it. */
  readonly introducedBy: string[];
  isUndone: boolean;
}

/** All that a walk knows before it starts. */
export interface WalkContext {
  readonly snippets: readonly WalkedSnippet[];
  readonly vocabulary: Vocabulary;
  readonly grams: GramIndex;
  readonly short: readonly number[];
  /** By commit. The walk adds those of the tips. */
  readonly snapshots: Map<string, Snapshot>;
  /** What the editor saved of the files that a commit brings: one more source of it, for the snippets that are sought. */
  savedSource?(changes: readonly FileChange[], isSought: (snippet: number) => boolean): Promise<Snapshot | null>;
}

/** A commit changed how much stands of a snippet, or where. */
export interface SnippetChange {
  readonly snippet: number;
  readonly commit: string;
  readonly committedAt: number;
  /** Tokens in the best of its parents, and in the commit. */
  readonly before: number;
  readonly after: number;
  /** Why it lost tokens; null when it did not. */
  readonly finding: CauseFinding | null;
  readonly isFirst: boolean;
}

export interface WalkPlan {
  /** New commits, parents first. */
  readonly nodes: readonly CommitNode[];
  /** Commits whose snapshots are wanted. */
  readonly tips: ReadonlySet<string>;
  /** For a tip, known commits that it may be a rewriting of. */
  readonly rewrites: ReadonlyMap<string, readonly Rewrite[]>;
  /** A known commit that stands in for the history before all new ones, when a parent is not known itself. */
  readonly nearest: string | null;
  /** True for a long history: merges are seen by their first parent. */
  readonly isFirstParentOnly?: boolean;
}

export interface Rewrite {
  readonly commit: string;
  /** An amended commit: what is missing now was taken out by it, not left behind. */
  readonly isAmend: boolean;
}

/** No snippet has as many. */
const MAX_TOKENS = 0x7fffffff;
/** Every so many commits of a long history one snapshot is kept, for branches that start there. */
const KEEP_EVERY = 50;
/** The newest of them, of half a megabyte each with ten thousand snippets: most branches start in the last 1,600 commits. */
const MAX_KEPT = 32;
/** Of the others as many, should the walk end early: copying one costs as much as many commits do. */
const KEEP_EVERY_EARLY = 1_000;

/**
 * Steps through new commits (survival.md section 3.5) with one stream of changes for all of them. Snapshots of
 * the tips are added to the context; changes are handed out in the order of the commits.
 *
 * @throws {GitError} when git fails or the signal aborts: snapshots that were added until then hold
 */
export const walkCommits = async (
  context: WalkContext,
  plan: WalkPlan,
  reader: ChangesReader,
  onChange: (change: SnippetChange) => void,
  onFile: (change: FileChange) => void = () => undefined,
): Promise<void> => {
  const { nodes, tips } = plan;
  const inBatch = new Map(nodes.map((node, position) => [node.commit, position]));
  const nWaiting = countChildren(plan);
  const steps = planSteps(plan, inBatch, context);
  const made = new Map<string, Snapshot>();
  const startsAfter = Int32Array.from(context.snippets, ({ head }) => (head === null ? -1 : (inBatch.get(head) ?? -1)));
  /** A stand-in for an unknown past comes before all of them. */
  let position = 0;
  const lengths = Int32Array.from(context.snippets, ({ tokens }) => tokens.length);
  const fewest = Int32Array.from(context.snippets, ({ fewestSought }) => Math.min(fewestSought, MAX_TOKENS));
  const undone = Uint8Array.from(context.snippets, ({ isUndone }) => (isUndone ? 1 : 0));
  /** Undone code is not looked for after any commit. */
  const wantedAfter = startsAfter.map((start, snippet) => (undone[snippet] === 1 ? nodes.length : start));
  const wanted = new Uint8Array(lengths.length);
  const resurrection: ResurrectionContext = {
    ...context,
    isSought: (snippet) => (startsAfter[snippet] as number) < position && undone[snippet] === 0,
    wanted({ alive }) {
      let isAny = false;
      for (let snippet = 0; snippet < lengths.length; snippet += 1) {
        const nAlive = alive[snippet] as number;
        const isLost = nAlive === 0 || (lengths[snippet] as number) - nAlive >= (fewest[snippet] as number);
        const isWanted = isLost && (wantedAfter[snippet] as number) < position;
        wanted[snippet] = isWanted ? 1 : 0;
        if (isWanted) isAny = true;
      }
      return isAny ? wanted : null;
    },
    isNew: (snippet) => (context.snippets[snippet] as WalkedSnippet).introducedBy.length === 0,
  };
  const snapshotOf = (commit: string): Snapshot => made.get(commit) ?? context.snapshots.get(commit) ?? emptySnapshot();
  /** The snapshot to change: the parent's own when nobody needs that any more. */
  const takeFrom = (commit: string | null): Snapshot => {
    if (commit === null) return emptySnapshot();
    const own = made.get(commit);
    const nLeft = (nWaiting.get(commit) ?? 0) - 1;
    nWaiting.set(commit, nLeft);
    if (own === undefined || nLeft > 0 || tips.has(commit)) return cloneSnapshot(snapshotOf(commit));
    made.delete(commit);
    return own;
  };

  let open: OpenStep | null = null;
  /** Tokens that stood before the open step, in one list for all steps. */
  let before = new Int32Array(0);
  let next = 0;
  const turns = createTurns();
  const kept: string[] = [];
  for await (const changes of reader.read(steps.map(({ pair }) => pair))) {
    const step = steps[next] as Step;
    next += 1;
    position = inBatch.get(step.pair.commit) ?? position;
    if (step.kind === "first") {
      const snapshot = takeFrom(step.pair.base);
      growSnapshot(snapshot, context.snippets.length);
      if (before.length < snapshot.alive.length) before = new Int32Array(snapshot.alive.length);
      before.set(snapshot.alive);
      open = { changes, snapshot, before, copies: snapshot.copies, touched: new Map(), others: [] };
      carry(open, snapshot, changes.changes);
      for (const change of changes.changes) onFile(change);
    } else if (open !== null) {
      const source = takeFrom(step.pair.base);
      growSnapshot(source, context.snippets.length);
      if (step.kind === "parent") open.others.push(otherParent(open.snapshot, source, addedLines(changes.changes)));
      if (step.kind !== "rewrite") raise(open.before, source.alive);
      if (step.kind === "rewrite") carryOver(source, changes.changes);
      else carry(open, source, changes.changes);
      const isNew = step.kind === "parent" ? addedLines(open.changes.changes) : null;
      for (const snippet of addSource(open.snapshot, source, context.snippets, isNew)) touch(open, snippet);
      if (step.kind === "parent") {
        addLosses(open.snapshot, source);
        open.snapshot.copies = addCopies(open.snapshot.copies, source.copies);
      }
    }
    if (turns.isOver()) await turns.next();
    if (!step.isLast || open === null) continue;
    const isStandIn = !inBatch.has(step.pair.commit);
    const lost = isStandIn ? [...open.snapshot.lost] : [];
    const saved = (await context.savedSource?.(open.changes.changes, resurrection.isSought)) ?? null;
    if (saved !== null) for (const snippet of addSource(open.snapshot, saved, context.snippets)) touch(open, snippet);
    const { snapshot, changes: ofCommit, touched, copies, others } = open;
    for (const snippet of settle(snapshot, ofCommit.changes, touched.keys(), resurrection, copies, others))
      touch(open, snippet);
    for (const snippet of changedCopies(open.copies, open.snapshot.copies)) touch(open, snippet);
    const { commit } = step.pair;
    // What stands in for an unknown past brings no news, and took nothing: much of what is not there came later.
    if (isStandIn) {
      open.snapshot.lost.clear();
      for (const [snippet, losses] of lost) open.snapshot.lost.set(snippet, losses);
    } else report(open, context, onChange);
    if ((nWaiting.get(commit) ?? 0) > 0 || tips.has(commit)) made.set(commit, open.snapshot);
    if (tips.has(commit)) context.snapshots.set(commit, open.snapshot);
    else if (nodes.length > KEEP_EVERY && position % keepEvery(nodes.length - position) === 0) {
      context.snapshots.set(commit, cloneSnapshot(open.snapshot));
      if (kept.push(commit) > MAX_KEPT) context.snapshots.delete(kept.shift() as string);
    }
    open = null;
  }
};

const keepEvery = (nLeft: number): number => (nLeft > KEEP_EVERY * MAX_KEPT ? KEEP_EVERY_EARLY : KEEP_EVERY);

interface Step {
  readonly pair: CommitPair;
  readonly kind: "first" | "parent" | "amended" | "rewrite";
  /** Nothing more about this commit follows. */
  readonly isLast: boolean;
}

interface OpenStep {
  readonly changes: CommitChanges;
  readonly snapshot: Snapshot;
  readonly before: Int32Array;
  /** Second places in the first parent. */
  readonly copies: Copies;
  readonly touched: Map<number, TouchedSnippet[]>;
  /** Parents of a merge beside the first. */
  readonly others: OtherParent[];
}

const planSteps = (plan: WalkPlan, inBatch: ReadonlyMap<string, number>, { snapshots }: WalkContext): Step[] => {
  const steps: Step[] = [];
  const standIns = new Set<string>();
  for (const { commit, parents } of plan.nodes) {
    const used = plan.isFirstParentOnly === true ? parents.slice(0, 1) : parents;
    for (const parent of used) {
      const isUnknown = !inBatch.has(parent) && !snapshots.has(parent) && !standIns.has(parent);
      if (!isUnknown || plan.nearest === null || parent === plan.nearest) continue;
      standIns.add(parent);
      steps.push({ pair: { commit: parent, base: plan.nearest }, kind: "first", isLast: true });
    }
    const kinds: Omit<Step, "isLast">[] = [
      ...(used.length === 0
        ? [{ pair: { commit, base: null }, kind: "first" as const }]
        : used.map((base, index) => ({
            pair: { commit, base },
            kind: index === 0 ? ("first" as const) : ("parent" as const),
          }))),
      ...(plan.rewrites.get(commit) ?? []).map(({ commit: base, isAmend }) => ({
        pair: { commit, base },
        kind: isAmend ? ("amended" as const) : ("rewrite" as const),
      })),
    ];
    for (const [index, step] of kinds.entries()) steps.push({ ...step, isLast: index === kinds.length - 1 });
  }
  // A tip that is older than what is known, whose snapshot nobody has kept.
  for (const tip of plan.tips) {
    const isUnknown = !inBatch.has(tip) && !snapshots.has(tip) && !standIns.has(tip);
    if (isUnknown && plan.nearest !== null)
      steps.push({ pair: { commit: tip, base: plan.nearest }, kind: "first", isLast: true });
  }
  return steps;
};

/** How often each commit's snapshot is asked for. */
const countChildren = (plan: WalkPlan): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const { commit, parents } of plan.nodes) {
    const used = plan.isFirstParentOnly === true ? parents.slice(0, 1) : parents;
    for (const base of [...used, ...(plan.rewrites.get(commit) ?? []).map((rewrite) => rewrite.commit)]) {
      counts.set(base, (counts.get(base) ?? 0) + 1);
    }
  }
  return counts;
};

const carry = (open: OpenStep, snapshot: Snapshot, changes: readonly FileChange[]): void => {
  for (const [snippet, hunks] of carryOver(snapshot, changes)) touch(open, snippet).push(...hunks);
};

const touch = ({ touched }: OpenStep, snippet: number): TouchedSnippet[] => {
  const known = touched.get(snippet);
  if (known !== undefined) return known;
  const fresh: TouchedSnippet[] = [];
  touched.set(snippet, fresh);
  return fresh;
};

const raise = (counts: Int32Array, others: Int32Array): void => {
  for (let at = 0; at < counts.length && at < others.length; at += 1) {
    if ((others[at] as number) > (counts[at] as number)) counts[at] = others[at] as number;
  }
};

const report = (open: OpenStep, { snippets }: WalkContext, onChange: (change: SnippetChange) => void): void => {
  const { changes, snapshot, others } = open;
  for (const [snippet, touched] of open.touched) {
    const one = snippets[snippet] as WalkedSnippet;
    const before = open.before[snippet] ?? 0;
    const after = aliveTokens(snapshot, snippet);
    const isFirst = one.introducedBy.length === 0;
    if (after > before) one.introducedBy.push(changes.commit);
    const finding =
      after >= before
        ? null
        : causeOfCommitLoss({
            snippet,
            nTokens: one.tokens.length,
            before,
            after,
            acceptedAt: one.acceptedAt,
            textBefore: one.before,
            commit: { ...changes, isMerge: others.length > 0 },
            isFirst,
            introducedBy: one.introducedBy,
            touched,
            snapshot,
            isLater: (other) => (snippets[other] as WalkedSnippet).acceptedAt > one.acceptedAt,
          });
    onChange({ snippet, commit: changes.commit, committedAt: changes.committedAt, before, after, finding, isFirst });
  }
};
