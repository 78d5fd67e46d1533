import { aliveMask, aliveTokens, filesOf, onlyFileOf, type Snapshot } from "../core/survival/snapshot.ts";
import { type CauseFinding, causeOfLoss } from "../core/survival/causes.ts";
import { isMovable, moveBy } from "../core/survival/moved-places.ts";
import { GONE_BELOW, runLengths, stateOverPlaces } from "../core/survival/place-state.ts";
import {
  type CensorReason,
  type PlaceSeen,
  SURVIVAL_RECORD_VERSION,
  type SurvivalRecord,
} from "../core/survival/survival-record.ts";
import type { SnippetSurvival } from "../core/survival/survival-state.ts";
import type { SnippetChange, WalkedSnippet } from "./commit-walk.ts";
import type { CommitNode } from "./new-commits.ts";
import { movedNames, namedCommit, type NamedPlace, namedPlaces, shortName, standsAt } from "./named-places.ts";
import type { ObserverOptions } from "./observer.ts";
import type { RefState } from "./refs.ts";
import { isInSubmodule, isShallow } from "./repository.ts";
import { MAX_LINE_BYTES } from "./event-log.ts";
import type { SeenRefs } from "./tip-cache.ts";
import { createTurns } from "./turns.ts";
import { createWorkingFiles } from "./working-files.ts";

export interface EvaluationQuestion {
  readonly refs: RefState;
  readonly snapshots: ReadonlyMap<string, Snapshot>;
  /** Snippets to look at even if no commit changed them. */
  readonly suspects: ReadonlySet<string>;
  /** A jump says where code stands and leaves causes to the walk behind it. */
  readonly mode: "walk" | "jump";
  readonly changes: readonly SnippetChange[];
  readonly nodes: readonly CommitNode[];
  readonly seen?: SeenRefs | null;
}

/** Smaller differences of fractions are rounding. */
const EPSILON = 1e-9;
/** Certainty of a place that was found by a jump (survival.md section 3.8). */
const JUMP_CONF = 0.8;

