import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { Annotation } from "../../protocol/annotations.ts";
import type { DatasetContents, DatasetExample, DatasetExamples, DatasetSplitName } from "../../protocol/datasets.ts";
import type { ApiClient, ExamplePage, Failure } from "./api-client.ts";
import { datasetFacts } from "./dataset-facts.ts";
import { exampleView } from "./dataset-example.ts";
import { emptyState, failureNotice } from "./failure-notice.ts";
import { LightElement } from "./light-element.ts";
import { countText, shortId } from "./number-text.ts";
import { firstLine, visibleText } from "./visible-text.ts";

export type DatasetApi = Pick<ApiClient, "datasetContents" | "datasetExamples" | "exportDataset" | "annotate">;

const VIEWS = [
  ["sft", "Supervised: good completions"],
  ["kto", "Unpaired: good and bad"],
  ["dpo", "Pairs: written against suggested"],
] as const;
const SPLITS: readonly DatasetSplitName[] = ["train", "validation", "test"];
const CELL_CHARS = 60;

/** What is in one dataset: its examples with their labels, one key to correct each, and exports. */
export class DatasetBrowser extends LightElement {
  static override properties = {
    api: { attribute: false },
    datasetId: { type: String },
    openWhy: { attribute: false },
    close: { attribute: false },
    _contents: { state: true },
    _page: { state: true },
    _wanted: { state: true },
    _at: { state: true },
    _failure: { state: true },
    _last: { state: true },
  };
  declare api: DatasetApi | null;
  declare datasetId: string;
  declare openWhy: (suggestionId: string) => void;
  declare close: () => void;
  declare _contents: DatasetContents | null;
  declare _page: DatasetExamples | null;
  declare _wanted: ExamplePage;
  /** Which example of the page is looked at. */
  declare _at: number;
  declare _failure: { readonly what: string; readonly failure: Failure } | null;
  /** The last correction, and what stood before it. */
  declare _last: { readonly example: DatasetExample; readonly said: "up" | "down" } | null;
  /** Verdicts given here, by suggestion: the server's answer may be a moment behind. */
  readonly #said = new Map<string, "up" | "down" | null>();

