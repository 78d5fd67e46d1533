import type { Fact, Observation, Offer, SelectionCause } from "./observation.ts";
import { advanceThrough, isLineBreakOrDeletion, touches } from "./text-steps.ts";
import { shiftRegionByAll, type Region, type TextChange } from "./region.ts";

/**
 * What became of an inline suggestion, inferred from what the stable editor interface tells.
 *
 * A suggestion is a *chain* of items: the one first offered, and those offered again for the rest of
 * the same text while it is typed or accepted in parts. The reducer takes plain observations, with
 * their times as arguments, and returns outcome facts; it holds no clock and no document.
 *
 * "Shown" has no signal, so an item counts as shown once it stood unchanged for SHOWN_AFTER_MS. An
 * ending that the editor may still correct (an accept changes the text first and says so 1 to 4 ms
 * later) is held back for DECISION_GRACE_MS.
 */
export const SHOWN_AFTER_MS = 50;
/** A suggestion on screen this long counts as read. */
export const READ_AFTER_MS = 750;
/** Longest observed gap between an accept's text change and its command is 4 ms; slow hosts get more. */
export const DECISION_GRACE_MS = 150;
/** An own "accept word" keystroke and the change that it causes are one turn of the event loop apart. */
const PARTIAL_COMMAND_WINDOW_MS = 250;
/** Accepts that an undo can still name. */
const MAX_REMEMBERED_ACCEPTS = 64;

type HeldEnding = "typed-over" | "ignored" | "typed-through";

interface Chain {
  readonly id: string;
  readonly document: string;
  /** Where the whole text begins. */
  readonly start: number;
  readonly text: string;
  /** Leading characters of `text` that are in the document by now. */
  readonly consumed: number;
  readonly acceptedChars: number;
  readonly typedChars: number;
  readonly offeredAt: number;
  readonly shown: boolean;
  readonly read: boolean;
  /** A multi-character step whose author the next selection event tells. */
  readonly step: { readonly characters: number; readonly at: number } | null;
  readonly held: { readonly ending: HeldEnding; readonly at: number } | null;
}

interface RememberedAccept {
  readonly id: string;
  readonly document: string;
  readonly at: number;
  readonly region: Region;
}

export interface ChainState {
  readonly chain: Chain | null;
  readonly accepts: readonly RememberedAccept[];
  readonly partialCommandAt: number | null;
}

export const emptyChainState: ChainState = { chain: null, accepts: [], partialCommandAt: null };

export interface Reduced {
  readonly state: ChainState;
  readonly facts: readonly Fact[];
}

/** The suggestion that may be on screen now: what the editor's context key follows. */
export function visibleSuggestion(state: ChainState): string | null {
  return state.chain && !state.chain.held ? state.chain.id : null;
}

/** Time of the next moment at which a `tick` would tell something, or null. */
export function nextTickAt(state: ChainState): number | null {
  const { chain } = state;
  if (!chain) return null;
  if (chain.held) return chain.held.at + DECISION_GRACE_MS;
  if (chain.step) return chain.step.at + DECISION_GRACE_MS;
  if (!chain.shown) return chain.offeredAt + SHOWN_AFTER_MS;
  if (!chain.read) return chain.offeredAt + READ_AFTER_MS;
  return null;
}

/** One observation in, the new state and the facts that it settles out. */
export function reduceChain(before: ChainState, observation: Observation): Reduced {
  const draft: Draft = { ...before, facts: [] };
  observe(draft, observation);
  const { chain, accepts, partialCommandAt, facts } = draft;
  return { state: { chain, accepts, partialCommandAt }, facts };
}

/** The working copy of one reduction: it lives for one call of `reduceChain`. */
interface Draft {
  chain: Chain | null;
  accepts: readonly RememberedAccept[];
  partialCommandAt: number | null;
  readonly facts: Fact[];
}

function observe(draft: Draft, observation: Observation): void {
  const { at } = observation;
  settleByTime(draft, at);
  switch (observation.kind) {
    case "offered":
      return offered(draft, at, observation.offer);
    case "changed":
      return changed(draft, at, observation.document, observation.changes.filter(hasContent), observation.reason);
    case "selected":
      return selected(draft, at, observation.document, observation.offset, observation.cause);
    case "accept-command":
      return acceptCommand(draft, at, observation.suggestionId);
    case "partial-command":
      draft.partialCommandAt = at;
      return;
    case "reject-command":
      return rejectCommand(draft, at);
    case "left":
      return hold(draft, "ignored", at);
    case "tick":
      return;
  }
}

/** What has become true only because time went by. */
function settleByTime(draft: Draft, at: number): void {
  const { chain } = draft;
  if (!chain) return;
  if (chain.held) {
    if (at - chain.held.at >= DECISION_GRACE_MS) endHeld(draft);
    return;
  }
  if (chain.step && at - chain.step.at >= DECISION_GRACE_MS) creditStep(draft, "typed");
  markVisible(draft, at);
}

