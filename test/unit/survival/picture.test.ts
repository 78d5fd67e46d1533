import assert from "node:assert/strict";
import fc from "fast-check";
import type { GroupedLife } from "../../../server/survival/lives.ts";
import { days, seriesOf, survivalReport } from "../../../server/survival/report.ts";
import { survivalSvg } from "../../../server/survival/svg.ts";

const life = (time: number, cause: GroupedLife["cause"], at: number, model = "a"): GroupedLife => ({
  suggestionId: String(at),
  time,
  ended: cause !== "",
  cause,
  nTokens: 20,
  repository: "r",
  session: `s${at}`,
  model,
  language: "typescript",
  length: "10–29 tokens",
  acceptedAt: 0,
});
const options = { by: "model" as const, resamples: 20, seed: 1 };
const text = { title: "T", subtitle: "S", yTitle: "Y" };

describe("the picture of survival", () => {
  it("draws a curve only while five are watched", () => {
    const lives = Array.from({ length: 24 }, (_, at) => life(10 * (at + 1), "fix", at));
    const [series] = seriesOf(survivalReport(lives, null, options));
    assert.ok(series);
    assert.deepEqual([series.points.length, series.points.at(-2)?.day, series.points.at(-1)?.day], [22, 200, 200]);
    assert.ok(series.band.every(({ day }) => day <= 200));
  });

  it("has a curve for each model, and one of people beside them", () => {
    const lives = [life(5, "fix", 0, "one"), life(9, "", 1, "one"), life(9, "", 2, "two")];
    const human = { lives: [life(3, "other", 3)], widened: false };
    assert.deepEqual(
      seriesOf(survivalReport(lives, human, options)).map(({ name, kind }) => [name, kind]),
      [
        ["one", "code"],
        ["two", "code"],
        ["human code", "human"],
      ],
    );
  });

  it("rises by cause to what has gone", () => {
    const report = survivalReport([life(5, "fix", 0), life(6, "undo", 1), life(9, "", 2)], null, {
      ...options,
      by: "cause",
    });
    const ends = seriesOf(report).map(({ name, points }) => [name, points.at(-1)?.share.toFixed(6)]);
    assert.deepEqual(ends, [
      ["fix", "0.333333"],
      ["undo", "0.333333"],
    ]);
  });

  it("is well-formed for any lives and names", () => {
    const lives = fc.array(
      fc.record({
        time: fc.double({ min: 0, max: 4_000, noNaN: true }),
        ended: fc.boolean(),
        model: fc.string({ maxLength: 60 }),
        at: fc.nat(9),
      }),
      { maxLength: 15 },
    );
    fc.assert(
      fc.property(lives, (all) => {
        const report = survivalReport(
          all.map(({ time, ended, model, at }) => life(time, ended ? "fix" : "", at, model)),
          null,
          options,
        );
        const svg = survivalSvg(seriesOf(report), text);
        assert.equal(/NaN|Infinity|undefined/.test(svg.replace(/<(?:text|title|desc)[^>]*>[^<]*/g, "")), false);
        assert.equal(/<[^a-z/]|&(?!amp;|lt;|gt;|quot;)/.test(svg), false);
        // oxlint-disable-next-line no-control-regex
        assert.equal(/[\u0000-\u0009\u000b-\u001f]/.test(svg), false);
      }),
      { numRuns: 60 },
    );
  });

  it("says lengths of time as people do", () =>
    assert.deepEqual([0.01, 0.5, 12.34, 100, 1_000].map(days), ["14 min", "12.0 h", "12.3 d", "100 d", "2.7 y"]));
});
