import type { Offer } from "../../core/filter/features.ts";
import type { Judgement } from "./hold-back.ts";
import type { ModelVersion, SuggestionContext } from "../../protocol/events.ts";

/** How sure the model was of a suggestion: no log-probability is above 0. */
export type Confidence = Omit<Offer, "completion" | "prefix" | "suffix">;

/** What is remembered of a suggestion in this window: for its events, and for "why". */
export interface SuggestionRecord {
  readonly id: string;
  readonly document: string;
  readonly root: string;
  /** The document is a file as git sees it. */
  readonly isFile: boolean;
  readonly context: SuggestionContext;
  readonly completion: string;
  readonly model: ModelVersion;
  readonly latencyMs: number;
  /** How sure Kept's own model was of the tokens. */
  readonly confidence?: Confidence;
  /** What the show filter said; null without one. */
  readonly judgement?: Judgement | null;
  /** The model's own part of it. */
  readonly engineMs: number;
  /** Monotonic, milliseconds. */
  readonly createdAt: number;
}

/** The fields of its `shown` event. How sure the model was is not known of code of another tool. */
export function shownFields({ context, completion, model, latencyMs, confidence, judgement }: SuggestionRecord) {
  const odds = judgement?.shownOdds === undefined ? {} : { shownOdds: judgement.shownOdds };
  const known = confidence ? { confidence: { ...confidence, ...odds } } : {};
  return { context, completion, model, latencyMs, ...known, source: "editor" as const };
}

/** Records kept for late outcomes: retention ends ten minutes after an accept. */
const CAPACITY = 1_000;

export class SuggestionRecords {
  readonly #records = new Map<string, SuggestionRecord>();
  /** The suggestion that a rating or a "why" without a choice means. */
  #lastShown: string | null = null;

  add(record: SuggestionRecord): void {
    this.#records.set(record.id, record);
    if (this.#records.size <= CAPACITY) return;
    const [oldest] = this.#records.keys();
    if (oldest !== undefined) this.#records.delete(oldest);
  }

  get(id: string): SuggestionRecord | null {
    return this.#records.get(id) ?? null;
  }

  all(): readonly SuggestionRecord[] {
    return [...this.#records.values()];
  }

  remove(id: string): void {
    this.#records.delete(id);
    if (this.#lastShown === id) this.#lastShown = null;
  }

  markShown(id: string): void {
    this.#lastShown = id;
  }

  /** The newest one in a document that was held back, if nothing was shown there since. */
  heldBackIn(document: string): SuggestionRecord | null {
    const newest = this.all().findLast((record) => record.document === document);
    return newest?.judgement?.isHeldBack === true ? newest : null;
  }

  get lastShown(): SuggestionRecord | null {
    return this.#lastShown === null ? null : this.get(this.#lastShown);
  }
}
