import { anchorAt, countAnchors } from "../core/survival/anchors.ts";
import type { StandingCode } from "../core/survival/attribution.ts";
import { isBeyondIndex } from "../core/survival/candidates.ts";
import { createGramIndex } from "../core/survival/gram-index.ts";
import { movedSnippets } from "../core/survival/moved-places.ts";
import type { SavedBuffer } from "../core/survival/saved-buffer.ts";
import { emptySnapshot } from "../core/survival/snapshot.ts";
import {
  type AcceptRecord,
  type CensorReason,
  SURVIVAL_RECORD_VERSION,
  type SurvivalRecord,
} from "../core/survival/survival-record.ts";
import { applyRecord, type SnippetSurvival, type SurvivalState } from "../core/survival/survival-state.ts";
import { trackSnippet } from "../core/survival/tracked-snippet.ts";
import { syntaxOf } from "../core/survival/markdown-text.ts";
import { countSignificantTokens } from "../core/survival/tokens.ts";
import { GitError } from "./git.ts";
import type { WalkContext, WalkedSnippet } from "./commit-walk.ts";
import { openEventLog, openMemoryLog } from "./event-log.ts";
import { withoutSnippets } from "./forgotten-log.ts";
import { createObserver, type Observation } from "./observer.ts";
import { currentHead, type Repository, reasonOfFailure } from "./repository.ts";
import { loadTips, saveTips } from "./tip-cache.ts";
import { createTurns } from "./turns.ts";

/** Code that a developer took over. */
export interface AcceptedSnippet {
  readonly sid: string;
  /** Relative to the top folder, with forward slashes. */
  readonly file: string;
  /** Widened to whole words of the document. */
  readonly text: string;
  /** Line that it begins on, counted from 1; null when not known. */
  readonly line: number | null;
  /** What it replaced; null when not known. */
  readonly before: string | null;
  /** Milliseconds since 1970; now when left out. */
  readonly at?: number;
  /** Commit that HEAD stood at; where it stands now when left out. */
  readonly head?: string | null;
}

/** Follows accepted code of one repository through its history. Reads the repository, writes only its own folder. */
export interface Tracker {
  readonly state: SurvivalState;
  /**
   * Follows code from now on, or from the commit that it names. Gives the ids of what nothing can be said
   * about: text without a significant token, or too long for the log.
   */
  accept(codes: readonly AcceptedSnippet[]): Promise<readonly string[]>;
  /** The editor renamed a file or a folder. */
  renamed(from: string, to: string): Promise<void>;
  /** An accept was undone, or done again: undone code is not looked for. */
  undone(sid: string, isUndone: boolean): void;
  /** A file was saved, and where accepted code stood in it. */
  saved(file: string, buffer: SavedBuffer): void;
  /** Looks at the repository; one look at a time. Failures of git are part of the answer. */
  observe(signal: AbortSignal): Promise<Observation>;
  /** Where accepted code stands in the tree of a commit that was looked at; empty for any other commit. */
  standing(commit: string): StandingCode;
  forget(sid: string): Promise<void>;
  close(): Promise<void>;
}

export interface TrackerOptions {
  readonly repository: Repository;
  /** The tracker's own folder, made when it is not there; null keeps everything in memory. */
  readonly folder: string | null;
  /** Wall clock, milliseconds since 1970. */
  now(): number;
  /** Looks at the history of this commit alone, as if HEAD stood there and nothing else was. */
  readonly at?: string | undefined;
  /** Text of a file's open document with unsaved changes; null when it has none. */
  openText?(file: string): string | null | Promise<string | null>;
  /** Told of every change, in order: of moved names as of a look at the snippet. */
  onChange?(survival: SnippetSurvival, records: readonly SurvivalRecord[]): void;
}

/** The first look only reads refs. */
const FIRST_LOOK_MS = 15_000;
/** How long nothing is to be done before the cache is written, and after how long it is written all the same, milliseconds. */
const SAVE_AFTER_MS = 2_000;
const SAVE_WITHIN_MS = 300_000;
/** Longer text does not fit into a line of the log. */
const MAX_TEXT_CHARS = 16_384;

