import { aliveMask, aliveTokens, type Snapshot } from "./snapshot.ts";
import type { TextBefore } from "./text-before.ts";
import type { TokenRun } from "./maximal-runs.ts";
import { keepRunsOfIds, MIN_RUN_TOKENS } from "./token-runs.ts";
import type { TrackedSnippet } from "./tracked-snippet.ts";

/**
 * For each token of a snippet which loss of this line of history took it: commits that took some are numbered
 * from 1. 0 for a token that stands, or that no commit of this line ever held. Never changed once made.
 */
export type LostTokens = Uint16Array;

/**
 * Share of what one commit took, by letters and digits, that a later commit has to bring back into one file. A
 * revert of a revert brings back all of it; boilerplate that somebody types again brings some. In a file where the
 * snippet never stood it has to come back whole: there are many other files.
 */
const RETURNED_AT_HOME_FROM = 0.7;
const RETURNED_ELSEWHERE_FROM = 1;
/** Shorter code in a file where it never stood was typed anew more often than it was brought back: letters and digits. */
const MIN_RETURNED_ELSEWHERE = 80;

/**
 * Writes down what a commit took of the snippets that it changed. `touched` are those whose lines it went over:
 * of another one nothing stood before.
 */
export const noteLosses = (
  snapshot: Snapshot,
  affected: Iterable<number>,
  touched: ReadonlySet<number>,
  snippets: readonly TrackedSnippet[],
): void => {
  for (const snippet of affected) {
    const { length } = (snippets[snippet] as TrackedSnippet).tokens;
    const nAlive = aliveTokens(snapshot, snippet);
    if (nAlive === length) {
      snapshot.lost.delete(snippet);
      continue;
    }
    const known = snapshot.lost.get(snippet);
    if (known === undefined && !touched.has(snippet) && nAlive === 0) continue;
    snapshot.lost.set(snippet, lossesNow(known, aliveMask(snapshot, snippet, length), touched.has(snippet)));
  }
};

/** Whether a commit of this line of history took the token. */
export const isTaken = (loss: number | undefined): boolean => loss !== undefined && loss !== 0 && loss !== NEVER_HELD;

/** A token that stands and one that no commit ever held look alike in {@link LostTokens}: this marks the latter. */
const NEVER_HELD = 0xffff;

/** Whether a line of history never held more than parts of the snippet, found in what it added. */
export const isOfParts = (lost: LostTokens | undefined): boolean =>
  lost !== undefined && 2 * lost.filter((one) => one === NEVER_HELD).length > lost.length;

const lossesNow = (known: LostTokens | undefined, alive: Uint8Array, hasStood: boolean): LostTokens => {
  let last = 0;
  for (let at = 0; known !== undefined && at < known.length; at += 1)
    if (known[at] !== NEVER_HELD) last = Math.max(last, known[at] as number);
  const number = last + 1;
  const losses = new Uint16Array(alive.length);
  for (let at = 0; at < losses.length; at += 1) {
    if (alive[at] === 1) continue;
    const before = known?.[at];
    if (before === undefined) losses[at] = hasStood ? number : NEVER_HELD;
    else losses[at] = before === 0 ? number : before;
  }
  return losses;
};

/** Takes over what another line of history that was merged in knows of losses. */
export const addLosses = (snapshot: Snapshot, other: Snapshot): void => {
  for (const [snippet, lost] of other.lost) if (!snapshot.lost.has(snippet)) snapshot.lost.set(snippet, lost);
};

export interface ReturnQuestion {
  /** What was found of the snippet in one file. */
  readonly runs: readonly TokenRun[];
  readonly lost: LostTokens;
  readonly ids: Int32Array;
  readonly sizes: Uint16Array;
  /** Whether the snippet stood in the file before. */
  readonly isHome: boolean;
  /** Whether other files hold the code that this line of history took: see {@link returnedRuns}. */
  readonly hasCopies: boolean;
  /** What stood in the changed places before, as ids with breaks between places. Asked for only where it is needed. */
  textBefore(): TextBefore;
}

/**
 * Of what was found in one file, the part that may be the snippet. Tokens that earlier commits took count only
 * where they come back nearly as they went, and where the commit does not just move, edit or add to another copy. Code that
 * stayed in other files when it was taken has not gone: a file that holds it for the first time is one more copy.
 */
export const returnedRuns = (question: ReturnQuestion): readonly TokenRun[] => {
  const { runs, lost, sizes, isHome, hasCopies } = question;
  const wanted = new Map<number, number>();
  for (let at = 0; at < lost.length; at += 1) addSize(wanted, lost[at] as number, sizes[at] as number);
  const found = sizesOfLosses(runs, lost, sizes);
  const isReturned = (loss: number, sizesFound: ReadonlyMap<number, number>): boolean =>
    (sizesFound.get(loss) ?? 0) >= (isHome ? RETURNED_AT_HOME_FROM : RETURNED_ELSEWHERE_FROM) * (wanted.get(loss) ?? 0);
  const returned = new Set<number>([0, NEVER_HELD]);
  for (const [loss, size] of found) {
    const isEnough = isHome || (!hasCopies && size >= MIN_RETURNED_ELSEWHERE);
    if (isEnough && isReturned(loss, found)) returned.add(loss);
  }
  if (returned.size > 2) {
    const sought = question.ids.map((id, at) => (isTaken(lost[at]) ? id : -2));
    const before = question.textBefore();
    const isThere = sought.length < MIN_RUN_TOKENS || before.grams.hasAny(sought, null);
    const copy = isThere ? keepRunsOfIds(sought, before.ids, (at) => sizes[at] as number) : [];
    const moved = sizesOfLosses(copy, lost, sizes);
    for (const loss of moved.keys()) if (isTaken(loss) && isReturned(loss, moved)) returned.delete(loss);
  }
  return runs.flatMap((run) => partsOf(run, (k) => !returned.has(lost[run.from + k] as number)));
};

