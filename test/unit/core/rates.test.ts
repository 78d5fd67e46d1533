import assert from "node:assert/strict";
import fc from "fast-check";
import {
  compareVersions,
  lengthBand,
  type Opportunity,
  ratesByVersion,
  ratesByWeek,
} from "../../../core/overview/rates.ts";
import { clusteredMean } from "../../../core/statistics/clustered-mean.ts";
import { createRandom } from "../../../core/statistics/random.ts";

const WEEK_MS = 7 * 86_400_000;
const MONDAY_MS = Date.UTC(2026, 0, 5);

const opportunity = (at: number, more: Partial<Opportunity> = {}): Opportunity => ({
  version: null,
  completion: "return left + right + carry;",
  at: MONDAY_MS + at * 3_600_000,
  taken: false,
  kept: 0,
  group: `g${at}`,
  ...more,
});

describe("the mean of grouped values", () => {
  it("is as sure as its groups are many, not its values", () => {
    const alone = clusteredMean(Array.from({ length: 100 }, (_, at) => ({ value: at % 2, group: `g${at}` })));
    const together = clusteredMean(
      Array.from({ length: 100 }, (_, at) => ({ value: Math.floor(at / 10) % 2, group: `g${Math.floor(at / 10)}` })),
    );
    assert.deepEqual([alone.mean, together.mean, together.groups], [0.5, 0.5, 10]);
    // Ten values of one group that are all alike say as much as one of them.
    assert.ok(Math.abs(alone.error - Math.sqrt(0.25 / 99)) < 1e-12, String(alone.error));
    assert.ok(Math.abs(together.error - Math.sqrt(0.25 / 9)) < 1e-12, String(together.error));
    assert.equal(
      clusteredMean([
        { value: 1, group: "a" },
        { value: 0, group: "a" },
      ]).error,
      Infinity,
    );
  });

  it("has an interval that holds the truth nineteen times in twenty", () => {
    const random = createRandom(3);
    const runs = 400;
    let held = 0;
    for (let run = 0; run < runs; run += 1) {
      const values = Array.from({ length: 40 }, (_, group) => {
        const shared = random() < 0.3;
        return Array.from({ length: 5 }, () => ({
          value: Number(random() < 0.7 ? shared : random() < 0.3),
          group: `g${group}`,
        }));
      }).flat();
      const { low, high } = clusteredMean(values);
      if (low <= 0.3 && high >= 0.3) held += 1;
    }
    assert.ok(held / runs > 0.92 && held / runs < 0.985, String(held / runs));
  });
});

describe("rates of suggestions", () => {
  for (const [completion, band] of [
    ["x", "short"],
    ["return left + right;\n", "short"],
    ["return left + right + carry;", "line"],
    ["a {\n}", "block"],
    ["", "unknown"],
  ] as const)
    it(`${JSON.stringify(completion)} is ${band}`, () => assert.equal(lengthBand(completion), band));

  it("are by version and length, the newest version first, with intervals within 0 and 1", () => {
    const rows = ratesByVersion([
      ...Array.from({ length: 20 }, (_, at) => opportunity(at)),
      ...Array.from({ length: 10 }, (_, at) =>
        opportunity(100 + at, { version: "v1", taken: true, kept: at < 4 ? null : 0.5 }),
      ),
      opportunity(120, { version: "v1", completion: "x" }),
    ]);
    assert.deepEqual(
      rows.map(({ version, band, taken, kept }) => [version, band, taken.n, taken.mean, kept.n, kept.mean]),
      [
        ["v1", "short", 1, 0, 1, 0],
        ["v1", "line", 10, 1, 6, 0.5],
        [null, "line", 20, 0, 20, 0],
      ],
    );
    for (const { taken, kept } of rows)
      for (const { mean, low, high } of [taken, kept]) assert.ok(0 <= low && low <= mean && mean <= high && high <= 1);
    // None of twenty is not never, and one is nothing.
    assert.ok(rows[2]!.taken.high > 0.1);
    assert.deepEqual([rows[0]!.taken.low, rows[0]!.taken.high], [0, 1]);
  });

  it("are by week, from Monday to Sunday", () => {
    const rows = ratesByWeek([opportunity(0), opportunity(167), opportunity(168), opportunity(-1)]);
    assert.deepEqual(
      rows.map(({ week, taken }) => [(week - MONDAY_MS) / WEEK_MS, taken.n]),
      [
        [-1, 1],
        [0, 2],
        [1, 1],
      ],
    );
  });
});

describe("a version against the one before", () => {
  const shown = (version: string | null, completion: string, n: number, nTaken: number): Opportunity[] =>
    Array.from({ length: n }, (_, at) =>
      opportunity(at, {
        version,
        completion,
        taken: at < nTaken,
        kept: at < nTaken ? 1 : 0,
        group: `${version} ${completion} ${at}`,
      }),
    );

  it("is compared at the same mix of lengths: short suggestions win nothing by being many", () => {
    const line = "return left + right + carry;";
    // Each length is taken as often as before; only the new version shows the easy one more.
    const all = [
      ...shown(null, "x", 100, 60),
      ...shown(null, line, 300, 60),
      ...shown("v1", "x", 300, 180),
      ...shown("v1", line, 100, 20),
    ];
    const found = compareVersions(all, "v1", null, "taken")!;
    assert.ok(Math.abs(found.difference) < 1e-9 && found.low < 0 && found.high > 0, JSON.stringify(found));
    assert.deepEqual([found.now, found.before], [400, 400]);
    const better = compareVersions(
      [...all, ...shown("v2", "x", 200, 160), ...shown("v2", line, 200, 100)],
      "v2",
      null,
      "taken",
    )!;
    assert.ok(better.low > 0.1, JSON.stringify(better));
  });

  it("is not, where no length has both of them, or few", () => {
    assert.equal(
      compareVersions([...shown(null, "x", 100, 50), ...shown("v1", "a\nb", 100, 50)], "v1", null, "taken"),
      null,
    );
    assert.equal(
      compareVersions([...shown(null, "x", 100, 50), ...shown("v1", "x", 29, 20)], "v1", null, "taken"),
      null,
    );
    // One block more takes nothing away from what the others say.
    const both = [...shown(null, "x", 100, 50), ...shown("v1", "x", 100, 80)];
    const more = compareVersions([...both, ...shown("v1", "a\nb", 1, 1)], "v1", null, "taken");
    assert.deepEqual(more, compareVersions(both, "v1", null, "taken"));
    assert.equal(compareVersions([], "v1", null, "kept"), null);
  });

  it("is the other way round with the sign turned", () => {
    const chance = fc.double({ min: 0.05, max: 0.95, noNaN: true });
    fc.assert(
      fc.property(chance, chance, (a, b) => {
        const all = [...shown("a", "x", 60, Math.round(60 * a)), ...shown("b", "x", 80, Math.round(80 * b))];
        const one = compareVersions(all, "a", "b", "kept")!;
        const other = compareVersions(all, "b", "a", "kept")!;
        assert.ok(Math.abs(one.difference + other.difference) < 1e-12 && Math.abs(one.low + other.high) < 1e-12);
      }),
    );
  });
});
