import type { AcceptMemory } from "./accept-memory.ts";
import type { Ending, Fact } from "./observation.ts";

/**
 * "Shown" has no signal, so an item counts as shown once it stood unchanged for SHOWN_AFTER_MS. An
 * ending that the editor may still correct (an accept changes the text first and says so 1 to 4 ms
 * later) is held back for DECISION_GRACE_MS.
 */
export const SHOWN_AFTER_MS = 50;
/** A suggestion on screen this long counts as read. */
export const READ_AFTER_MS = 750;
/** Longest observed gap between an accept's text change and its command is 4 ms; slow hosts get more. */
export const DECISION_GRACE_MS = 150;
/**
 * Where the whole text came in, and not by keys, the command of an accept may wait behind other work of
 * a busy host.
 */
export const ACCEPT_GRACE_MS = 1_000;
/** An own "accept word" keystroke and the change that it causes are one turn of the event loop apart. */
export const PARTIAL_COMMAND_WINDOW_MS = 250;

/**
 * Text that comes in several changes before the first of their selections (an input method, dictation)
 * is typed, though its selections have no kind; these follow within a few milliseconds.
 */
export const BURST_MS = 100;

export type HeldEnding = Extract<Ending, "typed-over" | "ignored" | "typed-through">;

/** One suggestion from its first item to its ending. */
export interface Chain {
  readonly id: string;
  readonly document: string;
  /** Where the whole text begins. */
  readonly start: number;
  readonly text: string;
  /** Leading characters of `text` that are in the document by now. */
  readonly consumed: number;
  /** Closers that the editor put behind the cursor while the text was typed along. */
  readonly nClosers: number;
  /** What was accepted so far, without what was typed by hand. */
  readonly acceptedText: string;
  /** A part was accepted once, though it may be gone again. */
  readonly wasAccepted: boolean;
  readonly typedChars: number;
  /** Since when it is on screen, moved on by the time that it was withheld. */
  readonly offeredAt: number;
  readonly shown: boolean;
  readonly read: boolean;
  /** An entry of the suggest widget is selected: what comes in at once may be that entry. */
  readonly isWidgetOpen: boolean;
  /** Not on screen since then, because the widget's entry disagrees. */
  readonly withheldAt: number | null;
  /** A step whose author the next selection event tells. */
  readonly step: { readonly text: string; readonly at: number } | null;
  /** Last change that came before the selection of the one before it. */
  readonly burstAt: number | null;
  readonly held: HeldEnd | null;
}

/** An ending that the editor, or the developer, may still correct. */
export interface HeldEnd {
  readonly ending: HeldEnding;
  readonly at: number;
  /** What was typed instead, as long as taking it back would bring the suggestion back. */
  readonly strayed: string;
  /** The selection event said that keys wrote the last of it: no accept's command will come. */
  readonly wasTyped: boolean;
}

export interface ChainState {
  readonly chain: Chain | null;
  readonly accepts: AcceptMemory;
  readonly partialCommandAt: number | null;
}

export const emptyChainState: ChainState = { chain: null, accepts: [], partialCommandAt: null };

/** The working copy of one reduction: it lives for one call of `reduceChain`. */
export interface Draft {
  chain: Chain | null;
  accepts: AcceptMemory;
  partialCommandAt: number | null;
  readonly facts: Fact[];
}

/** The suggestion that may be on screen now: what the editor's context key follows. */
export function visibleSuggestion({ chain }: ChainState): string | null {
  return chain && !chain.held && chain.withheldAt === null ? chain.id : null;
}

/** Time of the next moment at which a `tick` would tell something, or null. */
export function nextTickAt({ chain }: ChainState): number | null {
  if (!chain) return null;
  if (chain.held) return chain.held.at + graceOf(chain.held);
  if (chain.step) return chain.step.at + DECISION_GRACE_MS;
  if (chain.withheldAt !== null) return null;
  if (!chain.shown) return chain.offeredAt + SHOWN_AFTER_MS;
  if (!chain.read) return chain.offeredAt + READ_AFTER_MS;
  return null;
}

/** How long an ending is held back, milliseconds. */
export function graceOf({ ending, wasTyped }: HeldEnd): number {
  return ending === "typed-through" && !wasTyped ? ACCEPT_GRACE_MS : DECISION_GRACE_MS;
}