/** Letters and digits by loss, of all that it took and of what a text may hold; written anew for each question. */
const wantedOf = new Float64Array(NEVER_HELD + 1);
const presentOf = new Float64Array(NEVER_HELD + 1);

/**
 * Letters and digits that {@link returnedRuns} can leave of a snippet in a text at most, told from which tokens stand
 * in the text at all: most texts can be passed over without aligning them. `sought` has a negative number for each
 * token that stands elsewhere.
 */
export const mostReturned = (
  { lost, sizes, isHome }: Pick<ReturnQuestion, "sizes" | "isHome"> & { readonly lost: LostTokens | undefined },
  sought: Int32Array,
  isInText: Uint8Array,
): number => {
  let most = 0;
  for (let at = 0; at < sought.length; at += 1) {
    const loss = lost?.[at] ?? 0;
    const size = sizes[at] as number;
    const isPresent = (sought[at] as number) >= 0 && isInText[sought[at] as number] === 1;
    if (!isTaken(loss)) {
      if (isPresent) most += size;
      continue;
    }
    wantedOf[loss] = (wantedOf[loss] as number) + size;
    if (isPresent) presentOf[loss] = (presentOf[loss] as number) + size;
  }
  for (let at = 0; lost !== undefined && at < lost.length; at += 1) {
    const loss = lost[at] as number;
    const wanted = wantedOf[loss] as number;
    if (wanted === 0) continue;
    const present = presentOf[loss] as number;
    const isEnough = isHome
      ? present >= RETURNED_AT_HOME_FROM * wanted
      : present >= RETURNED_ELSEWHERE_FROM * wanted && present >= MIN_RETURNED_ELSEWHERE;
    if (isEnough) most += present;
    wantedOf[loss] = 0;
    presentOf[loss] = 0;
  }
  return most;
};

/** What is known of all texts where a snippet never stood, of its tokens that one line of history took. */
interface ReturnBound {
  readonly lost: LostTokens;
  readonly ids: Int32Array;
  /** Tokens that no commit took: how many, and their letters and digits; and those of tokens that none ever held. */
  readonly nStanding: number;
  readonly standing: number;
  readonly neverHeld: number;
  /** Losses that may come back there: letters and digits, and a token without which none does. */
  readonly losses: readonly { readonly size: number; readonly rarest: number }[];
}

/** By snippet, for the losses that were asked about last. */
const bounds: (ReturnBound | undefined)[] = [];

/**
 * Letters and digits that {@link mostReturned} can give at most for a text where the snippet never stood, told from one
 * token of each loss. `nAlive` of its tokens stand, and none of its lines was touched since its losses were noted;
 * infinite where the losses do not say which those are.
 */
export const mostElsewhere = (
  snippet: number,
  lost: LostTokens,
  { ids, sizes }: Pick<TrackedSnippet, "ids" | "sizes">,
  nAlive: number,
  isInText: Uint8Array,
): number => {
  let bound = bounds[snippet];
  if (bound?.lost !== lost || bound.ids !== ids) {
    bound = boundOf(lost, ids, sizes);
    bounds[snippet] = bound;
  }
  if (nAlive > 0 && nAlive !== bound.nStanding) return Infinity;
  let most = bound.neverHeld + (nAlive > 0 ? 0 : bound.standing);
  for (const { size, rarest } of bound.losses) if (isInText[rarest] === 1) most += size;
  return most;
};

const boundOf = (lost: LostTokens, ids: Int32Array, sizes: Uint16Array): ReturnBound => {
  let [nStanding, standing, neverHeld] = [0, 0, 0];
  const byLoss = new Map<number, { size: number; rarest: number }>();
  for (let at = 0; at < lost.length; at += 1) {
    const loss = lost[at] as number;
    const size = sizes[at] as number;
    if (loss === 0) {
      nStanding += 1;
      standing += size;
    } else if (loss === NEVER_HELD) neverHeld += size;
    else if (size > 0) {
      // What the vocabulary met last is what few other texts hold.
      const known = byLoss.get(loss);
      if (known === undefined) byLoss.set(loss, { size, rarest: ids[at] as number });
      else {
        known.size += size;
        known.rarest = Math.max(known.rarest, ids[at] as number);
      }
    }
  }
  const losses = [...byLoss.values()].filter(({ size }) => size >= MIN_RETURNED_ELSEWHERE);
  return { lost, ids, nStanding, standing, neverHeld, losses };
};

const sizesOfLosses = (runs: readonly TokenRun[], lost: LostTokens, sizes: Uint16Array): Map<number, number> => {
  const found = new Map<number, number>();
  for (const { from, length } of runs) {
    for (let at = from; at < from + length; at += 1) addSize(found, lost[at] as number, sizes[at] as number);
  }
  return found;
};

const addSize = (all: Map<number, number>, loss: number, size: number): void =>
  void all.set(loss, (all.get(loss) ?? 0) + size);

/** The parts of a run between tokens that are refused, by their place in the run. */
export const partsOf = ({ from, to, length }: TokenRun, isRefused: (k: number) => boolean): TokenRun[] => {
  const parts: TokenRun[] = [];
  let start = 0;
  for (let k = 0; k <= length; k += 1) {
    if (k < length && !isRefused(k)) continue;
    if (k > start) parts.push({ from: from + start, to: to + start, length: k - start });
    start = k + 1;
  }
  return parts;
};