function markVisible(draft: Draft, at: number): void {
  if (!draft.chain) return;
  const visibleMs = at - draft.chain.offeredAt;
  if (!draft.chain.shown && visibleMs >= SHOWN_AFTER_MS) markShown(draft, draft.chain.offeredAt + SHOWN_AFTER_MS);
  if (draft.chain.shown && !draft.chain.read && visibleMs >= READ_AFTER_MS) {
    draft.facts.push({
      kind: "read",
      suggestionId: draft.chain.id,
      at: draft.chain.offeredAt + READ_AFTER_MS,
      visibleMs: READ_AFTER_MS,
      document: draft.chain.document,
      start: draft.chain.start,
    });
    draft.chain = { ...draft.chain, read: true };
  }
}

function markShown(draft: Draft, at: number): void {
  if (!draft.chain || draft.chain.shown) return;
  draft.facts.push({ kind: "shown", suggestionId: draft.chain.id, at });
  draft.chain = { ...draft.chain, shown: true };
}

function offered(draft: Draft, at: number, offer: Offer): void {
  const { chain } = draft;
  if (chain && continues(chain, offer)) {
    // The editor asked again for what is still on screen: a held "ignored" was no ending.
    if (chain.held?.ending === "ignored") draft.chain = { ...chain, held: null };
    return;
  }
  if (chain) {
    settleStep(draft);
    if (draft.chain?.held) endHeld(draft);
    else if (draft.chain) endSuperseded(draft, at);
  }
  if (offer.text.length === 0) return;
  draft.chain = {
    id: offer.suggestionId,
    document: offer.document,
    start: offer.offset,
    text: offer.text,
    consumed: 0,
    acceptedChars: 0,
    typedChars: 0,
    offeredAt: at,
    shown: false,
    read: false,
    step: null,
    held: null,
  };
}

function changed(
  draft: Draft,
  at: number,
  document: string,
  changes: readonly TextChange[],
  reason: "edit" | "undo" | "redo",
): void {
  if (changes.length === 0) return;
  if (reason === "undo") undo(draft, at, document, changes);
  shiftAccepts(draft, document, changes);
  if (!draft.chain || draft.chain.document !== document) return;
  if (draft.chain.held) {
    // The ending is decided by time; until then only its place may move.
    const { start } = draft.chain;
    draft.chain = { ...draft.chain, start: shiftRegionByAll({ start, end: start + 1 }, changes, "keep").start };
    return;
  }
  settleStep(draft);
  const { chain } = draft;
  if (!chain) return;
  const cursor = chain.start + chain.consumed;
  const here = changes.filter((change) => touches(change, cursor));
  const elsewhere = changes.filter((change) => !touches(change, cursor));
  if (here.length === 0) {
    draft.chain = {
      ...chain,
      start: shiftRegionByAll({ start: cursor, end: cursor }, elsewhere, "keep").start - chain.consumed,
    };
    return;
  }
  const only = here[0];
  const advanced = only && here.length === 1 && reason === "edit" ? advanceThrough(chain, only) : null;
  const moved =
    elsewhere.length > 0
      ? shiftRegionByAll({ start: chain.start, end: chain.start }, elsewhere, "keep").start
      : chain.start;
  if (advanced === null) {
    const ignored = reason !== "edit" || here.every(isLineBreakOrDeletion);
    return hold(draft, ignored ? "ignored" : "typed-over", at);
  }
  markVisible(draft, at);
  draft.chain = { ...(draft.chain ?? chain), start: moved, consumed: chain.consumed + advanced };
  if (draft.chain.consumed >= chain.text.length) {
    // Either an accept, whose command follows at once, or the last characters typed by hand.
    draft.chain = { ...draft.chain, step: { characters: advanced, at }, held: { ending: "typed-through", at } };
    return;
  }
  draft.chain = { ...draft.chain, step: { characters: advanced, at } };
  if (draft.partialCommandAt !== null && at - draft.partialCommandAt <= PARTIAL_COMMAND_WINDOW_MS) {
    draft.partialCommandAt = null;
    creditStep(draft, "accepted", at);
  }
}

function selected(draft: Draft, at: number, document: string, offset: number, cause: SelectionCause): void {
  const { chain } = draft;
  if (!chain || chain.document !== document || chain.held) return;
  if (chain.step) creditStep(draft, cause === "unknown" ? "accepted" : "typed", at);
  if (offset !== chain.start + chain.consumed) hold(draft, "ignored", at);
}

function acceptCommand(draft: Draft, at: number, suggestionId: string): void {
  const { chain } = draft;
  if (!chain || chain.id !== suggestionId) return;
  markShown(draft, at);
  const region = { start: chain.start, end: chain.start + chain.text.length };
  draft.facts.push({
    kind: "accepted",
    suggestionId,
    at,
    visibleMs: visibleFor(draft, chain.held?.at ?? at),
    document: chain.document,
    region,
    text: chain.text,
  });
  remember(draft, chain, region, at);
  draft.chain = null;
}

