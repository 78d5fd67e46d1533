import { html, nothing, type TemplateResult } from "lit";
import type { ExportFormatName } from "../../protocol/datasets.ts";
import type { ApiClient, Failure } from "./api-client.ts";
import { saveFile } from "./download.ts";
import { failureNotice } from "./failure-notice.ts";
import { LightElement } from "./light-element.ts";
import { bytesText } from "./number-text.ts";

const FORMATS: readonly (readonly [ExportFormatName, string])[] = [
  ["sft", "TRL, supervised (JSON lines)"],
  ["kto", "TRL, unpaired preferences (JSON lines)"],
  ["dpo", "TRL, preference pairs (JSON lines)"],
  ["parquet", "Parquet, all three views"],
  ["label-studio", "Label Studio tasks"],
];

/** Downloads a dataset in the chosen format, with a card and its manifest. */
export class DatasetExport extends LightElement {
  static override properties = {
    api: { attribute: false },
    datasetId: { type: String },
    _format: { state: true },
    _under: { state: true },
    _said: { state: true },
    _failure: { state: true },
  };
  declare api: Pick<ApiClient, "exportDataset"> | null;
  declare datasetId: string;
  declare _format: ExportFormatName;
  /** The export under way, with what has come of it. */
  declare _under: { readonly stop: AbortController; readonly bytes: number; readonly all: number } | null;
  declare _said: string;
  declare _failure: Failure | null;

  constructor() {
    super();
    this.api = null;
    this.datasetId = "";
    this._format = "sft";
    this._under = null;
    this._said = "";
    this._failure = null;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this._under?.stop.abort();
  }

  protected override render(): TemplateResult {
    const under = this._under;
    return html`<form class="filter dataset-export" aria-label="Export" @submit=${(event: Event) => this.#start(event)}>
        <label>
          <span>Export as</span>
          <select
            id="export-format"
            ?disabled=${under !== null}
            @change=${(event: Event) => (this._format = (event.target as HTMLSelectElement).value as ExportFormatName)}
          >
            ${FORMATS.map(([name, text]) => html`<option value=${name} ?selected=${name === this._format}>${text}</option>`)}
          </select>
        </label>
        ${
          under === null
            ? html`<button class="plain">Download</button>`
            : html`<progress
                  aria-label="Export"
                  max=${Math.max(1, under.all)}
                  value=${under.all === 0 ? nothing : under.bytes}
                ></progress>
                <button type="button" class="plain danger" @click=${() => under.stop.abort()}>Cancel export</button>`
        }
        <span class="quiet" role="status">${this._said}</span>
      </form>
      ${this._failure === null ? nothing : failureNotice("The dataset was not exported", this._failure)}`;
  }

  async #start(event: Event): Promise<void> {
    event.preventDefault();
    if (this.api === null || this._under !== null) return;
    const stop = new AbortController();
    const format = this._format;
    this._under = { stop, bytes: 0, all: 0 };
    this._failure = null;
    this._said = "Writing the rows…";
    const answer = await this.api.exportDataset(this.datasetId, format, stop.signal, (bytes, all) => {
      this._under = { stop, bytes, all };
      this._said = `${bytesText(bytes)} of ${bytesText(all)}`;
    });
    this._under = null;
    if (answer.ok) {
      saveFile(`kept-dataset-${this.datasetId}-${format}.tar`, answer.value);
      this._said = `Saved, ${bytesText(answer.value.size)}. It holds source code.`;
    } else {
      this._said = stop.signal.aborted ? "Cancelled. Nothing was saved." : "";
      this._failure = stop.signal.aborted ? null : answer.failure;
    }
  }
}
