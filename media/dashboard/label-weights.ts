import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { CalibrationRow, LabelVersionRow, LabelVersions } from "../../protocol/labels.ts";
import type { ApiClient, Failure } from "./api-client.ts";
import { failureNotice } from "./failure-notice.ts";
import { LightElement } from "./light-element.ts";
import { countText, nounText, signedText } from "./number-text.ts";
import { PacedReads } from "./paced-reads.ts";
import { reliabilityDiagram } from "./reliability-diagram.ts";
import { timeText } from "./time-text.ts";
import { visibleText } from "./visible-text.ts";

/** Between two looks at how many verdicts there are, milliseconds. */
const REFRESH_GAP_MS = 3_000;

/** What the signals of a label are worth, and the refit of it to one's own verdicts: used only when asked. */
export class LabelWeights extends LightElement {
  static override properties = {
    api: { attribute: false },
    nowMs: { type: Number },
    tick: { attribute: false },
    _page: { state: true },
    _shown: { state: true },
    _failure: { state: true },
    _said: { state: true },
    _isBusy: { state: true },
  };
  declare api: Pick<ApiClient, "labelVersions" | "refitLabels" | "useLabels"> | null;
  declare nowMs: number;
  /** Whatever changes when there may be new verdicts. */
  declare tick: unknown;
  declare _page: LabelVersions | null;
  /** The version whose report is open. */
  declare _shown: string | null;
  declare _failure: { readonly what: string; readonly failure: Failure } | null;
  declare _said: string;
  declare _isBusy: boolean;
  readonly #reads = new PacedReads(REFRESH_GAP_MS, () => this.#load());