function rejectCommand(draft: Draft, at: number): void {
  const { chain } = draft;
  if (!chain || chain.held) return;
  settleStep(draft);
  markVisible(draft, at);
  if (!chain.shown && !draft.chain?.shown) {
    draft.chain = null;
    return;
  }
  tellTypedPart(draft, at);
  // Who took a part and then closed the rest did not reject the suggestion.
  if (chain.acceptedChars === 0) tellSeen(draft, chain, "rejected", at);
  draft.chain = null;
}

function undo(draft: Draft, at: number, document: string, changes: readonly TextChange[]): void {
  const undone = draft.accepts.filter(
    (accept) => accept.document === document && changes.some((change) => covers(change, accept.region)),
  );
  for (const accept of undone)
    draft.facts.push({ kind: "undone", suggestionId: accept.id, at, afterMs: at - accept.at });
  draft.accepts = draft.accepts.filter((accept) => !undone.includes(accept));
}

function shiftAccepts(draft: Draft, document: string, changes: readonly TextChange[]): void {
  if (draft.accepts.length === 0) return;
  draft.accepts = draft.accepts.map((accept) =>
    accept.document === document ? { ...accept, region: shiftRegionByAll(accept.region, changes, "keep") } : accept,
  );
}

function remember(draft: Draft, chain: Chain, region: Region, at: number): void {
  const others = draft.accepts.filter((accept) => accept.id !== chain.id);
  draft.accepts = [...others, { id: chain.id, document: chain.document, at, region }].slice(-MAX_REMEMBERED_ACCEPTS);
}

function settleStep(draft: Draft): void {
  if (draft.chain?.step && !draft.chain.held) creditStep(draft, "typed");
}

/** Say who wrote the last step: the developer's keys, or a partial accept. */
function creditStep(draft: Draft, author: "typed" | "accepted", at = 0): void {
  const { chain } = draft;
  if (!chain?.step) return;
  const { characters } = chain.step;
  if (author === "typed") {
    draft.chain = { ...chain, step: null, typedChars: chain.typedChars + characters };
    return;
  }
  markShown(draft, at);
  const acceptedChars = chain.acceptedChars + characters;
  draft.chain = { ...chain, shown: true, step: null, acceptedChars };
  const region = { start: chain.start, end: chain.start + chain.consumed };
  draft.facts.push({
    kind: "partially-accepted",
    suggestionId: chain.id,
    at,
    characters: acceptedChars,
    fraction: acceptedChars / chain.text.length,
    document: chain.document,
    region,
    text: chain.text.slice(0, chain.consumed),
  });
  remember(draft, chain, region, at);
}

function hold(draft: Draft, ending: HeldEnding, at: number): void {
  if (!draft.chain || draft.chain.held) return;
  settleStep(draft);
  markVisible(draft, at);
  draft.chain = { ...draft.chain, held: { ending, at } };
}

/** A held ending stands: nothing came to correct it. */
function endHeld(draft: Draft): void {
  const { chain } = draft;
  if (!chain?.held) return;
  const { ending, at } = chain.held;
  if (ending === "typed-through") {
    markShown(draft, at);
    draft.facts.push({ kind: "typed-through", suggestionId: chain.id, at, fraction: 1 });
  } else if (chain.shown) {
    tellTypedPart(draft, at);
    if (chain.acceptedChars === 0) tellSeen(draft, chain, ending, at);
  }
  draft.chain = null;
}

function endSuperseded(draft: Draft, at: number): void {
  const { chain } = draft;
  if (chain?.shown) {
    tellTypedPart(draft, at);
    if (chain.acceptedChars === 0) draft.facts.push({ kind: "superseded", suggestionId: chain.id, at });
  }
  draft.chain = null;
}

function tellTypedPart(draft: Draft, at: number): void {
  const { chain } = draft;
  if (!chain || chain.typedChars === 0) return;
  draft.facts.push({
    kind: "typed-through",
    suggestionId: chain.id,
    at,
    fraction: chain.typedChars / chain.text.length,
  });
}

function tellSeen(draft: Draft, chain: Chain, kind: "rejected" | "typed-over" | "ignored", at: number): void {
  const { id: suggestionId, document, start } = chain;
  draft.facts.push({ kind, suggestionId, at, visibleMs: visibleFor(draft, at), document, start });
}

function visibleFor(draft: Draft, until: number): number {
  return Math.max(0, until - (draft.chain?.offeredAt ?? until));
}

/** The new item is the rest of the same text at the place where the chain now stands. */
function continues(chain: Chain, offer: Offer): boolean {
  if (chain.document !== offer.document) return false;
  if (chain.held && chain.held.ending !== "ignored") return false;
  return offer.offset === chain.start + chain.consumed && offer.text === chain.text.slice(chain.consumed);
}

/** An undo that takes away at least half of what was accepted undoes the accept. */
function covers(change: TextChange, region: Region): boolean {
  const length = region.end - region.start;
  const overlap = Math.min(change.offset + change.deleted, region.end) - Math.max(change.offset, region.start);
  return length > 0 && overlap >= length / 2 && change.text.length < change.deleted;
}

function hasContent(change: TextChange): boolean {
  return change.deleted > 0 || change.text.length > 0;
}
