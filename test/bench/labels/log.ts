/** What the test-only wrapper inside the extension host writes down, in the order that it happened. */

/** Reasons of the proposed interface, by their names; `Ignored` says nothing about why. */
export type EndReason = "accepted" | "rejected" | "ignored";

/** What the driver is about to do, and what that means for the suggestion on screen. */
export interface Action {
  readonly name: string;
  /** What becomes of the suggestion that is up, if it ends by this and the editor names no clearer reason. */
  readonly means: Meaning;
  /** The suggestion that the editor shows at this moment, by its proposed lifecycle and the ghost text on the page. */
  readonly target: string | null;
}

/** `none`: the action ends nothing. */
export type Meaning = "typed-over" | "typed-through" | "ignored" | "superseded" | "none";

/** Times are milliseconds of the extension host's monotonic clock. */
export type LogEntry =
  | { readonly kind: "asked"; readonly at: number; readonly where: string; readonly answer: string | null }
  | { readonly kind: "show"; readonly at: number; readonly id: string; readonly text: string }
  | {
      readonly kind: "partial";
      readonly at: number;
      readonly id: string;
      readonly length: number;
      readonly by: "word" | "line" | "suggest" | "unknown";
    }
  | {
      readonly kind: "end";
      readonly at: number;
      readonly id: string;
      readonly reason: EndReason;
      readonly supersededBy: string | null;
    }
  | { readonly kind: "signal"; readonly at: number; readonly what: string }
  | { readonly kind: "begin"; readonly at: number; readonly behaviour: string }
  | { readonly kind: "act"; readonly at: number; readonly action: Action };

/** What the test-only engine answers: the first entry whose `after` ends the text before the cursor. */
export interface Answer {
  readonly after: string;
  /** The text after the cursor must hold this too. */
  readonly below?: string;
  readonly text: string;
}

/** Where a behaviour's document stands; `beside` is a file that a second editor shows too. */
export type Place = "file" | "beside" | "untitled" | "notebook";

/** A request to the wrapper's control channel, and what it answers. */
export type Request =
  | {
      readonly kind: "open";
      readonly name: string;
      readonly place: Place;
      readonly text: string;
      /** Null: as before. */
      readonly answers: readonly Answer[] | null;
    }
  | { readonly kind: "back"; readonly name: string }
  | { readonly kind: "command"; readonly id: string; readonly args: readonly unknown[] }
  | { readonly kind: "insert"; readonly line: number; readonly text: string }
  | { readonly kind: "note"; readonly entry: { readonly behaviour: string } | { readonly action: Action } }
  | { readonly kind: "state"; readonly since: number }
  | { readonly kind: "events" };

export interface HostState {
  readonly engine: string;
  /** The suggestion that Kept's chain holds for visible. */
  readonly visible: string | null;
  readonly log: readonly LogEntry[];
  readonly total: number;
  readonly text: string | null;
  /** Name of the active document. */
  readonly document: string;
  readonly cursor: number;
  readonly now: number;
}
