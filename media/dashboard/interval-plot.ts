import { html, svg, type TemplateResult } from "lit";
import type { EvaluationReport } from "../../protocol/evaluation.ts";
import { signedText } from "./number-text.ts";

const WIDTH = 360;
const HEIGHT = 76;
const MARGIN = 14;
const AXIS_Y = 50;
const ROW_Y = 26;
/** Narrower intervals are drawn within this much, because their ticks would all read alike. */
const MIN_SPAN = 0.001;

/**
 * The primary difference with its interval against zero. Positive is better whatever the metric, so that
 * promotion needs an interval wholly right of zero.
 */
export function intervalPlot(primary: EvaluationReport["primary"]): TemplateResult {
  const scale = intervalScale(primary);
  const side = primary.low > 0 ? "better" : primary.high < 0 ? "worse" : "open";
  const label = `${primary.metric}: gain ${signedText(primary.difference, 4)}, ${intervalName(primary)} from ${signedText(primary.low, 4)} to ${signedText(primary.high, 4)}; zero is ${side === "open" ? "inside" : "outside"} the interval`;
  return html`<svg class="interval ${side}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${label}>
    <line class="axis" x1=${MARGIN} x2=${WIDTH - MARGIN} y1=${AXIS_Y} y2=${AXIS_Y} />
    ${scale.ticks.map(
      (tick) => svg`<g>
        <line class="axis" x1=${scale.x(tick)} x2=${scale.x(tick)} y1=${AXIS_Y} y2=${AXIS_Y + 4} />
        <text x=${scale.x(tick)} y=${AXIS_Y + 17}>${tick === 0 ? "0" : signedText(tick, scale.digits)}</text>
      </g>`,
    )}
    <line class="zero" x1=${scale.x(0)} x2=${scale.x(0)} y1="6" y2=${AXIS_Y} />
    <line class="range" x1=${scale.x(primary.low)} x2=${scale.x(primary.high)} y1=${ROW_Y} y2=${ROW_Y} />
    <line class="range" x1=${scale.x(primary.low)} x2=${scale.x(primary.low)} y1=${ROW_Y - 6} y2=${ROW_Y + 6} />
    <line class="range" x1=${scale.x(primary.high)} x2=${scale.x(primary.high)} y1=${ROW_Y - 6} y2=${ROW_Y + 6} />
    <circle class="point" cx=${scale.x(primary.difference)} cy=${ROW_Y} r="5" />
  </svg>`;
}

/** "95 % interval". */
export function intervalName(primary: EvaluationReport["primary"]): string {
  return `${Math.round(100 * primary.confidence)} % interval`;
}

/** Maps differences to x: zero and the interval both inside, three to six round ticks. */
export function intervalScale(primary: Pick<EvaluationReport["primary"], "low" | "high" | "difference">): {
  x(value: number): number;
  readonly ticks: readonly number[];
  readonly digits: number;
} {
  const low = Math.min(0, primary.low, primary.difference);
  const high = Math.max(0, primary.high, primary.difference);
  const span = Math.max(high - low, MIN_SPAN);
  const from = low - 0.12 * span;
  const to = high + 0.12 * span;
  const step = roundStep((to - from) / 5);
  const ticks: number[] = [];
  for (let index = Math.ceil(from / step); index * step <= to; index++) ticks.push(index * step);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return { x: (value) => MARGIN + ((value - from) / (to - from)) * (WIDTH - 2 * MARGIN), ticks, digits };
}

/** The next 1, 2 or 5 times a power of ten at or above `step`. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return ([1, 2, 5, 10].find((factor) => factor * power >= step * 0.999) ?? 10) * power;
}