/**
 * Opens the tracker of a repository with what its log and its cache hold.
 *
 * @throws what the file system has to complain about
 */
export const openTracker = async (options: TrackerOptions): Promise<Tracker> => {
  const { repository, folder, now } = options;
  const { log, records } = await (folder === null ? openMemoryLog() : openEventLog(folder));
  const state = new Map<string, SnippetSurvival>();
  const turns = createTurns();
  for (const record of records) {
    if (turns.isOver()) await turns.next();
    applyRecord(state, record);
  }
  const context: WalkContext & { snippets: WalkedSnippet[]; short: number[] } = {
    snippets: [],
    vocabulary: new Map(),
    grams: createGramIndex(),
    short: [],
    snapshots: new Map(),
  };
  const numbers = new Map<string, number>();
  const follow = (known: SnippetSurvival): void => {
    const snippet: WalkedSnippet = {
      ...trackSnippet(known, context.vocabulary),
      acceptedAt: known.acceptedAt,
      before: known.before,
      head: known.head,
      introducedBy: [],
      isUndone: false,
    };
    const replaced = numbers.get(known.sid);
    const number = context.snippets.length;
    if (replaced !== undefined) (context.snippets[replaced] as WalkedSnippet).isUndone = true;
    numbers.set(known.sid, number);
    context.snippets.push(snippet);
    const indexed = context.grams.add(number, snippet.ids, snippet.sizes);
    if (isBeyondIndex(snippet.size, indexed)) context.short.push(number);
  };
  for (const known of state.values()) {
    if (turns.isOver()) await turns.next();
    follow(known);
  }
  const cached = folder === null ? null : await loadTips(folder, context, numbers);

  const commit = async (fresh: readonly SurvivalRecord[]): Promise<void> => {
    const changed = new Map<string, SurvivalRecord[]>();
    const slices = createTurns();
    const note = (sid: string, record: SurvivalRecord): void => {
      const known = changed.get(sid);
      if (known === undefined) changed.set(sid, [record]);
      else known.push(record);
    };
    for (const record of fresh) {
      if (slices.isOver()) await slices.next();
      if (record.kind === "places" && options.onChange !== undefined) {
        // The record is the sum of these.
        for (const [{ sid }, snap] of movedSnippets(state.values(), record)) {
          applyRecord(state, snap);
          note(sid, snap);
        }
        continue;
      }
      applyRecord(state, record);
      if (record.kind !== "save" && record.kind !== "head" && record.kind !== "places") note(record.sid, record);
    }
    await log.append(fresh);
    for (const [sid, of] of changed) {
      if (slices.isOver()) await slices.next();
      const survival = state.get(sid);
      if (survival !== undefined) options.onChange?.(survival, of);
    }
  };

  const observer = createObserver({
    repository,
    context,
    numbers,
    state,
    now,
    commit,
    cached,
    openText: options.openText,
    at: options.at,
  });
  const look = async (signal: AbortSignal): Promise<Observation> => {
    try {
      const observation = await observer.observe(signal);
      if (observation.kind === "observed") tipsAreNews();
      return observation;
    } catch (error) {
      if (!(error instanceof GitError) || error.code === "git-aborted") throw error;
      const reason: CensorReason = reasonOfFailure(error);
      await observer.failed(reason);
      return { kind: "failed", reason, message: error.message };
    }
  };
  /** The cache is written when nothing else was to be done for a while: a history can be walked again without it. */
  let unsaved: { readonly since: number; readonly timer: NodeJS.Timeout } | null = null;
  let isClosing = false;
  let nTasks = 0;
  const tipsAreNews = (): void => {
    if (folder === null) return;
    clearTimeout(unsaved?.timer);
    // What cannot be written now, for want of room on the disk, is tried after the next look.
    const timer = setTimeout(() => void inTurn(saveUnsaved).catch(() => undefined), SAVE_AFTER_MS);
    timer.unref();
    unsaved = { since: unsaved?.since ?? performance.now(), timer };
  };
  const saveUnsaved = async (): Promise<void> => {
    if (unsaved === null || folder === null) return;
    clearTimeout(unsaved.timer);
    const isPatient = !isClosing && performance.now() - unsaved.since < SAVE_WITHIN_MS;
    // Who waits for the next look does not wait for the cache.
    const isSaved = await saveTips(folder, context, observer.tips(), () => isPatient && nTasks > 1);
    if (isSaved) unsaved = null;
    else tipsAreNews();
  };
  let queue: Promise<unknown> = Promise.resolve();
  /** One after the other: what is accepted during a look is part of the next. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    nTasks += 1;
    const next = queue.then(work).finally(() => (nTasks -= 1));
    queue = next.catch(() => undefined);
    return next;
  };
  const envelope = () => ({ v: SURVIVAL_RECORD_VERSION, at: now() }) as const;

  return {
    state,
    accept: (codes) =>
      inTurn(async () => {
        const refused: string[] = [];
        const records: AcceptRecord[] = [];
        const isHere = codes.some(({ head }) => head === undefined);
        if (isHere && !observer.hasBegun()) await look(AbortSignal.timeout(FIRST_LOOK_MS));
        const here = isHere ? await currentHead(repository) : null;
        for (const { sid, file, line, before, text, head = here, at = now() } of codes) {
          const isFit = text.length <= MAX_TEXT_CHARS && countSignificantTokens(text, syntaxOf(file)) > 0;
          if (!isFit) {
            refused.push(sid);
            continue;
          }
          const short = before === null || before.length <= MAX_TEXT_CHARS ? before : null;
          records.push({ ...envelope(), at, kind: "accept", sid, file, text, line, before: short, head });
        }
        const known = new Map(records.map(({ sid }) => [sid, state.get(sid)]));
        await commit(records);
        for (const [sid, old] of known) {
          const fresh = state.get(sid);
          if (fresh !== undefined && fresh !== old) follow(fresh);
          observer.suspect(sid);
        }
        return refused;
      }),
    renamed: (from, to) =>
      inTurn(async () => {
        const records: SurvivalRecord[] = [];
        for (const known of state.values()) {
          const isHere = known.file === from || known.file.startsWith(`${from}/`);
          if (!isHere) continue;
          const file = to + known.file.slice(from.length);
          records.push({ ...envelope(), kind: "rename", sid: known.sid, file });
          const number = numbers.get(known.sid);
          if (number !== undefined) context.snippets[number] = { ...(context.snippets[number] as WalkedSnippet), file };
          observer.suspect(known.sid);
        }
        await commit(records);
      }),
    undone(sid, isUndone) {
      const number = numbers.get(sid);
      if (number !== undefined) (context.snippets[number] as WalkedSnippet).isUndone = isUndone;
      observer.suspect(sid);
    },
    saved(file, buffer) {
      observer.saved(file, buffer);
    },
    observe: (signal) => inTurn(() => look(signal)),
    standing(commit) {
      const { files } = context.snapshots.get(commit) ?? emptySnapshot();
      return new Map(
        [...files].map(([path, anchors]) => [
          path,
          Array.from({ length: countAnchors(anchors) }, (_, index) => {
            const { line, snippet, length } = anchorAt(anchors, index);
            return { sid: (context.snippets[snippet] as WalkedSnippet).sid, line, nTokens: length };
          }),
        ]),
      );
    },
    forget: (sid) =>
      inTurn(async () => {
        state.delete(sid);
        const number = numbers.get(sid);
        numbers.delete(sid);
        if (number !== undefined) (context.snippets[number] as WalkedSnippet).isUndone = true;
        await log.rewrite((record) => withoutSnippets(record, new Set([sid])));
      }),
    async close() {
      isClosing = true;
      await queue;
      observer.close();
      // It is only a cache: a full disk does not keep the log open.
      await saveUnsaved().catch(() => undefined);
      await log.close();
    },
  };
};
