import { html, svg, type TemplateResult } from "lit";
import type { RateValue } from "../../protocol/overview.ts";
import { countText, percentText } from "./number-text.ts";

const WIDTH = 620;
const HEIGHT = 220;
const LEFT = 46;
const RIGHT = 14;
const TOP = 12;
const BOTTOM = 30;
/** Names under the axis; more would run into each other. */
const MAX_NAMES = 8;

/** Distances of the lines across, and the most of them above 0. */
const TICK_STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.25];
const MAX_TICKS = 5;

export interface RatePoint {
  /** ISO date. */
  readonly week: string;
  readonly rate: RateValue;
}

/** A rate by week with its intervals. The table beside it has the same figures. */
export function rateChart(name: string, points: readonly RatePoint[]): TemplateResult {
  const highest = Math.min(1, Math.max(0.05, ...points.map(({ rate }) => rate.high)));
  const step = TICK_STEPS.find((one) => highest / one <= MAX_TICKS) ?? 0.25;
  const nTicks = Math.ceil(highest / step - 1e-9);
  const top = nTicks * step;
  const y = (value: number) => HEIGHT - BOTTOM - (Math.min(value, top) / top) * (HEIGHT - TOP - BOTTOM);
  const x = (at: number) => LEFT + ((at + 0.5) / points.length) * (WIDTH - LEFT - RIGHT);
  const every = Math.ceil(points.length / MAX_NAMES);
  const last = points.at(-1);
  const label =
    last === undefined
      ? name
      : `${name} by week: ${percentText(points[0]!.rate.mean)} in the first of ${points.length}, ${percentText(last.rate.mean)} in the last, 95 % interval ${percentText(last.rate.low)} to ${percentText(last.rate.high)}`;
  return html`<svg class="rates" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${label}>
    ${Array.from({ length: nTicks + 1 }, (_, at) => at * step).map(
      (tick) => svg`<g>
          <line class="grid" x1=${LEFT} x2=${WIDTH - RIGHT} y1=${y(tick)} y2=${y(tick)} />
          <text class="end" x=${LEFT - 7} y=${y(tick) + 4}>${Math.round(100 * tick)} %</text>
        </g>`,
    )}
    <polyline class="line" points=${points.map(({ rate }, at) => `${x(at)},${y(rate.mean)}`).join(" ")} />
    ${points.map(
      ({ week, rate }, at) => svg`<g>
        <line class="range" x1=${x(at)} x2=${x(at)} y1=${y(rate.low)} y2=${y(rate.high)} />
        <circle class="point" cx=${x(at)} cy=${y(rate.mean)} r="4">
          <title>${dayText(week)}: ${percentText(rate.mean)} of ${countText(rate.n)}</title>
        </circle>
        ${at % every === 0 ? svg`<text x=${x(at)} y=${HEIGHT - 10}>${dayText(week)}</text>` : ""}
      </g>`,
    )}
  </svg>`;
}

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

/** "5 Jan": the Monday that a week begins with. */
export const dayText = (iso: string): string => day.format(new Date(iso));
