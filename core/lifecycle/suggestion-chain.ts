import { followAccepts } from "./accept-memory.ts";
import { creditStep, endAccepted, endAs, endHeld, hold, markVisible, settleStep } from "./chain-facts.ts";
import {
  BURST_MS,
  DECISION_GRACE_MS,
  PARTIAL_COMMAND_WINDOW_MS,
  graceOf,
  type Chain,
  type ChainState,
  type Draft,
} from "./chain-state.ts";
import type { Fact, Observation, Offer, SelectionCause } from "./observation.ts";
import { isLayout, stepThrough, touches, type Step } from "./text-steps.ts";
import { shiftRegionByAll, type TextChange } from "./region.ts";

export interface Reduced {
  readonly state: ChainState;
  readonly facts: readonly Fact[];
}

/**
 * What became of an inline suggestion, inferred from what the stable editor interface tells: one
 * observation in, the new state and the facts that it settles out.
 *
 * A suggestion is a *chain* of items: the one first offered, and those offered again for the rest of
 * the same text while it is typed or accepted in parts. The reducer takes plain observations, with
 * their times as arguments; it holds no clock and no document.
 */
export function reduceChain(before: ChainState, observation: Observation): Reduced {
  const draft: Draft = { ...before, facts: [] };
  observe(draft, observation);
  const { chain, accepts, partialCommandAt, facts } = draft;
  return { state: { chain, accepts, partialCommandAt }, facts };
}

function observe(draft: Draft, observation: Observation): void {
  const { at } = observation;
  // A late clock may tell the same item first: then what was held is no ending.
  if (observation.kind === "offered" && draft.chain?.held && draft.chain.id === observation.offer.suggestionId)
    return offered(draft, at, observation.offer);
  settleByTime(draft, at);
  switch (observation.kind) {
    case "offered":
      return offered(draft, at, observation.offer);
    case "changed":
      return changed(draft, at, observation.document, observation.changes.filter(hasContent), observation.reason);
    case "selected":
      return selected(draft, at, observation.document, observation.offset, observation.cause);
    case "widget":
      return widget(draft, observation.isOpen);
    case "withheld":
      return withheld(draft, at);
    case "accept-command":
      if (draft.chain?.id === observation.suggestionId) endAccepted(draft, at);
      return;
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
    if (at - chain.held.at >= graceOf(chain.held)) endHeld(draft);
    return;
  }
  if (chain.step && at - chain.step.at >= DECISION_GRACE_MS) creditStep(draft, "typed", at);
  markVisible(draft, at);
}

