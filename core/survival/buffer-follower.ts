import { shiftRegion, type Region, type TextChange } from "../lifecycle/region.ts";
import { composeAll, retainedCharacters } from "./accepted-characters.ts";
import { alignSnippet } from "./buffer-align.ts";
import { causeOfLoss, type BufferLossCause, type ChangeAuthor } from "./buffer-cause.ts";
import { countOwned, mergeRegions, type SnippetPlaces, type SnippetText } from "./buffer-places.ts";
import { applyEntries, descending, lengthAfter, type AcceptedSnippet, type JournalEntry } from "./change-journal.ts";
import {
  carrySnippet,
  followAccepted,
  followPlaces,
  shiftSnippet,
  standsAt,
  type FollowedSnippet,
} from "./followed-snippet.ts";
import { fourGramRecall, strictRetainedFraction } from "./retention.ts";
import type { Syntax } from "./markdown-text.ts";
import { kindOf, syntaxOfKind } from "./token-table.ts";
import { compareTexts, intervalMapper, type DiffSequences } from "./text-replacement.ts";

/** Tokens of a snippet went away, or came back, since the document was looked at last. */
export type BufferFact =
  | {
      readonly kind: "loss";
      readonly suggestionId: string;
      /** Part of the snippet's tokens that went, and part that is there now, 0 to 1. */
      readonly fraction: number;
      readonly retained: number;
      readonly cause: BufferLossCause;
      readonly evidence: string;
    }
  | { readonly kind: "gain"; readonly suggestionId: string; readonly fraction: number; readonly retained: number };

/** What is left of a snippet by each measure, 0 to 1. */
export interface BufferMeasure {
  /** Significant tokens, by the token rule. */
  readonly tokens: number;
  /** All tokens; never above `tokens`. */
  readonly strictTokens: number;
  /** Groups of four significant tokens. */
  readonly fourGrams: number;
  /** Accepted characters that no edit has touched. */
  readonly arc: number;
}

/**
 * Follows accepted code through the edits of one document (survival.md section 3.2). Telling it of an edit costs
 * the same whatever it follows: changes wait in a journal until the document is looked at. The accepted text is
 * kept, so code that comes back by undo, redo or paste is found again.
 */
export interface BufferFollower {
  /** A snippet that is followed already is replaced: a longer part of the same suggestion was accepted. */
  follow(snippet: AcceptedSnippet): void;
  forget(suggestionId: string): void;
  changed(changes: readonly TextChange[], author: ChangeAuthor): void;
  /** The whole text is another one, and nobody saw the change: opened again, read from disk, or its file deleted. */
  replaced(text: string, author: ChangeAuthor): void;
  /** Entries of the journal that no look has settled. */
  readonly nPending: number;
  readonly suggestionIds: readonly string[];
  /** The text at the last look, or null before the first. */
  readonly text: string | null;
  /**
   * Looks at the document: `text` is what it holds now, `at` the monotonic time. Yields between steps, so that a
   * host can let others run; edits that are told meanwhile wait for the next look. Run it to its end.
   */
  settle(text: string, at: number): Generator<void, readonly BufferFact[]>;
  /** By the last look; null when it is not followed or nothing can be said about it. */
  measure(suggestionId: string): BufferMeasure | null;
  /** Where it stands now, edits that wait included; null when it is not followed. */
  standsAt(suggestionId: string): Region | null;
  /** By the last look. */
  places(): readonly SnippetPlaces[];
}

/** A replacement of this many UTF-16 units by as many is compared token by token; smaller ones are searched. */
const COMPARED_CHARS = 200;
/** Places of inserted text that are remembered, to look there for code that was cut; the oldest give way. */
const MAX_ARRIVALS = 64;
/** A look yields when so many snippets were moved: under a millisecond's work. */
const MOVES_PER_STEP = 400;
/** The change that an accept made is among the last entries when the accept is told. */
const ACCEPT_LOOKBACK = 8;

