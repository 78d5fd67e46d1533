import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { TrainingRun } from "../../protocol/api.ts";
import type { CanaryPage } from "../../protocol/canary.ts";
import type { ComparisonRow, LengthBandName, Overview, RateValue } from "../../protocol/overview.ts";
import type { ApiClient, Failure } from "./api-client.ts";
import { emptyState, failureNotice } from "./failure-notice.ts";
import { LightElement } from "./light-element.ts";
import { countText, nounText, percentText, shortId, signedText } from "./number-text.ts";
import { PacedReads } from "./paced-reads.ts";
import { dayText, rateChart } from "./rate-chart.ts";
import { visibleText } from "./visible-text.ts";

const BANDS: Readonly<Record<LengthBandName, string>> = {
  short: "up to 20 characters",
  line: "one line",
  block: "several lines",
  unknown: "length not recorded",
};
const MEASURES = { taken: "Taken", kept: "Taken and kept" } as const;
type Measure = keyof typeof MEASURES;
/** New feedback comes in bursts: the rates are read again at most this often, milliseconds. */
const REFRESH_GAP_MS = 3_000;

/** Is it getting better? Rates per opportunity with intervals, by version, length and week, and where the loop stands. */
export class OverviewPanel extends LightElement {
  static override properties = {
    api: { attribute: false },
    tick: { attribute: false },
    runs: { attribute: false },
    canary: { attribute: false },
    _overview: { state: true },
    _failure: { state: true },
    _measure: { state: true },
    _band: { state: true },
    _table: { state: true },
  };
  declare api: Pick<ApiClient, "overview"> | null;
  /** Whatever changes when there is something new. */
  declare tick: unknown;
  declare runs: readonly TrainingRun[] | null;
  declare canary: CanaryPage | null;
  declare _overview: Overview | null;
  declare _failure: Failure | null;
  declare _measure: Measure;
  declare _band: LengthBandName | null;
  declare _table: boolean;
  #source: Overview["source"] | null = null;
  readonly #reads = new PacedReads(REFRESH_GAP_MS, () => this.#load());

  constructor() {
    super();
    this.api = null;
    this.tick = null;
    this.runs = null;
    this.canary = null;
    this._overview = null;
    this._failure = null;
    this._measure = "taken";
    this._band = null;
    this._table = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#reads[Symbol.dispose]();
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("tick")) this.#reads.ask();
  }

  async #load(): Promise<void> {
    const answer = await this.api?.overview(this.#source);
    if (answer === undefined) return;
    if (answer.ok) this._overview = answer.value;
    this._failure = answer.ok || answer.failure.code === "unreachable" ? null : answer.failure;
  }

  protected override render(): TemplateResult {
    const found = this._overview;
    const isEmpty = found !== null && found.versions.length === 0;
    return html`<section class="card overview" aria-labelledby="overview-heading" id="overview">
      <div class="card-head">
        <h2 id="overview-heading">Is it getting better?</h2>
        ${found === null ? nothing : this.#sources(found)}
      </div>
      ${this._failure === null ? nothing : failureNotice("Could not read: overview", this._failure)}
      ${found === null ? html`<p class="quiet">Loading…</p>` : this.#standing(found)}
      ${
        found === null
          ? nothing
          : isEmpty
            ? emptyState(
                "No suggestion has come to an end yet",
                "Rates appear here once suggestions were taken or refused: by version and length, each with its interval.",
              )
            : this.#rates(found)
      }
    </section>`;
  }

  #sources({ source, opportunities }: Overview): TemplateResult | typeof nothing {
    if (opportunities.replay === 0) return nothing;
    return html`<label class="inline">
      <span>Of</span>
      <select
        id="overview-source"
        @change=${(event: Event) => {
          this.#source = valueOf(event) as Overview["source"];
          this.#reads.now();
        }}
      >
        <option value="editor" ?selected=${source === "editor"}>the editor (${countText(opportunities.editor)})</option>
        <option value="replay" ?selected=${source === "replay"}>
          replayed history (${countText(opportunities.replay)})
        </option>
      </select>
    </label>`;
  }

  #standing(found: Overview): TemplateResult {
    const { version, before } = found.served;
    const tested = this.runs?.find(({ evaluation }) => evaluation !== null)?.evaluation ?? null;
    const trial = this.canary?.canaries.find(({ state }) => state === "running") ?? null;
    const name = (id: string | null) =>
      id === null ? html`the base model` : html`<code title=${id}>${shortId(id)}</code>`;
    return html`<dl class="standing">
      <div>
        <dt>In use</dt>
        <dd>
          ${
            version === null
              ? "The base model serves: no adapter has won yet, so there is nothing to compare."
              : html`${name(version)} against ${name(before)}, which served before:
                ${comparisonText("taken", found.taken)}; ${comparisonText("kept", found.kept)}.`
          }
          ${found.source === "replay" ? html`<span class="quiet">Replay acceptance: nobody was asked.</span>` : nothing}
        </dd>
      </div>
      <div>
        <dt>Last test</dt>
        <dd>
          ${
            tested === null
              ? "None yet."
              : html`<span class="badge ${tested.verdict === "promote" ? "good" : "bad"}"
                    >${tested.verdict === "promote" ? "✓ promoted" : "✕ refused"}</span
                  >
                  <code title=${tested.challenger}>${shortId(tested.challenger)}</code> ${visibleText(tested.reason)}`
          }
        </dd>
      </div>
      <div>
        <dt>Trial</dt>
        <dd>
          ${
            trial === null
              ? "No candidate is on trial."
              : html`<code title=${trial.version}>${shortId(trial.version)}</code> makes
                  ${Math.round(100 * trial.share)} % of the suggestions.`
          }
        </dd>
      </div>
      <div>
        <dt>Drift</dt>
        <dd>
          ${
            this.canary === null
              ? "Loading…"
              : this.canary.drift.alarm
                ? html`<span class="badge bad">✕ less than it was</span> It is time to train.`
                : `None seen in ${nounText(this.canary.drift.watched, "suggestion")} after the first ${countText(this.canary.drift.reference)}.`
          }
        </dd>
      </div>
    </dl>`;
  }

  #rates(found: Overview): TemplateResult {
    const bands = [...new Set(found.weeks.map(({ band }) => band))];
    const most = bands.toSorted((a, b) => shownIn(found, b) - shownIn(found, a))[0] ?? "line";
    const band = this._band !== null && bands.includes(this._band) ? this._band : most;
    const measure = this._measure;
    const weeks = found.weeks.filter((one) => one.band === band && one[measure].n > 0);
    return html`<div class="overview-body">
      <div>
        <form class="filter" aria-label="Rates shown" @submit=${(event: Event) => event.preventDefault()}>
          <label>
            <span>Measure</span>
            <select id="overview-measure" @change=${(event: Event) => (this._measure = valueOf(event) as Measure)}>
              ${Object.entries(MEASURES).map(([value, text]) => html`<option value=${value} ?selected=${value === measure}>${text}</option>`)}
            </select>
          </label>
          <label>
            <span>Length</span>
            <select id="overview-band" @change=${(event: Event) => (this._band = valueOf(event) as LengthBandName)}>
              ${bands.map((value) => html`<option value=${value} ?selected=${value === band}>${BANDS[value]}</option>`)}
            </select>
          </label>
          <button type="button" class="plain" aria-pressed=${this._table} @click=${() => (this._table = !this._table)}>
            Data table
          </button>
        </form>
        ${
          weeks.length === 0
            ? html`<p class="quiet">Nobody has looked yet whether these stay.</p>`
            : rateChart(
                `${MEASURES[measure]}, ${BANDS[band]}`,
                weeks.map((one) => ({ week: one.week, rate: one[measure] })),
              )
        }
        ${
          this._table
            ? weekTable(
                weeks.map((one) => ({ week: one.week, rate: one[measure] })),
                MEASURES[measure],
              )
            : nothing
        }
      </div>
      ${versionTable(found)}
    </div>`;
  }
}