  constructor() {
    super();
    this.api = null;
    this.nowMs = 0;
    this.tick = null;
    this._page = null;
    this._shown = null;
    this._failure = null;
    this._said = "";
    this._isBusy = false;
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("tick") || changed.has("api")) this.#reads.ask();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#reads[Symbol.dispose]();
  }

  async #load(): Promise<void> {
    const answer = await this.api?.labelVersions();
    if (answer === undefined) return;
    if (answer.ok) this._page = answer.value;
    else if (answer.failure.code !== "unreachable")
      this._failure = { what: "Could not read: label weights", failure: answer.failure };
  }

  protected override render(): TemplateResult {
    const page = this._page;
    const shown = page?.versions.find(({ version }) => version === (this._shown ?? page.versions[0]?.version)) ?? null;
    return html`<section class="card label-weights" aria-labelledby="labels-heading" id="labels">
      <div class="card-head">
        <h2 id="labels-heading">Label weights</h2>
        <span class="quiet" role="status">${this._said}</span>
      </div>
      ${this._failure === null ? nothing : failureNotice(this._failure.what, this._failure.failure)}
      ${
        page === null
          ? html`<p class="quiet">Loading…</p>`
          : html`${this.#standing(page)} ${page.versions.length === 0 ? nothing : this.#versions(page, shown)}
            ${shown === null ? nothing : report(shown)}`
      }
    </section>`;
  }

  #standing({ inUse, shipped, verdicts, needed }: LabelVersions): TemplateResult {
    return html`<p>
        Labels are made with
        ${inUse === shipped ? html`the weights that are shipped, version <code>${inUse}</code>` : html`the refit <code>${inUse}</code>`}.
        ${
          verdicts < needed
            ? `A refit to your own verdicts needs ${countText(needed)} of them; there are ${countText(verdicts)}.`
            : `${nounText(verdicts, "verdict")} of yours can be fitted to. A refit is only used when you say so.`
        }
      </p>
      <p class="buttons start">
        <button class="plain" ?disabled=${verdicts < needed || this._isBusy} @click=${() => void this.#refit()}>
          Refit to my verdicts
        </button>
        ${
          inUse === shipped
            ? nothing
            : html`<button class="plain" ?disabled=${this._isBusy} @click=${() => void this.#use(shipped)}>
                Use the shipped weights
              </button>`
        }
      </p>`;
  }

  #versions({ versions, inUse }: LabelVersions, shown: LabelVersionRow | null): TemplateResult {
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Refits">
      <table>
        <thead>
          <tr>
            <th scope="col">Refit</th>
            <th scope="col">Made</th>
            <th scope="col" class="number">Verdicts</th>
            <th scope="col">Brier score</th>
            <th scope="col"><span class="sr-only">Actions</span></th>
          </tr>
        </thead>
        <tbody>
          ${versions.map(
            (one) =>
              html`<tr class=${one === shown ? "selected" : ""}>
                <td>
                  <button class="link" aria-pressed=${one === shown} @click=${() => (this._shown = one.version)}>
                    <code>${visibleText(one.version)}</code>
                  </button>
                  ${one.version === inUse ? html`<span class="badge good">in use</span>` : nothing}
                </td>
                <td>${timeText(one.createdAt, this.nowMs)}</td>
                <td class="number">${countText(one.report.verdicts)}</td>
                <td>${one.report.before.brier.toFixed(4)} → ${one.report.after.brier.toFixed(4)}</td>
                <td class="actions">
                  ${
                    one.version === inUse
                      ? nothing
                      : one.usable
                        ? html`<button
                            class="plain"
                            aria-label="Use refit ${one.version}"
                            ?disabled=${this._isBusy}
                            @click=${() => void this.#use(one.version)}
                          >
                            Use
                          </button>`
                        : html`<span class="quiet">out of date</span>`
                  }
                </td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }

  async #refit(): Promise<void> {
    this._isBusy = true;
    this._said = "Fitting…";
    const answer = await this.api?.refitLabels();
    this._isBusy = false;
    if (answer === undefined) return;
    this._failure = answer.ok ? null : { what: "The weights were not fitted", failure: answer.failure };
    this._said = answer.ok ? "Fitted. Nothing uses it yet." : "";
    if (answer.ok) this._shown = answer.value.version;
    await this.#load();
  }

  async #use(version: string): Promise<void> {
    this._isBusy = true;
    const answer = await this.api?.useLabels(version);
    this._isBusy = false;
    if (answer === undefined) return;
    this._failure = answer.ok ? null : { what: "The weights stay as they are", failure: answer.failure };
    this._said = answer.ok ? `Labels are made anew with version ${answer.value.inUse}.` : "";
    if (answer.ok) this._page = answer.value;
  }
}

const WEIGHTS: Readonly<Record<string, string>> = {
  accepted: "accepted",
  partiallyAccepted: "partially accepted",
  typedThrough: "typed exactly this",
  rejectedAfterRead: "rejected after being read",
  typedOverAfterRead: "typed something else",
  ignoredAfterRead: "ignored after being read",
  undone: "undone",
  errorsLeft: "errors left",
  survival: "survival",
};

function report({
  report: { gain, before, after, weights, verdicts, good, withSignals },
}: LabelVersionRow): TemplateResult {
  const side = gain.low > 0 ? "better" : gain.high < 0 ? "worse" : "open";
  return html`
    <p>
      ${
        side === "better"
          ? html`<b class="good">It foretells your verdicts better</b>`
          : side === "worse"
            ? html`<b class="bad">It foretells your verdicts worse</b>`
            : html`<b>There is no evidence that it foretells your verdicts better</b>`
      }:
      Brier score ${before.brier.toFixed(4)} before, ${after.brier.toFixed(4)} after, gain
      ${signedText(gain.difference, 4)}
      <span class="quiet"
        >95 % interval ${signedText(gain.low, 4)} … ${signedText(gain.high, 4)}, on verdicts that it was not fitted to;
        ${countText(verdicts)} verdicts, ${countText(good)} good, ${countText(withSignals)} with other signals</span
      >
    </p>
    <div class="overview-body">
      <div>
        <ul class="legend">
          <li><span class="swatch before"></span>before</li>
          <li><span class="swatch train"></span>after</li>
        </ul>
        ${reliabilityDiagram(before, after)}
      </div>
      <div class="scroll" tabindex="0" role="region" aria-label="Reliability and weights">
        <table>
          <caption>
            Reliability
          </caption>
          <thead>
            <tr>
              <th scope="col">Labels</th>
              <th scope="col" class="number">Foretold</th>
              <th scope="col">Came true, 95 % interval</th>
              <th scope="col" class="number">Verdicts</th>
            </tr>
          </thead>
          <tbody>
            ${bins("before", before)} ${bins("after", after)}
          </tbody>
        </table>
        <table>
          <caption>
            What each signal is worth, in log-odds
          </caption>
          <thead>
            <tr>
              <th scope="col">Signal</th>
              <th scope="col" class="number">Before</th>
              <th scope="col" class="number">After</th>
              <th scope="col" class="number">Verdicts</th>
            </tr>
          </thead>
          <tbody>
            ${weights
              .filter(({ cases }) => cases > 0)
              .map(
                (one) =>
                  html`<tr>
                    <th scope="row">${WEIGHTS[one.name] ?? visibleText(one.name)}</th>
                    <td class="number">${signedText(one.before, 2)}</td>
                    <td class="number">${signedText(one.after, 2)}</td>
                    <td class="number">${countText(one.cases)}</td>
                  </tr>`,
              )}
          </tbody>
        </table>
      </div>
    </div>
  `;
}

const bins = (name: string, { bins: all }: CalibrationRow) =>
  all.map(
    (bin) =>
      html`<tr>
        <th scope="row">${name}</th>
        <td class="number">${bin.predicted.toFixed(2)}</td>
        <td>${bin.observed.toFixed(2)} <span class="quiet">${bin.low.toFixed(2)} … ${bin.high.toFixed(2)}</span></td>
        <td class="number">${countText(bin.cases)}</td>
      </tr>`,
  );
