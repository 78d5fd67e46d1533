import { days, type Series } from "./report.ts";

export interface ChartOptions {
  readonly title: string;
  readonly subtitle: string;
  /** What the vertical axis counts. */
  readonly yTitle: string;
}

const WIDTH = 960;
const HEIGHT = 540;
const PLOT = { left: 72, top: 84, right: 650, bottom: 468 } as const;
const LEGEND_LEFT = 676;
const LEGEND_ROW = 38;
/** Rows that fit beside the plot. */
const MAX_LEGEND_ROWS = 10;
const MAX_LEGEND_CHARS = 36;

/**
 * Colours that people with the usual deficiencies of colour vision tell apart (Okabe and Ito), dark and light
 * enough for both grounds; the dashes tell the curves apart without them.
 */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#56b4e9", "#8c6bb1", "#7a7a7a"] as const;
const DASHES = ["", "7 4", "2 3", "10 3 2 3", "", "7 4", "2 3", "10 3 2 3"] as const;
/** What people wrote is drawn in the colour of the text. */
const HUMAN = { colour: "currentColor", dash: "5 4" } as const;

/**
 * Step curves as one SVG: axes, gridlines, bands, and a legend. Text and axes take `currentColor`, which follows
 * the page that it stands in, and by itself the reader's light or dark setting.
 */