export const createBufferFollower = (
  diff: DiffSequences,
  start: { readonly text: string; readonly places: readonly SnippetPlaces[] } | null = null,
  syntax: Syntax = "code",
): BufferFollower => {
  const snippets = new Map<string, FollowedSnippet>();
  let journal: JournalEntry[] = [];
  let known: string | null = start?.text ?? null;
  let arrivals: Region[] = [];
  let nArrived = 0;
  for (const places of start?.places ?? []) snippets.set(places.suggestionId, followPlaces(places, 0, syntax));

  /** Text that goes on from text inserted before is one arrival with it: keystrokes make a line. */
  const arrive = (region: Region): void => {
    if (region.end === region.start) return;
    const beside = arrivals.filter(({ start: from, end }) => from <= region.end && end >= region.start);
    const joined = mergeRegions([...beside, region]);
    arrivals = [...arrivals.filter((other) => !beside.includes(other)), ...joined].slice(-MAX_ARRIVALS);
    nArrived += 1;
  };

  const applyChange = (change: TextChange, author: ChangeAuthor): void => {
    for (const snippet of snippets.values()) shiftSnippet(snippet, change, author);
    arrivals = arrivals
      .map((region) => shiftRegion(region, change, "keep"))
      .filter(({ start: from, end }) => end > from);
    arrive({ start: change.offset, end: change.offset + change.text.length });
  };

  /** A long text gave way to a long text: compared, so that what is the same in both stays what it is. */
  function* applyReplacement(
    change: TextChange,
    old: string,
    author: ChangeAuthor,
    isSeen: boolean,
  ): Generator<void, void> {
    const replacement = yield* compareTexts(old, change.text, diff, kindOf(syntax));
    const mapper = intervalMapper(old, change.text, replacement, diff, kindOf(syntax));
    const moved = <R extends Region>(region: R, by: number): R => ({
      ...region,
      start: region.start + by,
      end: region.end + by,
    });
    const map = {
      intervals(snippet: SnippetText, owned: FollowedSnippet["intervals"]) {
        const mapped = mapper.intervals(
          snippet,
          owned.map((one) => moved(one, -change.offset)),
        );
        return { ...mapped, intervals: mapped.intervals.map((one) => moved(one, change.offset)) };
      },
      region: (region: Region) => moved(mapper.region(moved(region, -change.offset)), change.offset),
    };
    const hunkChanges = descending(
      replacement.hunks.map(({ before, after }) => ({
        offset: change.offset + before.start,
        deleted: before.end - before.start,
        text: change.text.slice(after.start, after.end),
      })),
    );
    for (const snippet of snippets.values()) {
      const { characters } = snippet;
      carrySnippet(snippet, change, author, map);
      snippet.characters = composeAll(characters, isSeen ? [change] : hunkChanges);
      yield;
    }
    const end = change.offset + change.deleted;
    arrivals = arrivals.map((region) =>
      region.start >= change.offset && region.end <= end ? map.region(region) : shiftRegion(region, change, "keep"),
    );
    if (
      [...snippets.values()].every(({ isDirty, intervals, nTokens }) => !isDirty && countOwned(intervals) === nTokens)
    )
      return;
    const fresh = mapper.arrived();
    const places = fresh.length > MAX_ARRIVALS / 2 ? replacement.hunks.map(({ after }) => after) : fresh;
    for (const place of places) arrive(moved(place, change.offset));
  }

  /** Those that edits have gone over and, where text came in, those that miss tokens; from the top. */
  function* alignOpen(text: string, isNews: boolean): Generator<void, void> {
    const open = [...snippets.values()]
      .filter(({ isDirty, intervals, nTokens }) => isDirty || (isNews && countOwned(intervals) < nTokens))
      .sort((a, b) => a.home.start - b.home.start);
    if (open.length === 0) return;
    for (const snippet of open) snippet.isDirty = true;
    let taken = [...snippets.values()].flatMap(({ isDirty, intervals }) => (isDirty ? [] : intervals)).sort(byStart);
    for (const snippet of open) {
      yield;
      const found = alignSnippet(snippet, text, [...snippet.intervals, ...arrivals], taken);
      snippet.isUnknown = found === null;
      if (found === null) continue;
      snippet.isDirty = false;
      snippet.intervals = found;
      taken = [...taken, ...found].sort(byStart);
    }
    yield;
  }

  const tell = (snippet: FollowedSnippet, at: number): BufferFact[] => {
    const { suggestionId, nTokens, nOwned, removed } = snippet;
    if (snippet.isUnknown) return [];
    const now = countOwned(snippet.intervals);
    snippet.nOwned = now;
    snippet.removed = { edit: 0, undo: 0, accept: 0, deletion: 0 };
    if (now === nOwned || nTokens === 0) return [];
    const fraction = Math.abs(now - nOwned) / nTokens;
    const retained = now / nTokens;
    if (now > nOwned) return [{ kind: "gain", suggestionId, fraction, retained }];
    const why = causeOfLoss({
      removed,
      nMissing: nTokens - now,
      nTokens,
      ageMs: at - snippet.acceptedAt,
      isHomeEmpty: snippet.home.end === snippet.home.start,
    });
    return [{ kind: "loss", suggestionId, fraction, retained, ...why }];
  };

  function* settle(text: string, at: number): Generator<void, readonly BufferFact[]> {
    const entries = journal;
    journal = [];
    const arrivedBefore = nArrived;
    let base = known;
    /** Entries before this one are in `base`. */
    let reached = 0;
    let nMoves = 0;
    const textBefore = (idx: number): string | null => {
      if (base !== null) base = applyEntries(base, entries.slice(reached, idx));
      reached = idx;
      return base;
    };
    for (const [idx, entry] of entries.entries()) {
      nMoves += snippets.size;
      if (nMoves > MOVES_PER_STEP) {
        nMoves = 0;
        yield;
      }
      if (entry.kind === "followed") {
        const snippet = followAccepted(entry.snippet, syntax);
        snippets.set(snippet.suggestionId, snippet);
        continue;
      }
      if (entry.kind === "replaced") {
        const old = textBefore(idx);
        if (old !== null) yield* alignOpen(old, false);
        if (old === null) applyChange({ offset: 0, deleted: Number.MAX_SAFE_INTEGER, text: entry.text }, entry.author);
        else if (old !== entry.text)
          yield* applyReplacement({ offset: 0, deleted: old.length, text: entry.text }, old, entry.author, false);
        continue;
      }
      const isCompared = (change: TextChange): boolean =>
        change.deleted >= COMPARED_CHARS && change.text.length >= COMPARED_CHARS;
      const old = entry.changes.some(isCompared) ? textBefore(idx) : null;
      // Which tokens stand where must be known before their text is another one.
      if (old !== null) yield* alignOpen(old, false);
      for (const change of descending(entry.changes)) {
        if (old !== null && isCompared(change)) {
          const gone = old.slice(change.offset, change.offset + change.deleted);
          yield* applyReplacement(change, gone, entry.author, true);
        } else applyChange(change, entry.author);
      }
    }
    if (known !== null && base !== null && lengthAfter(base.length, entries.slice(reached)) !== text.length) {
      // Somebody changed the text without telling: its line ends, for one.
      const old = applyEntries(base, entries.slice(reached));
      yield* alignOpen(old, false);
      yield* applyReplacement({ offset: 0, deleted: old.length, text }, old, "edit", false);
    }
    known = text;
    yield* alignOpen(text, nArrived > arrivedBefore);
    return [...snippets.values()].flatMap((snippet) => tell(snippet, at));
  }

  return {
    follow(snippet) {
      markAccept(journal, snippet);
      journal.push({ kind: "followed", snippet });
    },
    forget(suggestionId) {
      snippets.delete(suggestionId);
      journal = journal.filter((entry) => entry.kind !== "followed" || entry.snippet.suggestionId !== suggestionId);
    },
    changed(changes, author) {
      journal.push({ kind: "changed", changes, author });
    },
    replaced(text, author) {
      journal.push({ kind: "replaced", text, author });
    },
    get nPending() {
      return journal.length;
    },
    get suggestionIds() {
      const waiting = journal.flatMap((entry) => (entry.kind === "followed" ? [entry.snippet.suggestionId] : []));
      return [...new Set([...snippets.keys(), ...waiting])];
    },
    get text() {
      return known;
    },
    settle,
    measure(suggestionId) {
      const snippet = snippets.get(suggestionId);
      if (snippet === undefined || snippet.isUnknown || known === null) return null;
      return measureSnippet(snippet, known);
    },
    standsAt(suggestionId) {
      const snippet = snippets.get(suggestionId);
      let region = snippet === undefined ? null : standsAt(snippet);
      for (const entry of journal) {
        if (entry.kind === "followed") {
          if (entry.snippet.suggestionId === suggestionId) region = entry.snippet.region;
        } else if (entry.kind === "changed" && region !== null) {
          for (const change of descending(entry.changes)) region = shiftRegion(region, change, "keep");
        }
      }
      return region;
    },
    places: () =>
      [...snippets.values()]
        .filter(({ isUnknown }) => !isUnknown)
        .map(({ suggestionId, text, intervals, home }) => ({ suggestionId, text, intervals, home })),
  };
};

