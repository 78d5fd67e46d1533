import type { Region, TextChange } from "./region.ts";

/** What the editor adapter tells the suggestion chain, and what the chain settles. Times in milliseconds. */

export interface Offer {
  readonly suggestionId: string;
  readonly document: string;
  /** Cursor where the text would go, UTF-16 offset. */
  readonly offset: number;
  /** The text still to come, with the document's own line ends. */
  readonly text: string;
}

/** What moved the cursor; `unknown` is what the editor reports for its own edits, accepts among them. */
export type SelectionCause = "keyboard" | "mouse" | "command" | "unknown";

export type Observation =
  | { readonly kind: "offered"; readonly at: number; readonly offer: Offer }
  | {
      readonly kind: "changed";
      readonly at: number;
      readonly document: string;
      readonly changes: readonly TextChange[];
      readonly reason: "edit" | "undo" | "redo";
    }
  | {
      readonly kind: "selected";
      readonly at: number;
      readonly document: string;
      readonly offset: number;
      readonly cause: SelectionCause;
    }
  /** The editor asked with an entry of the suggest widget selected, or asked again without. */
  | { readonly kind: "widget"; readonly at: number; readonly isOpen: boolean }
  /** The editor asked again and was given nothing: what was up is not shown with the widget's entry. */
  | { readonly kind: "withheld"; readonly at: number }
  /** `item.command` of the accepted item ran. */
  | { readonly kind: "accept-command"; readonly at: number; readonly suggestionId: string }
  /** Own command of "accept next word" or "accept next line", before the editor's. */
  | { readonly kind: "partial-command"; readonly at: number }
  /** Own keybinding of Escape, while the suggestion was up; the editor hides it at once. */
  | { readonly kind: "reject-command"; readonly at: number }
  /** Another editor, another window, or the document closed. */
  | { readonly kind: "left"; readonly at: number }
  | { readonly kind: "tick"; readonly at: number };

/** What finally became of a suggestion that was shown. */
export type Ending =
  | "accepted"
  | "partially-accepted"
  | "typed-through"
  | "typed-over"
  | "rejected"
  | "ignored"
  | "superseded";

export type Fact =
  | { readonly kind: "shown" | "superseded"; readonly suggestionId: string; readonly at: number }
  | {
      readonly kind: "read" | "rejected" | "typed-over" | "ignored";
      readonly suggestionId: string;
      readonly at: number;
      readonly visibleMs: number;
      /** Where the suggestion's text would have begun. */
      readonly document: string;
      readonly start: number;
    }
  /** `region` is where the accepted text stands right after the accept, `text` what was accepted. */
  | {
      readonly kind: "accepted";
      readonly suggestionId: string;
      readonly at: number;
      readonly visibleMs: number;
      readonly document: string;
      readonly region: Region;
      readonly text: string;
    }
  | {
      readonly kind: "partially-accepted";
      readonly suggestionId: string;
      readonly at: number;
      /** Accepted so far, without what was typed by hand. */
      readonly characters: number;
      readonly words: number;
      /** Line breaks among the accepted characters. */
      readonly lines: number;
      readonly fraction: number;
      readonly document: string;
      /** Where the part of the text stands that is in the document by now, and that part. */
      readonly region: Region;
      readonly text: string;
    }
  | { readonly kind: "typed-through"; readonly suggestionId: string; readonly at: number; readonly fraction: number }
  /** Told exactly once of every suggestion that was shown, after everything else but undone and redone. */
  | { readonly kind: "ended"; readonly suggestionId: string; readonly at: number; readonly ending: Ending }
  /** Times since the accept, and since the undo. */
  | {
      readonly kind: "undone" | "redone";
      readonly suggestionId: string;
      readonly at: number;
      readonly afterMs: number;
    };