export function survivalSvg(series: readonly Series[], { title, subtitle, yTitle }: ChartOptions): string {
  const lastDay = niceEnd(Math.max(0, ...series.flatMap(({ points }) => points.map(({ day }) => day))));
  const x = (day: number): number => PLOT.left + (Math.min(day, lastDay) / lastDay) * (PLOT.right - PLOT.left);
  const topShare = topOf(series);
  const y = (share: number): number => PLOT.bottom - (Math.min(share, topShare) / topShare) * (PLOT.bottom - PLOT.top);
  const styled = series.map((one, at) => ({
    ...one,
    ...(one.kind === "human"
      ? HUMAN
      : { colour: COLOURS[at % COLOURS.length] as string, dash: DASHES[at % DASHES.length] as string }),
  }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="kept-title kept-about">`,
    `<title id="kept-title">${escape(title)}</title>`,
    `<desc id="kept-about">${escape(`${subtitle}. ${series.map(({ name, note }) => `${name}: ${note}`).join("; ")}`)}</desc>`,
    "<style>",
    ":root{color:#1f2328}@media(prefers-color-scheme:dark){:root{color:#e6edf3}}",
    "text{fill:currentColor;font-family:system-ui,-apple-system,'Segoe UI',sans-serif;font-size:13px}",
    ".title{font-size:18px;font-weight:600}.quiet{opacity:.72;font-size:12px}.num{font-variant-numeric:tabular-nums}",
    "</style>",
    `<text class="title" x="${PLOT.left}" y="34">${escape(title)}</text>`,
    `<text class="quiet" x="${PLOT.left}" y="56">${escape(subtitle)}</text>`,
    ...axes(lastDay, topShare, x, y, yTitle),
    ...styled.flatMap(({ band, colour }) => bandOf(band, colour, x, y)),
    ...styled.map(
      ({ points, colour, dash }) =>
        `<path d="${stepPath(points, x, y)}" fill="none" stroke="${colour}" stroke-width="2.2" stroke-linejoin="round"${dash === "" ? "" : ` stroke-dasharray="${dash}"`}/>`,
    ),
    ...legend(styled),
    ...(series.length === 0
      ? [
          `<text x="${(PLOT.left + PLOT.right) / 2}" y="${(PLOT.top + PLOT.bottom) / 2}" text-anchor="middle">Nothing was accepted yet.</text>`,
        ]
      : []),
    "</svg>",
    "",
  ].join("\n");
}

/** Curves that come down begin at 100 %; those that rise get the room that they need. */
const topOf = (series: readonly Series[]): number => {
  const highest = Math.max(0, ...series.flatMap(({ points }) => points.map(({ share }) => share)));
  return [0.08, 0.2, 0.4, 0.6, 0.8].find((top) => highest <= top) ?? 1;
};

type Scale = (value: number) => number;

function axes(lastDay: number, topShare: number, x: Scale, y: Scale, yTitle: string): string[] {
  const parts: string[] = [];
  for (let quarter = 0; quarter <= 4; quarter += 1) {
    const share = (quarter * topShare) / 4;
    const at = y(share).toFixed(1);
    const weight = share === 0 ? 0.6 : 0.16;
    parts.push(
      `<line x1="${PLOT.left}" x2="${PLOT.right}" y1="${at}" y2="${at}" stroke="currentColor" stroke-opacity="${weight}"/>`,
      `<text class="num" x="${PLOT.left - 10}" y="${at}" dy="4" text-anchor="end">${+(share * 100).toFixed(1)} %</text>`,
    );
  }
  for (const { day, label } of ticks(lastDay)) {
    const at = x(day).toFixed(1);
    parts.push(
      `<line x1="${at}" x2="${at}" y1="${PLOT.bottom}" y2="${PLOT.bottom + 5}" stroke="currentColor" stroke-opacity="0.6"/>`,
      `<text class="num" x="${at}" y="${PLOT.bottom + 22}" text-anchor="middle">${label}</text>`,
    );
  }
  const middle = (PLOT.top + PLOT.bottom) / 2;
  parts.push(
    `<text class="quiet" x="${(PLOT.left + PLOT.right) / 2}" y="${PLOT.bottom + 46}" text-anchor="middle">time since it was accepted</text>`,
    `<text class="quiet" transform="translate(22 ${middle}) rotate(-90)" text-anchor="middle">${escape(yTitle)}</text>`,
  );
  return parts;
}

/** Round steps that a reader can count in. */
const STEPS: readonly (readonly [days: number, unit: "h" | "d" | "y"])[] = [
  [1 / 24, "h"],
  [3 / 24, "h"],
  [6 / 24, "h"],
  [12 / 24, "h"],
  [1, "d"],
  [2, "d"],
  [7, "d"],
  [14, "d"],
  [30, "d"],
  [90, "d"],
  [182.5, "y"],
  [365, "y"],
  [730, "y"],
  [1_825, "y"],
  [3_650, "y"],
];
const MAX_TICKS = 8;

const stepFor = (span: number): (typeof STEPS)[number] =>
  STEPS.find(([step]) => span / step <= MAX_TICKS) ?? (STEPS.at(-1) as (typeof STEPS)[number]);

/** The end of the axis: a whole number of steps. */
const niceEnd = (span: number): number => {
  const [step] = stepFor(Math.max(span, 1 / 24));
  return Math.max(1, Math.ceil(span / step - 1e-9)) * step;
};

function ticks(lastDay: number): { day: number; label: string }[] {
  const [step, unit] = stepFor(lastDay);
  return Array.from({ length: Math.round(lastDay / step) + 1 }, (_, at) => {
    const day = at * step;
    if (day === 0) return { day, label: "0" };
    if (unit === "h") return { day, label: `${Math.round(day * 24)} h` };
    return { day, label: unit === "d" ? `${Math.round(day)} d` : `${+(day / 365).toFixed(1)} y` };
  });
}

/** Level until the next event, then down: the curve of a step function. */
function stepPath(points: Series["points"], x: Scale, y: Scale): string {
  let path = "";
  for (const [at, { day, share }] of points.entries()) {
    const [left, top] = [x(day).toFixed(1), y(share).toFixed(1)];
    path += at === 0 ? `M${left} ${top}` : `H${left}V${top}`;
  }
  return path;
}

function bandOf(band: Series["band"], colour: string, x: Scale, y: Scale): string[] {
  if (band.length < 2) return [];
  const along = (edge: "low" | "high", order: Series["band"]): string =>
    order.map((point) => `${x(point.day).toFixed(1)} ${y(point[edge]).toFixed(1)}`).join("L");
  return [
    `<path d="M${along("high", band)}L${along("low", [...band].reverse())}Z" fill="${colour}" fill-opacity="0.13"/>`,
  ];
}

function legend(series: readonly (Series & { colour: string; dash: string })[]): string[] {
  const shown = series.slice(0, MAX_LEGEND_ROWS);
  const rows = shown.flatMap(({ name, note, colour, dash }, at) => {
    const top = PLOT.top + 8 + at * LEGEND_ROW;
    return [
      `<line x1="${LEGEND_LEFT}" x2="${LEGEND_LEFT + 26}" y1="${top - 4}" y2="${top - 4}" stroke="${colour}" stroke-width="2.6"${dash === "" ? "" : ` stroke-dasharray="${dash}"`}/>`,
      `<text x="${LEGEND_LEFT + 36}" y="${top}">${escape(shortened(name))}</text>`,
      `<text class="quiet" x="${LEGEND_LEFT + 36}" y="${top + 16}">${escape(note)}</text>`,
    ];
  });
  const nLeft = series.length - shown.length;
  const below = PLOT.top + 8 + shown.length * LEGEND_ROW;
  if (nLeft > 0) rows.push(`<text class="quiet" x="${LEGEND_LEFT + 36}" y="${below}">and ${nLeft} more</text>`);
  const hasBand = series.some(({ band }) => band.length > 1);
  if (hasBand) {
    rows.push(`<text class="quiet" x="${LEGEND_LEFT}" y="${PLOT.bottom}">shaded: 95 % interval</text>`);
  }
  return rows;
}

const shortened = (name: string): string =>
  name.length <= MAX_LEGEND_CHARS ? name : `${name.slice(0, MAX_LEGEND_CHARS - 1)}…`;

/** For text and attributes of XML; control characters are not allowed in it at all. */
const escape = (text: string): string =>
  text
    .replace(/\p{Cc}/gu, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

/** `in 42 days` for a subtitle. */
export const followedText = (value: number): string => `followed for up to ${days(value)}`;