const valueOf = (event: Event) => (event.target as HTMLSelectElement).value;
const shownIn = ({ weeks }: Overview, band: LengthBandName) =>
  weeks.reduce((sum, one) => sum + (one.band === band ? one.taken.n : 0), 0);

function comparisonText(measure: Measure, found: ComparisonRow | null): TemplateResult {
  const name = MEASURES[measure].toLowerCase();
  if (found === null) return html`${name}: too early to say`;
  const side = found.low > 0 ? "better" : found.high < 0 ? "worse" : "open";
  const points = (value: number) => signedText(100 * value, 1);
  return html`${name}:
    <b class=${side === "better" ? "good" : side === "worse" ? "bad" : ""}>${points(found.difference)} points</b>
    <span class="quiet"
      >95 % interval ${points(found.low)} … ${points(found.high)}, ${countText(found.now)} against
      ${countText(found.before)} suggestions at the same mix of lengths</span
    >${side === "open" ? " (no difference shown)" : ""}`;
}

const rateText = ({ n, mean, low, high }: RateValue): TemplateResult | string =>
  n === 0
    ? "–"
    : html`${percentText(mean)}
        <span class="quiet">${percentText(low)} … ${percentText(high)}, of ${countText(n)}</span>`;

function weekTable(
  points: readonly { readonly week: string; readonly rate: RateValue }[],
  name: string,
): TemplateResult {
  return html`<div class="scroll chart-table" tabindex="0" role="region" aria-label="Rates by week">
    <table>
      <thead>
        <tr>
          <th scope="col">Week of</th>
          <th scope="col">${name}, 95 % interval</th>
        </tr>
      </thead>
      <tbody>
        ${points.map(
          ({ week, rate }) =>
            html`<tr>
              <th scope="row">${dayText(week)}</th>
              <td>${rateText(rate)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function versionTable({ versions, served }: Overview): TemplateResult {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Rates by version and length">
    <table>
      <caption class="sr-only">
        Rates by version and length
      </caption>
      <thead>
        <tr>
          <th scope="col">Version</th>
          <th scope="col">Length</th>
          <th scope="col">Taken, 95 % interval</th>
          <th scope="col">Taken and kept, 95 % interval</th>
        </tr>
      </thead>
      <tbody>
        ${versions.map(
          ({ version, band, taken, kept }, at) =>
            html`<tr>
              <th scope="row">
                ${
                  versions[at - 1]?.version === version && at > 0
                    ? html`<span class="sr-only">${version === null ? "base model" : shortId(version)}</span>`
                    : version === null
                      ? "base model"
                      : html`<code title=${version}>${shortId(version)}</code>`
                }
                ${version === served.version && versions[at - 1]?.version !== version ? html`<span class="badge good">serving</span>` : nothing}
              </th>
              <td>${BANDS[band]}</td>
              <td>${rateText(taken)}</td>
              <td>${rateText(kept)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
