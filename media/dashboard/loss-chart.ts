import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import uPlot from "uplot";
import type { TrainingProgress } from "../../protocol/api.ts";
import { chartData } from "./chart-data.ts";
import { curveCsv, curveJson, sampledPoints } from "./curve-file.ts";
import { saveFile } from "./download.ts";
import { LightElement } from "./light-element.ts";
import { countText, shortId } from "./number-text.ts";

const CHART_HEIGHT_PX = 320;
/** Rows of the data table; the download has all of them. */
const MAX_TABLE_ROWS = 200;

/** Train and validation loss by step, as a chart, as a table, and as files. Grows while points arrive. */
export class LossChart extends LightElement {
  static override properties = {
    runId: { type: String },
    points: { attribute: false },
    _table: { state: true },
    _readout: { state: true },
  };
  declare runId: string;
  declare points: readonly TrainingProgress[];
  declare _table: boolean;
  declare _readout: string;
  #plot: uPlot | null = null;
  #resize: ResizeObserver | null = null;
  #schemes: readonly MediaQueryList[] = [];
  readonly #restyle = () => {
    this.#dropPlot();
    this.requestUpdate();
  };

  constructor() {
    super();
    this.runId = "";
    this.points = [];
    this._table = false;
    this._readout = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // The canvas takes its colours once, so that a change of theme draws it anew.
    this.#schemes = ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "(forced-colors: active)"].map(
      (query) => matchMedia(query),
    );
    for (const scheme of this.#schemes) scheme.addEventListener("change", this.#restyle);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const scheme of this.#schemes) scheme.removeEventListener("change", this.#restyle);
    this.#dropPlot();
  }

  protected override render(): TemplateResult {
    const last = this.points.at(-1);
    const validation = this.points.findLast((point) => point.validationLoss !== null);
    const summary =
      last === undefined
        ? "No points yet"
        : `Loss curve of run ${shortId(this.runId)}: train loss ${(this.points[0]?.loss ?? 0).toFixed(3)} at the start, ${last.loss.toFixed(3)} at step ${last.step}${typeof validation?.validationLoss !== "number" ? "" : `, validation loss ${validation.validationLoss.toFixed(3)}`}`;
    return html`
      <div class="chart-head">
        <ul class="legend">
          <li><span class="swatch train"></span>train, smoothed</li>
          <li><span class="swatch raw"></span>train, each step</li>
          <li><span class="swatch validation"></span>validation</li>
        </ul>
        <span class="readout">${this._readout}</span>
        <span class="tools">
          <button class="plain" aria-pressed=${this._table} @click=${() => (this._table = !this._table)}>
            Data table
          </button>
          <button class="plain" ?disabled=${last === undefined} @click=${() => this.#download("csv")}>
            Download CSV
          </button>
          <button class="plain" ?disabled=${last === undefined} @click=${() => this.#download("json")}>
            Download JSON
          </button>
        </span>
      </div>
      <div class=${this._table ? "chart-row with-table" : "chart-row"}>
        <div class="canvas-place" role="img" aria-label=${summary}></div>
        ${this._table ? this.#dataTable() : nothing}
      </div>
    `;
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("runId")) this.#dropPlot();
    if (this.points.length === 0) return this.#dropPlot();
    this.#plot ??= this.#makePlot();
    this.#plot?.setData(chartData(this.points));
  }

  #dataTable(): TemplateResult {
    const rows = sampledPoints(this.points, MAX_TABLE_ROWS);
    return html`<div class="scroll chart-table" tabindex="0" role="region" aria-label="Loss by step">
      <table>
        <caption>
          ${
            rows.length < this.points.length
              ? `${countText(rows.length)} of ${countText(this.points.length)} steps; the downloads have all`
              : `${countText(this.points.length)} steps`
          },
          losses in nats per token
        </caption>
        <thead>
          <tr>
            <th scope="col" class="number">Step</th>
            <th scope="col" class="number">Train</th>
            <th scope="col" class="number">Validation</th>
            <th scope="col" class="number">Tokens/s</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (point) =>
              html`<tr>
                <td class="number">${point.step}</td>
                <td class="number">${point.loss.toFixed(4)}</td>
                <td class="number">${point.validationLoss?.toFixed(4) ?? "–"}</td>
                <td class="number">${Math.round(point.tokensPerSecond)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }

  #download(form: "csv" | "json"): void {
    const name = `kept-run-${shortId(this.runId).replace(/[^\w.-]/g, "_")}.${form}`;
    const [type, text] =
      form === "csv" ? ["text/csv", curveCsv(this.points)] : ["application/json", curveJson(this.runId, this.points)];
    saveFile(name, new Blob([text], { type }));
  }

  #makePlot(): uPlot | null {
    const place = this.querySelector<HTMLElement>(".canvas-place");
    if (place === null) return null;
    const colour = (selector: string) => getComputedStyle(this.querySelector(selector) ?? this).color;
    const quiet = colour(".readout");
    const axis: uPlot.Axis = {
      stroke: quiet,
      grid: { stroke: colour(".swatch.raw"), width: 0.5 },
      ticks: { show: false },
      font: "11px system-ui, sans-serif",
      labelFont: "11px system-ui, sans-serif",
      labelSize: 18,
    };
    const plot = new uPlot(
      {
        width: Math.max(place.clientWidth, 200),
        height: CHART_HEIGHT_PX,
        scales: { x: { time: false }, y: { range: lossRange } },
        legend: { show: false },
        cursor: { y: false, drag: { x: true, y: false }, points: { size: 7 } },
        axes: [
          { ...axis, size: 30, label: "step", incrs: WHOLE_STEPS },
          { ...axis, size: 46, label: "loss, nats per token" },
        ],
        series: [
          {},
          { stroke: colour(".swatch.raw"), width: 1, points: { show: false } },
          { stroke: colour(".swatch.train"), width: 2.25, points: { show: false } },
          {
            stroke: colour(".swatch.validation"),
            width: 2,
            dash: [6, 4],
            spanGaps: true,
            points: { show: true, size: 6, fill: colour(".swatch.validation") },
          },
        ],
        hooks: { setCursor: [(self) => this.#showReadout(self.cursor.idx ?? null)] },
      },
      chartData(this.points),
      place,
    );
    this.#resize = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width > 0 && width !== plot.width) plot.setSize({ width, height: CHART_HEIGHT_PX });
    });
    this.#resize.observe(place);
    return plot;
  }

  #showReadout(index: number | null): void {
    const point = index === null ? undefined : this.points[index];
    const validation = point?.validationLoss;
    this._readout =
      point === undefined
        ? ""
        : `step ${point.step} · train ${point.loss.toFixed(3)}${typeof validation !== "number" ? "" : ` · validation ${validation.toFixed(3)}`}`;
  }

  #dropPlot(): void {
    this.#resize?.disconnect();
    this.#resize = null;
    this.#plot?.destroy();
    this.#plot = null;
  }
}

const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000];

/** The y range with a margin, from what is shown; a flat curve still has a height. */
function lossRange(_plot: uPlot, low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const margin = Math.max((high - low) * 0.08, 0.01);
  return [Math.max(0, low - margin), high + margin];
}