function offered(draft: Draft, at: number, offer: Offer): void {
  const { chain } = draft;
  if (chain && continues(chain, offer)) {
    settleStep(draft, at);
    resume(draft, at, offer);
    return;
  }
  if (chain) {
    settleStep(draft, at);
    if (draft.chain?.held) endHeld(draft);
    else endAs(draft, "superseded", at);
  }
  if (offer.text.length === 0) return;
  draft.chain = {
    id: offer.suggestionId,
    document: offer.document,
    start: offer.offset,
    text: offer.text,
    consumed: 0,
    nClosers: 0,
    acceptedText: "",
    wasAccepted: false,
    typedChars: 0,
    offeredAt: at,
    shown: false,
    read: false,
    isWidgetOpen: false,
    withheldAt: null,
    step: null,
    burstAt: null,
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
  const followed = followAccepts(draft.accepts, at, document, changes, reason);
  draft.accepts = followed.memory;
  draft.facts.push(...followed.facts);
  if (draft.chain?.document !== document) return;
  if (draft.chain.held) {
    const strayed = strayedAfter(draft.chain, draft.chain.held.strayed, changes);
    // The ending is decided by time; until then its place may move, or a typing error is taken back.
    // What is written at the place comes after it: the same text further on is another suggestion.
    const { start } = shiftRegionByAll({ start: draft.chain.start, end: draft.chain.start }, changes, "keep");
    const held =
      strayed === "" && draft.chain.held.strayed !== "" ? null : { ...draft.chain.held, strayed: strayed ?? "" };
    draft.chain = { ...draft.chain, start, held };
    return;
  }
  if (draft.chain.step && at - draft.chain.step.at <= BURST_MS) draft.chain = { ...draft.chain, burstAt: at };
  settleStep(draft, at);
  const { start, consumed } = draft.chain;
  const cursor = start + consumed;
  const here = changes.filter((change) => touches(change, cursor));
  const elsewhere = changes.filter((change) => !touches(change, cursor));
  const moved = shiftRegionByAll({ start, end: start }, elsewhere, "keep").start;
  if (here.length === 0) {
    draft.chain = { ...draft.chain, start: moved };
    return;
  }
  const only = here.length === 1 ? here[0] : undefined;
  const step = only ? stepThrough(draft.chain, only) : null;
  // A redo to the end brings back an accept or what was typed before: nobody took this suggestion.
  if (step === null || (reason === "redo" && step.consumed === draft.chain.text.length)) {
    // What is not on screen cannot be typed over.
    const isIgnored = reason !== "edit" || draft.chain.withheldAt !== null || here.every(isLayout);
    const strayed = reason === "edit" && only && only.deleted === 0 && only.offset === cursor ? only.text : "";
    return hold(draft, isIgnored ? "ignored" : "typed-over", at, strayed);
  }
  markVisible(draft, at);
  draft.chain = { ...draft.chain, start: moved };
  if (step.text === "") goBack(draft, step);
  else goOn(draft, at, step);
}

/** What stands behind the place of the suggestion after these changes, or null when that is not known. */
function strayedAfter(chain: Chain, strayed: string, changes: readonly TextChange[]): string | null {
  const [change] = changes;
  const cursor = chain.start + chain.consumed;
  if (strayed === "" || !change || changes.length > 1) return null;
  if (change.offset < cursor || change.offset + change.deleted > cursor + strayed.length) return null;
  const from = change.offset - cursor;
  return strayed.slice(0, from) + change.text + strayed.slice(from + change.deleted);
}

/** A part of what was there is gone again: it is neither typed nor accepted now. */
function goBack(draft: Draft, { consumed, nClosers }: Step): void {
  const { chain } = draft;
  if (!chain) return;
  const acceptedText = chain.acceptedText.slice(0, consumed);
  const typedChars = Math.min(chain.typedChars, consumed - acceptedText.length);
  draft.chain = { ...chain, consumed, nClosers, acceptedText, typedChars };
}

function goOn(draft: Draft, at: number, { consumed, nClosers, text }: Step): void {
  const { chain } = draft;
  if (!chain) return;
  draft.chain = { ...chain, consumed, nClosers, step: { text, at } };
  if (consumed >= chain.text.length) {
    // Either an accept, whose command follows at once, or the last characters typed by hand.
    draft.chain = { ...draft.chain, held: { ending: "typed-through", at, strayed: "", wasTyped: false } };
    return;
  }
  if (draft.partialCommandAt !== null && at - draft.partialCommandAt <= PARTIAL_COMMAND_WINDOW_MS) {
    draft.partialCommandAt = null;
    creditStep(draft, "accepted", at);
  }
}

function selected(draft: Draft, at: number, document: string, offset: number, cause: SelectionCause): void {
  const { chain } = draft;
  if (!chain || chain.document !== document) return;
  if (chain.held) {
    if (cause !== "unknown") draft.chain = { ...chain, held: { ...chain.held, wasTyped: true } };
    return;
  }
  const cursor = chain.start + chain.consumed;
  const isBurst = cause === "unknown" && chain.burstAt !== null && at - chain.burstAt <= BURST_MS;
  if (isBurst && offset >= chain.start && offset <= cursor) {
    // Below the cursor it belongs to a change before the last.
    if (offset === cursor) settleStep(draft, at);
    return;
  }
  if (chain.step) creditStep(draft, cause === "unknown" ? "accepted" : "typed", at);
  if (offset !== cursor) hold(draft, "ignored", at);
}

function widget(draft: Draft, isOpen: boolean): void {
  if (draft.chain) draft.chain = { ...draft.chain, isWidgetOpen: isOpen };
}

function withheld(draft: Draft, at: number): void {
  if (draft.chain && !draft.chain.held && draft.chain.withheldAt === null)
    draft.chain = { ...draft.chain, withheldAt: at };
}

function rejectCommand(draft: Draft, at: number): void {
  if (!draft.chain || draft.chain.held) return;
  settleStep(draft, at);
  markVisible(draft, at);
  endAs(draft, "rejected", at);
}

/** Asked for again, it is on screen: an ending that was held was none. */
function resume(draft: Draft, at: number, offer: Offer): void {
  const { chain } = draft;
  if (!chain) return;
  // Offered first after some of it was typed unseen, it may grow by a step back.
  const text = offer.text.length > chain.text.length ? offer.text : chain.text;
  const consumed = text.length - offer.text.length;
  const offeredAt = chain.offeredAt + (chain.withheldAt === null ? 0 : at - chain.withheldAt);
  const start = offer.offset - consumed;
  draft.chain = { ...chain, text, start, consumed, held: null, step: null, offeredAt, withheldAt: null };
}

/**
 * The new item is a rest of the same suggestion, or of the same text at the place where the chain now
 * stands.
 */
function continues(chain: Chain, offer: Offer): boolean {
  if (chain.document !== offer.document) return false;
  if (chain.id === offer.suggestionId) return chain.text.endsWith(offer.text) || offer.text.endsWith(chain.text);
  if (chain.held && chain.held.ending !== "ignored") return false;
  return offer.offset === chain.start + chain.consumed && offer.text === chain.text.slice(chain.consumed);
}

function hasContent(change: TextChange): boolean {
  return change.deleted > 0 || change.text.length > 0;
}
