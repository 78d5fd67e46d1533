import { writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { featuresOf, FEATURES_VERSION } from "../../core/filter/features.ts";
import {
  fitWithThreshold,
  judgeOffer,
  MAX_ACCEPTS_HELD,
  measureFilter,
  type ShowFilter,
} from "../../core/filter/show-filter.ts";
import { wilsonInterval } from "../../core/statistics/wilson.ts";
import { openModel } from "../../engine/generate/model.ts";
import { datasetOf } from "./base/replay.ts";
import { readShows, replayShows, showLines, type ReplayedShow } from "./filter/shows.ts";
import { median } from "./engine/medians.ts";
import type { Bar, Bench } from "./harness/report.ts";

const options = {
  points: { type: "string", multiple: true, default: [] as string[] },
  shows: { type: "string", multiple: true, default: [] as string[] },
  limit: { type: "string", default: "1500" },
  write: { type: "string" },
} as const;

const modelDir = path.resolve(import.meta.dirname, "../../models/base");

/** Learnt from before, measured on after: shares of the time. */
const LEARNT_SHARE = 0.8;

/**
 * `npm run bench -- filter --points <points.jsonl.xz>... [--limit 1500] [--write <folder>]`, or with
 * `--shows <file.jsonl>...` on what `--write` has written. See docs/show-filter.md.
 */
export const bench: Bench = {
  about: "the show filter on replayed typing: bad shows held back and accepts lost, size and time",
  async run({ args, signal, say }) {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: true });
    const sets = new Map<string, ReplayedShow[]>();
    for (const file of values.shows) sets.set(path.basename(file).replace(/\.jsonl$/, ""), readShows(file));
    if (values.points.length > 0) {
      await using model = await openModel(modelDir, { threads: Math.min(2, os.availableParallelism()) });
      for (const file of values.points) {
        const name = datasetOf(file);
        const note = (n: number, of: number) => n % 200 === 0 && say(`${name}: ${n} of ${of} points`);
        const shows = await replayShows(model, file, Number(values.limit), note, signal);
        if (values.write) writeFileSync(path.join(values.write, `${name}.jsonl`), showLines(shows));
        sets.set(name, shows);
      }
    }
    if (sets.size === 0) throw new Error("--points <points.jsonl[.xz]> or --shows <file.jsonl> is needed.");
    const metrics: Record<string, number> = {};
    const bars: Bar[] = [];
    const all: Counts = { bad: 0, badHeld: 0, accepts: 0, acceptsHeld: 0 };
    /** Of all histories, by the part of the time that was measured on. */
    const rolled: Record<string, Counts> = {};
    for (const [name, shows] of sets) {
      const border = Math.floor(shows.length * LEARNT_SHARE);
      const fitted = fitWithThreshold(shows.slice(0, border));
      const later = shows.slice(border);
      const { badHeld, acceptsHeld } = measureFilter(fitted, later);
      const accepts = later.filter(({ accepted }) => accepted).length;
      metrics[`${name}.learntFrom`] = border;
      metrics[`${name}.measuredOn`] = later.length;
      metrics[`${name}.accepts`] = accepts;
      metrics[`${name}.threshold`] = fitted.threshold;
      metrics[`${name}.acceptRateBefore`] = accepts / later.length;
      const shown = (1 - acceptsHeld) * accepts + (1 - badHeld) * (later.length - accepts);
      metrics[`${name}.acceptRateAfter`] = ((1 - acceptsHeld) * accepts) / Math.max(1, shown);
      metrics[`${name}.acceptsLost`] = Math.round(acceptsHeld * accepts);
      for (const [part, counts] of Object.entries(forward(shows))) {
        const sum = (rolled[part] ??= { bad: 0, badHeld: 0, accepts: 0, acceptsHeld: 0 });
        for (const key of Object.keys(counts) as (keyof Counts)[]) sum[key] += counts[key];
      }
      all.bad += later.length - accepts;
      all.badHeld += badHeld * (later.length - accepts);
      all.accepts += accepts;
      all.acceptsHeld += acceptsHeld * accepts;
      bars.push({ name: `${name}: bad shows held back`, value: badHeld, target: 0.5, want: "at-least" });
      bars.push({ name: `${name}: accepts lost`, value: acceptsHeld, target: MAX_ACCEPTS_HELD, want: "at-most" });
    }
    if (sets.size > 1) {
      metrics["all.measuredOn"] = all.bad + all.accepts;
      metrics["all.accepts"] = all.accepts;
      bars.push({ name: "all: bad shows held back", value: all.badHeld / all.bad, target: 0.5, want: "at-least" });
      const lost = all.acceptsHeld / all.accepts;
      bars.push({ name: "all: accepts lost", value: lost, target: MAX_ACCEPTS_HELD, want: "at-most" });
    }
    for (const [name, counts] of [["all", all], ...Object.entries(rolled)] as const) {
      const { bad, badHeld, accepts, acceptsHeld } = counts;
      const held = wilsonInterval(Math.round(badHeld), bad);
      const lost = wilsonInterval(Math.round(acceptsHeld), accepts);
      metrics[`${name}.accepts`] = accepts;
      metrics[`${name}.badHeld`] = badHeld / bad;
      metrics[`${name}.badHeldLow`] = held.low;
      metrics[`${name}.badHeldHigh`] = held.high;
      metrics[`${name}.acceptsLost`] = acceptsHeld / accepts;
      metrics[`${name}.acceptsLostLow`] = lost.low;
      metrics[`${name}.acceptsLostHigh`] = lost.high;
    }
    const [first] = sets.values();
    const cost = costOf(first!);
    metrics["bytes"] = cost.bytes;
    metrics["milliseconds"] = cost.milliseconds;
    bars.push({ name: "size, bytes", value: cost.bytes, target: 100_000, want: "at-most" });
    bars.push({ name: "time of a decision, ms", value: cost.milliseconds, target: 1, want: "at-most" });
    return { metrics, bars };
  },
};

