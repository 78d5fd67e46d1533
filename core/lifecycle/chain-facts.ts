import { rememberAccept } from "./accept-memory.ts";
import { READ_AFTER_MS, SHOWN_AFTER_MS, type Chain, type Draft, type HeldEnding } from "./chain-state.ts";
import type { Ending } from "./observation.ts";

/** Facts that a reduction settles: each function here tells, and keeps the chain in step with it. */

/** What has become true by the time `at`, with the suggestion on screen all the while. */
export function markVisible(draft: Draft, at: number): void {
  if (!draft.chain || draft.chain.withheldAt !== null) return;
  const visibleMs = at - draft.chain.offeredAt;
  if (!draft.chain.shown && visibleMs >= SHOWN_AFTER_MS) markShown(draft, draft.chain.offeredAt + SHOWN_AFTER_MS);
  if (draft.chain.shown && !draft.chain.read && visibleMs >= READ_AFTER_MS) {
    const { id: suggestionId, document, start, offeredAt } = draft.chain;
    const readAt = offeredAt + READ_AFTER_MS;
    draft.facts.push({ kind: "read", suggestionId, at: readAt, visibleMs: READ_AFTER_MS, document, start });
    draft.chain = { ...draft.chain, read: true };
  }
}

export function markShown(draft: Draft, at: number): void {
  if (!draft.chain || draft.chain.shown) return;
  draft.facts.push({ kind: "shown", suggestionId: draft.chain.id, at });
  draft.chain = { ...draft.chain, shown: true };
}

/** Say who wrote the last step: the developer's keys, or a partial accept. */
export function creditStep(draft: Draft, author: "typed" | "accepted", at: number): void {
  const { chain } = draft;
  if (!chain?.step) return;
  const { text } = chain.step;
  if (author === "typed" || chain.isWidgetOpen) {
    draft.chain = { ...chain, step: null, typedChars: chain.typedChars + text.length };
    return;
  }
  markShown(draft, at);
  const acceptedText = chain.acceptedText + text;
  draft.chain = { ...chain, shown: true, step: null, acceptedText, wasAccepted: true };
  const region = { start: chain.start, end: chain.start + chain.consumed };
  const inDocument = chain.text.slice(0, chain.consumed);
  draft.facts.push({
    kind: "partially-accepted",
    suggestionId: chain.id,
    at,
    characters: acceptedText.length,
    words: acceptedText.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0,
    lines: acceptedText.match(/\n/g)?.length ?? 0,
    fraction: acceptedText.length / chain.text.length,
    document: chain.document,
    region,
    text: inDocument,
  });
  const { id, document } = chain;
  draft.accepts = rememberAccept(draft.accepts, { id, document, at, region, text: inDocument });
}

export function settleStep(draft: Draft, at: number): void {
  if (draft.chain?.step && !draft.chain.held) creditStep(draft, "typed", at);
}

/** An ending that the editor may still correct: it stands when nothing comes in time. */
export function hold(draft: Draft, ending: HeldEnding, at: number, strayed = ""): void {
  if (!draft.chain || draft.chain.held) return;
  settleStep(draft, at);
  markVisible(draft, at);
  draft.chain = { ...draft.chain, held: { ending, at, strayed, wasTyped: false } };
}

/** A held ending stands: nothing came to correct it. */
export function endHeld(draft: Draft): void {
  const { chain } = draft;
  if (!chain?.held) return;
  const { ending, at } = chain.held;
  if (ending !== "typed-through") return endAs(draft, ending, at);
  markShown(draft, at);
  draft.facts.push({ kind: "typed-through", suggestionId: chain.id, at, fraction: 1 });
  end(draft, "typed-through", at);
}

/** The whole text is in the document by an accept. */
export function endAccepted(draft: Draft, at: number): void {
  if (!draft.chain) return;
  markShown(draft, at);
  const { id, document, start, text, held } = draft.chain;
  const region = { start, end: start + text.length };
  const visibleMs = visibleFor(draft.chain, held?.at ?? at);
  draft.facts.push({ kind: "accepted", suggestionId: id, at, visibleMs, document, region, text });
  draft.accepts = rememberAccept(draft.accepts, { id, document, at, region, text });
  end(draft, "accepted", at);
}

/** Any ending but an accept. Of a suggestion that was not shown nothing is told. */
export function endAs(draft: Draft, ending: Exclude<Ending, "accepted" | "typed-through">, at: number): void {
  const { chain } = draft;
  if (!chain?.shown) {
    draft.chain = null;
    return;
  }
  const { id: suggestionId, document, start, text, typedChars } = chain;
  if (typedChars > 0)
    draft.facts.push({ kind: "typed-through", suggestionId, at, fraction: Math.min(1, typedChars / text.length) });
  // Who took a part and then left the rest did neither reject nor ignore the suggestion.
  if (chain.wasAccepted || ending === "partially-accepted") return end(draft, "partially-accepted", at);
  if (ending === "superseded") draft.facts.push({ kind: ending, suggestionId, at });
  else draft.facts.push({ kind: ending, suggestionId, at, visibleMs: visibleFor(chain, at), document, start });
  end(draft, ending, at);
}

function end(draft: Draft, ending: Ending, at: number): void {
  if (draft.chain) draft.facts.push({ kind: "ended", suggestionId: draft.chain.id, at, ending });
  draft.chain = null;
}

function visibleFor(chain: Chain, until: number): number {
  return Math.max(0, (chain.withheldAt ?? until) - chain.offeredAt);
}