const byStart = (a: Region, b: Region): number => a.start - b.start;

/** Runs a look to its end at once. */
export const settleNow = (follower: BufferFollower, text: string, at: number): readonly BufferFact[] => {
  const steps = follower.settle(text, at);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
};

/** The edit that put the accepted text in was ours, not the developer's. */
const markAccept = (journal: JournalEntry[], { text }: AcceptedSnippet): void => {
  for (let idx = journal.length - 1; idx >= Math.max(0, journal.length - ACCEPT_LOOKBACK); idx -= 1) {
    const entry = journal[idx] as JournalEntry;
    if (entry.kind !== "changed" || entry.author !== "edit") continue;
    const isOurs = entry.changes.some(
      (change) => change.text !== "" && (change.text.includes(text) || text.endsWith(change.text)),
    );
    if (!isOurs) continue;
    journal[idx] = { ...entry, author: "accept" };
    return;
  }
};

const measureSnippet = (snippet: FollowedSnippet, text: string): BufferMeasure => {
  const tokens = snippet.nTokens === 0 ? 1 : countOwned(snippet.intervals) / snippet.nTokens;
  const syntax = syntaxOfKind(snippet.kind);
  const own = snippet.intervals.map((interval) => withPunctuation(text, interval, syntax)).join(` ${SEPARATOR} `);
  return {
    tokens,
    strictTokens: Math.min(tokens, strictRetainedFraction(snippet.text, own, syntax)),
    fourGrams: fourGramRecall(snippet.text, own, syntax),
    arc: retainedCharacters(snippet.characters),
  };
};

/** Two parts of a snippet do not touch, whatever stands between them: this is no token of any code. */
const SEPARATOR = "\u0001";

/** An interval ends with its last significant token; what formatters add and drop beside it belongs to it. */
const withPunctuation = (text: string, { start, end }: Region, syntax: Syntax): string => {
  const isBeside = (sign: string): boolean =>
    PUNCTUATION.has(sign) || (syntax === "markdown" && MARKDOWN_SIGNS.has(sign));
  let from = start;
  while (from > 0 && isBeside(text[from - 1] as string)) from -= 1;
  let to = end;
  while (to < text.length && isBeside(text[to] as string)) to += 1;
  return text.slice(from, to);
};

const PUNCTUATION: ReadonlySet<string> = new Set([",", ";", "(", ")", "'", '"', "`", " ", "\t", "\n", "\r"]);
const MARKDOWN_SIGNS: ReadonlySet<string> = new Set("*_+-|>#~=\\");
