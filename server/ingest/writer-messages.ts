import type { BatchAnswer } from "./ingest.ts";

/** What the writer thread needs to open the store by itself. */
export interface WriterData {
  readonly database: string;
}

/** From the server's main thread to the writer. */
export type ToWriter =
  /** The body of one request, as it came. */
  | { readonly kind: "batch"; readonly id: number; readonly json: string }
  /** The outbox has something new in it. */
  | { readonly kind: "derive" }
  | { readonly kind: "close" };

/** From the writer to the main thread. */
export type FromWriter =
  | {
      readonly kind: "stored";
      readonly answers: readonly { readonly id: number; readonly answer: BatchAnswer }[];
      /** True while something of what was stored is still to be derived. */
      readonly pending: boolean;
    }
  | {
      readonly kind: "derived";
      readonly suggestions: readonly string[];
      readonly examplesRevision: number | null;
      /** What could not be derived, by id or by the reason. */
      readonly failed: readonly string[];
      readonly pending: boolean;
    }
  /** The disk failed: nothing is acknowledged any more. */
  | { readonly kind: "broken"; readonly reason: string }
  | { readonly kind: "closed" };