  constructor() {
    super();
    this.api = null;
    this.datasetId = "";
    this.openWhy = () => {};
    this.close = () => {};
    this.#reset();
    this.addEventListener("keydown", (event) => this.#onKey(event));
  }

  #reset(): void {
    this._contents = null;
    this._page = null;
    this._wanted = { view: "sft", split: "train", from: 0 };
    this._at = 0;
    this._failure = null;
    this._last = null;
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("datasetId") || this.datasetId === "") return;
    this.#reset();
    void this.#loadContents(this.datasetId);
    void this.#loadPage(this._wanted);
  }

  protected override render(): TemplateResult {
    const contents = this._contents;
    return html`<section class="card dataset-browser" aria-labelledby="dataset-heading" id="dataset-browser">
      <div class="card-head">
        <h2 id="dataset-heading" tabindex="-1">Dataset <code>${shortId(this.datasetId)}</code></h2>
        <span class="quiet" role="status">${this.#statusText()}</span>
        <button class="plain" @click=${() => this.close()}>Close</button>
      </div>
      ${this._failure === null ? nothing : failureNotice(this._failure.what, this._failure.failure)}
      ${
        contents === null
          ? this._failure === null
            ? html`<p class="quiet">Loading…</p>`
            : nothing
          : html`${datasetFacts(contents)}
              <kept-dataset-export .api=${this.api} .datasetId=${this.datasetId}></kept-dataset-export>
              ${this.#choice(contents)} ${this.#examples()}`
      }
    </section>`;
  }

  #choice({ views }: DatasetContents): TemplateResult {
    const { view, split } = this._wanted;
    return html`<form class="filter" aria-label="Examples shown" @submit=${(event: Event) => event.preventDefault()}>
      <label>
        <span>View</span>
        <select
          id="dataset-view"
          @change=${(event: Event) => this.#want({ view: valueOf(event) as ExamplePage["view"], split: "train", from: 0 })}
        >
          ${VIEWS.map(([name, text]) => html`<option value=${name} ?selected=${name === view}>${text}</option>`)}
        </select>
      </label>
      <label>
        <span>Part</span>
        <select
          id="dataset-split"
          @change=${(event: Event) => this.#want({ view, split: valueOf(event) as DatasetSplitName, from: 0 })}
        >
          ${SPLITS.map(
            (name) =>
              html`<option value=${name} ?selected=${name === split}>
                ${name} (${countText(views[view][name])})
              </option>`,
          )}
        </select>
      </label>
      ${this.#pager()}
    </form>`;
  }

  #pager(): TemplateResult | typeof nothing {
    const page = this._page;
    if (page === null || page.total === 0) return nothing;
    const { from, total, examples } = page;
    const turn = (to: number) => this.#want({ ...this._wanted, from: to });
    return html`<span class="pager">
      <button type="button" class="plain" ?disabled=${from === 0} @click=${() => turn(Math.max(0, from - PAGE))}>
        Earlier
      </button>
      <span class="quiet">${countText(from + 1)} to ${countText(from + examples.length)} of ${countText(total)}</span>
      <button
        type="button"
        class="plain"
        ?disabled=${from + examples.length >= total}
        @click=${() => turn(from + PAGE)}
      >
        Later
      </button>
    </span>`;
  }

  #examples(): TemplateResult | typeof nothing {
    const page = this._page;
    if (page === null) return this._failure === null ? html`<p class="quiet">Loading…</p>` : nothing;
    const example = page.examples[this._at];
    if (example === undefined)
      return emptyState(
        "No example in this part",
        this._wanted.view === "dpo"
          ? "A pair needs a suggestion that was refused and what was written in its place; pairs are for training alone."
          : "There were too few rows for three parts, or all of them were left out.",
      );
    return html`<div class="dataset-examples">
      <ol class="example-list" aria-label="Examples">
        ${page.examples.map((one, at) => this.#listItem(one, at))}
      </ol>
      <div class="example-detail">
        ${exampleView(example, this.#verdictOn(example), (id) => this.openWhy(id))}
        <p class="buttons">
          ${this.#button("Good", "g", !canBeCorrected(example), () => void this.#say("up"))}
          ${this.#button("Bad", "b", !canBeCorrected(example), () => void this.#say("down"))}
          ${this.#button("Take back", "u", this._last === null, () => void this.#takeBack())}
        </p>
        <p class="quiet">
          ${
            canBeCorrected(example)
              ? "A correction counts from the next dataset on: this one stays as it was built."
              : example.from === "history"
                ? "Code from git history: nobody was asked, so there is no verdict to correct."
                : "Written by the developer in the place of a suggestion: there is no verdict to correct."
          }
        </p>
      </div>
    </div>`;
  }

  #listItem(example: DatasetExample, at: number): TemplateResult {
    const verdict = this.#verdictOn(example);
    return html`<li>
      <button class="link example-button" aria-current=${at === this._at} @click=${() => (this._at = at)}>
        <code dir="ltr">${visibleText(firstLine(example.completion, CELL_CHARS))}</code>
        <span class="quiet"><bdi>${visibleText(example.path, 80)}</bdi></span>
        <span class="badge ${example.good ? "good" : "bad"}">${example.good ? "good" : "bad"}</span>
        ${verdict === null ? nothing : html`<span class="badge yours ${verdict === "up" ? "good" : "bad"}">you: ${verdict === "up" ? "good" : "bad"}</span>`}
      </button>
    </li>`;
  }

  #button(text: string, key: string, isOff: boolean, act: () => void): TemplateResult {
    return html`<button class="plain" aria-keyshortcuts=${key} ?disabled=${isOff} @click=${act}>
      ${text} <kbd aria-hidden="true">${key}</kbd>
    </button>`;
  }

  #verdictOn({ suggestionId, rating }: DatasetExample): "up" | "down" | null {
    return suggestionId === null ? null : (this.#said.get(suggestionId) ?? rating);
  }

  #statusText(): string {
    return this._last === null ? "" : `Called ${this._last.said === "up" ? "good" : "bad"}. u takes it back.`;
  }

  /** Keys count where the focus is in this card, and in no field. */
  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof Element && event.target.closest("input, select, dialog") !== null) return;
    const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    const isInList = event.target instanceof Element && event.target.closest(".example-list") !== null;
    if (by !== undefined && (event.key.length === 1 || isInList)) {
      event.preventDefault();
      event.stopPropagation();
      return void this.#move(by);
    }
    const button = ["g", "b", "u"].includes(event.key)
      ? this.querySelector<HTMLButtonElement>(`button[aria-keyshortcuts="${event.key}"]`)
      : null;
    if (button === null) return;
    event.stopPropagation();
    button.click();
  }

  async #move(by: number): Promise<void> {
    const last = (this._page?.examples.length ?? 0) - 1;
    this._at = Math.max(0, Math.min(last, this._at + by));
    await this.updateComplete;
    this.querySelectorAll<HTMLElement>(".example-button")[this._at]?.focus();
  }

  #want(page: ExamplePage): void {
    this._wanted = page;
    this._at = 0;
    void this.#loadPage(page);
  }

  async #loadContents(id: string): Promise<void> {
    const answer = await this.api?.datasetContents(id);
    if (answer === undefined || id !== this.datasetId) return;
    if (answer.ok) this._contents = answer.value;
    else this._failure = { what: "The dataset could not be read", failure: answer.failure };
  }

  async #loadPage(page: ExamplePage): Promise<void> {
    const id = this.datasetId;
    const answer = await this.api?.datasetExamples(id, page);
    if (answer === undefined || id !== this.datasetId || page !== this._wanted) return;
    if (answer.ok) this._page = answer.value;
    else this._failure ??= { what: "The examples could not be read", failure: answer.failure };
  }

  async #say(said: "up" | "down"): Promise<void> {
    const example = this._page?.examples[this._at];
    const suggestionId = example?.suggestionId ?? null;
    if (example === undefined || suggestionId === null || !canBeCorrected(example)) return;
    if (!(await this.#annotate({ suggestionId, verdict: said }))) return;
    this.#said.set(suggestionId, said);
    this._last = { example, said };
  }

  async #takeBack(): Promise<void> {
    const last = this._last;
    const suggestionId = last?.example.suggestionId ?? null;
    if (last === null || suggestionId === null) return;
    // What stood before comes back, and where nothing stood, nothing does.
    const verdict = last.example.rating ?? "withdrawn";
    if (!(await this.#annotate({ suggestionId, verdict }))) return;
    this.#said.delete(suggestionId);
    this._last = null;
  }

  async #annotate(said: Annotation): Promise<boolean> {
    const answer = await this.api?.annotate(said);
    if (answer === undefined) return false;
    this._failure = answer.ok ? null : { what: "The verdict was not stored", failure: answer.failure };
    return answer.ok;
  }
}

/** Examples of a page, as the client asks for them. */
const PAGE = 50;
const valueOf = (event: Event) => (event.target as HTMLSelectElement).value;
/** A verdict is one on a suggestion: what the developer wrote, and what git holds, is none. */
const canBeCorrected = ({ from }: DatasetExample): boolean => from === "suggestion";