interface Counts {
  bad: number;
  badHeld: number;
  accepts: number;
  acceptsHeld: number;
}

/** A fifth of the time measured with a filter of all before it, for each of the last three fifths. */
function forward(shows: readonly ReplayedShow[]): Record<string, Counts> {
  return Object.fromEntries(
    [0.4, 0.6, 0.8].map((from) => {
      const [border, end] = [from, from + 0.2].map((share) => Math.floor(share * shows.length)) as [number, number];
      const part = shows.slice(border, end);
      const { badHeld, acceptsHeld } = measureFilter(fitWithThreshold(shows.slice(0, border)), part);
      const accepts = part.filter(({ accepted }) => accepted).length;
      const bad = part.length - accepts;
      return [`from${100 * from}`, { bad, badHeld: badHeld * bad, accepts, acceptsHeld: acceptsHeld * accepts }];
    }),
  );
}

const ROUNDS = 400;

/** Bytes of a filter as it is sent, and the time of a decision with the longest prompt that the editor has. */
function costOf(shows: readonly ReplayedShow[]): { bytes: number; milliseconds: number } {
  const filter: ShowFilter = {
    ...fitWithThreshold(shows),
    featuresVersion: FEATURES_VERSION,
    outcomes: shows.length,
    accepts: 0,
    measured: { outcomes: 0, badHeld: 0, acceptsHeld: 0 },
  };
  const prefix = Array.from({ length: 250 }, (_, i) => `const value${i} = compute(value${i - 1});`)
    .join("\n")
    .slice(-8_000);
  const offer = {
    completion: "const next = compute(value7);",
    prefix,
    suffix: prefix,
    meanLogProbability: -0.4,
    tokens: 9,
    lowest: -2,
    first: -0.1,
    unlikely: 2,
    second: -1,
    third: -0.5,
    last: -0.1,
  };
  const times = Array.from({ length: ROUNDS }, () => {
    const began = performance.now();
    judgeOffer(filter, offer);
    return performance.now() - began;
  });
  featuresOf(offer);
  return { bytes: Buffer.byteLength(JSON.stringify(filter)), milliseconds: median(times) };
}