/** Turns what the snapshots and files hold into records: state over all places, losses with causes, gains. */
export const createEvaluation = (
  options: ObserverOptions & {
    readonly unreadable: ReadonlyMap<string, CensorReason>;
    readonly pending: ReadonlyMap<number, readonly SnippetChange[]>;
  },
) => {
  const { repository, context, numbers, state, now, unreadable, pending } = options;
  const files = createWorkingFiles(repository, options.openText);
  let restless = new Set<string>();
  /** Of the last look; none before the first. */
  let lastPlaces: readonly NamedPlace[] = [];
  /** Of one look: places by the places and the file. */
  const shared = new Map<string, readonly PlaceSeen[]>();

  const placesInCommits = (number: number, nTokens: number, places: readonly NamedPlace[]): PlaceSeen[] => {
    const where: PlaceSeen[] = [];
    for (const { place, ref, snapshot } of places) {
      const nAlive = aliveTokens(snapshot, number);
      if (nAlive > 0) where.push({ place, ref, tok: nAlive / nTokens, files: filesOf(snapshot, number) });
    }
    return where;
  };

  /** The same for a snippet that is whole and in one file wherever it is: one list for all such snippets of a file. */
  const sharedPlaces = (
    number: number,
    nTokens: number,
    places: readonly NamedPlace[],
  ): readonly PlaceSeen[] | null => {
    let path: string | null = null;
    let key = "";
    for (const { snapshot } of places) {
      const nAlive = aliveTokens(snapshot, number);
      key += nAlive === 0 ? "-" : "+";
      if (nAlive === 0) continue;
      const only = nAlive === nTokens ? onlyFileOf(snapshot, number) : null;
      if (only === null || (path !== null && only !== path)) return null;
      path = only;
    }
    if (path === null) return null;
    key += path;
    let where = shared.get(key);
    if (where === undefined) {
      where = placesInCommits(number, nTokens, places);
      shared.set(key, where);
    }
    return where;
  };

  const gapOf = async (snippet: WalkedSnippet, shallow: boolean): Promise<CensorReason | null> =>
    unreadable.get(snippet.file) ??
    (shallow ? "shallow" : (await isInSubmodule(repository, snippet.file)) ? "submodule" : null);

  const evaluateOne = async (
    known: SnippetSurvival,
    number: number,
    question: EvaluationQuestion,
    places: readonly NamedPlace[],
    changes: readonly SnippetChange[],
    shallow: boolean,
  ): Promise<SurvivalRecord[]> => {
    const snippet = context.snippets[number] as WalkedSnippet;
    const nTokens = snippet.tokens.length;
    const head = places.find(({ place }) => place === "head");
    const inHead = head === undefined ? 0 : aliveTokens(head.snapshot, number) / nTokens;
    const inCommit = head === undefined || known.committedAt === null ? null : { commit: head.commit, tok: inHead };
    let where = inHead === 1 ? sharedPlaces(number, nTokens, places) : null;
    if (where === null) {
      const own = placesInCommits(number, nTokens, places);
      if (inHead < 1) own.push(...(await files.find(known, own, inCommit)));
      where = own;
    }
    let found = stateOverPlaces({ where, gap: null });
    if (found.state.kind === "dead") {
      where = [...where, ...(await files.findInIndex(known, question.mode, inCommit))];
      found = stateOverPlaces({ where, gap: null });
      if (found.state.kind === "dead") found = stateOverPlaces({ where, gap: await gapOf(snippet, shallow) });
    }
    const { state: next, tok } = found;
    const isInFiles = where.some(({ place }) => place === "worktree" || place === "index" || place === "buffer");
    if (isInFiles || known.committedAt === null) restless.add(known.sid);
    const best = bestOf(where);
    const from = places.find(({ place, ref }) => place === best?.place && ref === best.ref)?.snapshot;
    const conf = from === undefined ? 1 : (from.conf[number] ?? 100) / 100;
    const commit = head?.commit ?? null;
    const records: SurvivalRecord[] = [];
    const envelope = { v: SURVIVAL_RECORD_VERSION, at: now(), sid: known.sid } as const;
    if (question.mode === "walk" && tok !== null) {
      records.push(...levelRecords(known, snippet, number, tok, where, head?.commit ?? null, changes, question));
    }
    const aliveRle =
      from === undefined
        ? known.aliveRle
        : aliveTokens(from, number) === nTokens
          ? [nTokens]
          : runLengths(aliveMask(from, number, nTokens));
    const snap = {
      ...envelope,
      kind: "snap" as const,
      commit,
      state: next,
      tok,
      aliveRle,
      where,
      conf: question.mode === "jump" ? Math.min(conf, JUMP_CONF) : conf,
    };
    if (isNews(known, snap)) records.push(snap);
    if (next.kind === "dormant" && known.state.kind !== "dormant")
      records.push({ ...envelope, kind: "dormant", ref: next.ref });
    if (next.kind === "unknown" && known.censored !== next.reason)
      records.push({ ...envelope, kind: "censor", reason: next.reason });
    return records;
  };

  /** Losses and gains that lead from the level that the log knows to the one that was found. */
  const levelRecords = (
    known: SnippetSurvival,
    snippet: WalkedSnippet,
    number: number,
    tok: number,
    where: readonly PlaceSeen[],
    head: string | null,
    changes: readonly SnippetChange[],
    { nodes, seen, refs }: EvaluationQuestion,
  ): SurvivalRecord[] => {
    const nTokens = snippet.tokens.length;
    const records: SurvivalRecord[] = [];
    const envelope = { v: SURVIVAL_RECORD_VERSION, at: now(), sid: known.sid } as const;
    const commitOf = (seenAt: PlaceSeen): string | null => namedCommit(refs, seenAt);
    const elsewhere = Math.max(0, ...where.filter((one) => commitOf(one) !== head).map((one) => one.tok));
    const lineage = changes.length === 0 ? EMPTY : ancestorsOf(head, nodes);
    let level = known.level;
    const lose = (
      left: number,
      commit: string | null,
      lostAt: number,
      { cause, evidence, confidence }: CauseFinding,
    ): void => {
      records.push({
        ...envelope,
        kind: "loss",
        commit,
        lostAt,
        lost: level - left,
        left,
        cause,
        evidence,
        conf: confidence,
      });
      level = left;
    };
    const gain = (left: number, commit: string | null): void => {
      records.push({ ...envelope, kind: "gain", commit, gained: left - level, left });
      level = left;
    };
    // A walk anew, for want of the cache, passes commits that the log has told of.
    const toldUpTo = changes.length === 0 ? -1 : nodes.findIndex(({ commit }) => commit === known.commit);
    const told = new Set(nodes.slice(0, toldUpTo + 1).map(({ commit }) => commit));
    for (const change of changes) {
      if (!lineage.has(change.commit) || told.has(change.commit)) continue;
      const after = Math.max(change.after / nTokens, elsewhere);
      if (change.after < change.before && after < level - EPSILON) {
        if (change.finding !== null) lose(after, change.commit, change.committedAt, change.finding);
      } else if (change.after > change.before && after > level + EPSILON) gain(after, change.commit);
    }
    if (tok > level + EPSILON) gain(tok, null);
    if (tok >= level - EPSILON) return records;
    const earlier = [...(pending.get(number) ?? []), ...changes].filter(({ finding }) => finding !== null);
    const culprit = earlier.findLast((change) => change.after / nTokens <= tok + EPSILON) ?? null;
    const dropped = droppedRef(known, seen ?? {}, refs);
    if (culprit?.finding && (dropped === null || isStanding(culprit.commit, refs, nodes))) {
      lose(tok, culprit.commit, culprit.committedAt, culprit.finding);
    } else lose(tok, null, now(), causeWithoutCommit(known, snippet, level - tok, 1 - tok, dropped, changes));
    return records;
  };

  const causeWithoutCommit = (
    known: SnippetSurvival,
    snippet: WalkedSnippet,
    lost: number,
    lostInAll: number,
    dropped: string | null,
    changes: readonly SnippetChange[],
  ): CauseFinding => {
    const observed = {
      afterMs: Math.max(0, now() - known.acceptedAt),
      lost,
      lostInAll,
      moved: false,
      replacedBy: null,
      textBefore: known.before,
      textNow: null,
      fileAsBefore: false,
    };
    if (dropped !== null) return causeOfLoss({ ...observed, kind: "dropped", ref: dropped });
    const first = changes.find(({ isFirst }) => isFirst);
    const committed = known.committedAt !== null && first === undefined;
    const afterMs = first === undefined ? observed.afterMs : Math.max(0, first.committedAt - known.acceptedAt);
    return causeOfLoss({ ...observed, afterMs, kind: "buffer", undo: snippet.isUndone, committed });
  };

  return {
    async evaluate(question: EvaluationQuestion): Promise<SurvivalRecord[]> {
      const places = namedPlaces(question.refs, question.snapshots);
      const byNumber = new Map<number, SnippetChange[]>();
      for (const change of question.changes) {
        const list = byNumber.get(change.snippet);
        if (list === undefined) byNumber.set(change.snippet, [change]);
        else list.push(change);
      }
      const shallow = await isShallow(repository);
      restless = new Set();
      const records: SurvivalRecord[] = [];
      shared.clear();
      const turns = createTurns();
      const names = question.mode === "walk" ? movedNames(lastPlaces, places) : null;
      const move = names === null ? null : moveBy(names);
      const moved: SnippetSurvival[] = [];
      const except: string[] = [];
      for (const known of state.values()) {
        const number = numbers.get(known.sid);
        const next = move === null || !isMovable(known) ? null : move(known.where);
        if (next !== null && number !== undefined) {
          const isOpen = byNumber.has(number) || known.level !== 1 || known.committedAt === null;
          if (!isOpen && standsAt(known, number, next, places)) {
            moved.push(known);
            continue;
          }
        }
        if (next !== null) except.push(known.sid);
        if (number === undefined) continue;
        if (turns.isOver()) await turns.next();
        const changes = byNumber.get(number) ?? [];
        if (changes.length === 0 && !question.suspects.has(known.sid) && isSettled(known, number, places)) continue;
        records.push(...(await evaluateOne(known, number, question, places, changes, shallow)));
      }
      if (names !== null && moved.length > 0) {
        const commit = places.find(({ place }) => place === "head")?.commit ?? null;
        const record = { v: SURVIVAL_RECORD_VERSION, at: now(), kind: "places", commit, names, except } as const;
        if (Buffer.byteLength(JSON.stringify(record)) < MAX_LINE_BYTES) records.unshift(record);
        else
          for (const known of moved) {
            if (turns.isOver()) await turns.next();
            const number = numbers.get(known.sid) as number;
            records.push(...(await evaluateOne(known, number, question, places, [], shallow)));
          }
      }
      lastPlaces = places;
      files.done();
      return records;
    },
    /** Snippets that files on disk hold and commits do not: they have to be looked at each time. */
    unsettled: (): ReadonlySet<string> => restless,
  };
};

