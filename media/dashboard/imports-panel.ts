import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { SuggestionRow } from "../../protocol/api.ts";
import type { ImportRow } from "../../protocol/imports.ts";
import type { ApiClient, Failure, ImportMove } from "./api-client.ts";
import { failureNotice } from "./failure-notice.ts";
import { LightElement } from "./light-element.ts";
import { countText, nounText } from "./number-text.ts";
import { PacedReads } from "./paced-reads.ts";
import { timeText } from "./time-text.ts";
import { firstLine, visibleString, visibleText } from "./visible-text.ts";

/** Between two looks at the server, milliseconds. */
const REFRESH_GAP_MS = 3_000;
const CELL_CHARS = 60;

const KINDS: Readonly<Record<ImportRow["kind"], string>> = {
  archive: "archive",
  "git-ai": "git-ai notes",
  "agent-trace": "Agent Trace records",
};

/** What came from other machines and files: nothing is learnt from it until it is accepted here. */
export class ImportsPanel extends LightElement {
  static override properties = {
    api: { attribute: false },
    nowMs: { type: Number },
    tick: { attribute: false },
    openWhy: { attribute: false },
    _imports: { state: true },
    _looked: { state: true },
    _failure: { state: true },
    _said: { state: true },
  };
  declare api: Pick<ApiClient, "imports" | "importedSuggestions" | "decideImport"> | null;
  declare nowMs: number;
  /** Whatever changes when there is something new. */
  declare tick: unknown;
  declare openWhy: (suggestionId: string) => void;
  declare _imports: readonly ImportRow[] | null;
  /** The import that is looked into, and its newest suggestions. */
  declare _looked: { readonly id: string; readonly suggestions: readonly SuggestionRow[] | null } | null;
  declare _failure: { readonly what: string; readonly failure: Failure } | null;
  declare _said: string;
  readonly #reads = new PacedReads(REFRESH_GAP_MS, () => this.#load());

