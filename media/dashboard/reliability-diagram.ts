import { html, svg, type TemplateResult } from "lit";
import type { CalibrationRow } from "../../protocol/labels.ts";

const SIZE = 260;
const LEFT = 40;
const TOP = 10;
const BOTTOM = 34;
const WIDTH = SIZE - LEFT - 10;
const HEIGHT = SIZE - TOP - BOTTOM;
const TICKS = [0, 0.25, 0.5, 0.75, 1];

/** Shares that came true against what was foretold: on the diagonal, labels mean what they say. */
export function reliabilityDiagram(before: CalibrationRow, after: CalibrationRow): TemplateResult {
  const x = (value: number) => LEFT + value * WIDTH;
  const y = (value: number) => TOP + (1 - value) * HEIGHT;
  const label = `Reliability diagram: mean distance from the diagonal ${before.error.toFixed(3)} before, ${after.error.toFixed(3)} after the refit`;
  const series = (name: "before" | "after", { bins }: CalibrationRow, shift: number) => svg`<g class=${name}>
    ${bins.map(
      (bin) => svg`<g>
        <line class="range" x1=${x(bin.predicted) + shift} x2=${x(bin.predicted) + shift} y1=${y(bin.low)} y2=${y(bin.high)} />
        <circle class="point" cx=${x(bin.predicted) + shift} cy=${y(bin.observed)} r="4" />
      </g>`,
    )}
  </g>`;
  return html`<svg class="reliability" viewBox="0 0 ${SIZE} ${SIZE}" role="img" aria-label=${label}>
    ${TICKS.map(
      (tick) => svg`<g>
        <line class="grid" x1=${x(0)} x2=${x(1)} y1=${y(tick)} y2=${y(tick)} />
        <text class="end" x=${LEFT - 6} y=${y(tick) + 4}>${tick}</text>
        <text x=${x(tick)} y=${SIZE - BOTTOM + 16}>${tick}</text>
      </g>`,
    )}
    <line class="diagonal" x1=${x(0)} y1=${y(0)} x2=${x(1)} y2=${y(1)} />
    ${series("before", before, -2)} ${series("after", after, 2)}
    <text x=${x(0.5)} y=${SIZE - 3}>foretold</text>
  </svg>`;
}