const EMPTY: ReadonlySet<string> = new Set();

/** Whether nothing about a snippet can have changed: the same places hold the same part of it. */
const isSettled = (known: SnippetSurvival, number: number, places: readonly NamedPlace[]): boolean => {
  if (known.state.kind === "new" || known.censored !== null) return false;
  const nTokens = known.nTokens;
  let matched = 0;
  for (const { place, ref, snapshot } of places) {
    const nAlive = aliveTokens(snapshot, number);
    if (nAlive === 0) continue;
    const before = known.where[matched];
    if (before === undefined || before.place !== place || before.ref !== ref) return false;
    if (Math.abs(before.tok - nAlive / nTokens) > EPSILON) return false;
    matched += 1;
  }
  return matched === known.where.length;
};

/** The first of the places that hold most. */
const bestOf = (where: readonly PlaceSeen[]): PlaceSeen | undefined => {
  let [best] = where;
  for (const one of where) if (best !== undefined && one.tok > best.tok) best = one;
  return best;
};

const isNews = (known: SnippetSurvival, snap: Extract<SurvivalRecord, { kind: "snap" }>): boolean =>
  known.tok !== snap.tok ||
  known.conf !== snap.conf ||
  known.where.length !== snap.where.length ||
  JSON.stringify([known.state, known.aliveRle, known.where]) !==
    JSON.stringify([snap.state, snap.aliveRle, snap.where]);