  constructor() {
    super();
    this.api = null;
    this.nowMs = 0;
    this.tick = null;
    this.openWhy = () => {};
    this._imports = null;
    this._looked = null;
    this._failure = null;
    this._said = "";
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("tick") || changed.has("api")) this.#reads.ask();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#reads[Symbol.dispose]();
  }

  async #load(): Promise<void> {
    const answer = await this.api?.imports();
    if (answer === undefined) return;
    if (answer.ok) {
      if (this._imports === null) this._failure = null;
      this._imports = answer.value;
    } else if (answer.failure.code !== "unreachable")
      this._failure = { what: "Could not read: imports", failure: answer.failure };
  }

  async #look(id: string): Promise<void> {
    if (this._looked?.id === id) return void (this._looked = null);
    this._looked = { id, suggestions: null };
    const answer = await this.api?.importedSuggestions(id);
    if (answer === undefined || this._looked?.id !== id) return;
    if (answer.ok) this._looked = { id, suggestions: answer.value };
    else this._failure = { what: "The import could not be read", failure: answer.failure };
  }

  async #decide(row: ImportRow, move: ImportMove): Promise<void> {
    const answer = await this.api?.decideImport(row.id, move);
    if (answer === undefined) return;
    this._failure = answer.ok ? null : { what: "The import stays as it was", failure: answer.failure };
    if (!answer.ok) return;
    this._said =
      move === "refuse" ? `Nothing is learnt from ${row.name}.` : `The next dataset has rows of ${row.name}.`;
    this._imports = (this._imports ?? []).map((one) => (one.id === row.id ? answer.value : one));
  }

  protected override render(): TemplateResult | typeof nothing {
    const imports = this._imports;
    if (imports === null && this._failure !== null) return failureNotice(this._failure.what, this._failure.failure);
    // Most people import nothing: then there is nothing to decide, and no card.
    if (imports === null || imports.length === 0) return nothing;
    const nHeld = imports.filter(({ state }) => state === "held").length;
    return html`<section class="card imports" aria-labelledby="imports-heading" id="imports">
      <div class="card-head">
        <h2 id="imports-heading">Imports</h2>
        <span class="quiet" role="status">
          ${this._said !== "" ? visibleText(this._said) : nHeld === 0 ? nothing : `${nounText(nHeld, "import")} waiting for you`}
        </span>
      </div>
      <p class="quiet">
        Nothing is learnt from what came from another machine or a file until you accept it. Accepted, an import has at
        most the share of one person in a dataset; your own, from another machine, has no such cap.
      </p>
      ${this._failure === null ? nothing : failureNotice(this._failure.what, this._failure.failure)}
      <div class="scroll" tabindex="0" role="region" aria-labelledby="imports-heading">
        <table>
          <thead>
            <tr>
              <th scope="col">Import</th>
              <th scope="col">Came</th>
              <th scope="col" class="number">Suggestions</th>
              <th scope="col" class="number">Good</th>
              <th scope="col" class="number">Bad</th>
              <th scope="col">State</th>
              <th scope="col"><span class="sr-only">Actions</span></th>
            </tr>
          </thead>
          <tbody>
            ${imports.map((row) => this.#row(row))}
          </tbody>
        </table>
      </div>
      ${this._looked === null ? nothing : this.#suggestions(this._looked)}
    </section>`;
  }

  #row(row: ImportRow): TemplateResult {
    const { id, kind, name, importedAt, suggestions, labels, state, mine, events } = row;
    const named = visibleText(name, CELL_CHARS);
    const button = (text: string, isShown: boolean, act: () => void, isPressed: boolean | null = null) =>
      isShown
        ? html`<button
            class="plain"
            aria-label="${text}: ${visibleString(name)}"
            aria-expanded=${isPressed ?? nothing}
            @click=${act}
          >
            ${text}
          </button>`
        : nothing;
    return html`<tr data-import=${id}>
      <th scope="row"><bdi>${named}</bdi> <span class="quiet">${KINDS[kind]}</span></th>
      <td>${timeText(importedAt, this.nowMs)}</td>
      <td class="number">
        ${countText(suggestions)}${events === 0 ? nothing : html` <span class="quiet">and ${nounText(events, "event")} of yours</span>`}
      </td>
      <td class="number">${countText(labels.good)}</td>
      <td class="number">${countText(labels.bad)}</td>
      <td>
        <span class="badge ${state === "accepted" ? "good" : state === "refused" ? "bad" : "active"}"
          >${mine ? "accepted as own" : state}</span
        >
      </td>
      <td class="actions">
        ${button("Look", true, () => void this.#look(id), this._looked?.id === id)}
        ${button("Accept", state !== "accepted" || mine, () => void this.#decide(row, "accept"))}
        ${button("Accept as mine", !mine, () => void this.#decide(row, "accept-as-mine"))}
        ${button("Refuse", state !== "refused", () => void this.#decide(row, "refuse"))}
      </td>
    </tr>`;
  }

  #suggestions({ suggestions }: NonNullable<typeof this._looked>): TemplateResult {
    if (suggestions === null) return html`<p class="quiet">Loading…</p>`;
    if (suggestions.length === 0) return html`<p class="quiet">Nothing of it is there any more.</p>`;
    return html`<ol class="import-suggestions" aria-label="Newest suggestions of the import">
      ${suggestions.map(
        ({ id, completion, path, label }) =>
          html`<li>
            <button class="link" @click=${() => this.openWhy(id)}>
              <code dir="ltr">${visibleText(firstLine(completion, CELL_CHARS) || "(no text)")}</code>
            </button>
            <span class="quiet"><bdi>${visibleText(path, 80)}</bdi></span>
            ${label === null ? nothing : html`<span class="badge ${label.verdict === "unknown" ? "" : label.verdict}">${label.verdict}</span>`}
          </li>`,
      )}
    </ol>`;
  }
}