const ancestorsOf = (commit: string | null, nodes: readonly CommitNode[]): ReadonlySet<string> => {
  const parents = new Map(nodes.map((node) => [node.commit, node.parents]));
  const found = new Set<string>();
  const queue = commit === null ? [] : [commit];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (found.has(next) || !parents.has(next)) continue;
    found.add(next);
    queue.push(...(parents.get(next) ?? []));
  }
  return found;
};

/** A branch, tag or stash entry that held the code and is gone, or stands elsewhere now. */
const droppedRef = (known: SnippetSurvival, seen: SeenRefs, refs: RefState): string | null => {
  for (const one of known.where) {
    if (one.tok < GONE_BELOW || one.place === "worktree" || one.place === "index" || one.place === "buffer") continue;
    if (one.place === "stash") {
      const held = Object.keys(seen).filter((name) => name.startsWith("stash:"));
      const standing = new Set(refs.stash.map(({ commit }) => `stash:${commit}`));
      if (held.some((name) => !standing.has(name))) return one.ref;
      continue;
    }
    const now = namedCommit(refs, one);
    const name = Object.keys(seen).find((key) => shortName(key) === one.ref);
    const before = one.place === "head" ? seen["HEAD:"] : name === undefined ? undefined : seen[name];
    if (before !== undefined && before !== now) return one.ref;
  }
  return null;
};

/** Whether a commit of this look is part of what HEAD stands on now. */
const isStanding = (commit: string, { heads, defaults }: RefState, nodes: readonly CommitNode[]): boolean =>
  [...heads, ...defaults].some((ref) => ancestorsOf(ref.commit, nodes).has(commit));
