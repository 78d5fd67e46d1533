import assert from "node:assert/strict";
import fc from "fast-check";
import type { DatasetRow } from "../../../core/dataset-row.ts";
import { buildDataset } from "../../../core/datasets/build.ts";
import { capRows } from "../../../core/datasets/caps.ts";
import {
  groupNearDuplicates,
  jaccard,
  NEAR_DUPLICATE_JACCARD,
  shinglesOf,
} from "../../../core/datasets/near-duplicates.ts";
import { splitByTime } from "../../../core/datasets/split.ts";
import { createRandom, shuffle } from "../../../core/statistics/random.ts";

const row = (at: number, fields: Partial<DatasetRow> = {}): DatasetRow => ({
  id: `row${String(at).padStart(4, "0")}`,
  suggestionId: null,
  source: "history",
  root: "/work",
  path: `src/file${at}.ts`,
  language: "typescript",
  prefix: distinct(at, 12),
  suffix: "",
  examples: [],
  completion: distinct(at + 100_000, 8),
  good: true,
  weight: 1,
  writtenAt: at * 1_000,
  group: `commit${at}`,
  ...fields,
});

/** Words that no other number has. */
const distinct = (at: number, count: number): string =>
  Array.from({ length: count }, (_, word) => `n${at}x${word}`).join(" ");

const rows = (count: number, fields: (at: number) => Partial<DatasetRow> = () => ({})): DatasetRow[] =>
  Array.from({ length: count }, (_, at) => row(at, fields(at)));

const ids = (list: readonly DatasetRow[]): string[] => list.map(({ id }) => id);

describe("groupNearDuplicates", () => {
  const check = (name: string, texts: string[], groups: number[]): void => {
    it(name, () => assert.deepEqual(groupNearDuplicates(texts), groups));
  };
  const long = distinct(1, 60);
  check("gives nothing for nothing", [], []);
  check("groups equal texts", ["a b c d", "e f g h", "a b c d"], [0, 1, 0]);
  check("groups texts that differ in formatting", ["f(a, b);\ng();", "f( a, b )\n  g()"], [0, 0]);
  check("groups long texts with one changed word", [long, long.replace("n1x30", "changed")], [0, 0]);
  check("keeps apart texts that share half", [long, `${distinct(1, 30)} ${distinct(2, 30)}`], [0, 1]);
  check("groups through a text between", chain(), [0, 0, 0]);
  check("groups empty texts", ["", " ;", "a"], [0, 0, 1]);
  check("tells short texts apart", ["a", "b", "a b", "a"], [0, 1, 2, 0]);

  it("groups exactly the connected pairs of a Jaccard index of 0.8 or more", () => {
    const word = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i", "j");
    const text = fc.array(word, { minLength: 20, maxLength: 30 }).map((words) => words.join(" "));
    const edited = fc.tuple(text, fc.integer({ min: 0, max: 19 }), word).map(([base, at, other]) => {
      const words = base.split(" ");
      words[at] = other;
      return [base, words.join(" ")];
    });
    fc.assert(
      fc.property(fc.array(edited, { minLength: 1, maxLength: 6 }), (pairs) => {
        const texts = pairs.flat();
        assert.deepEqual(groupNearDuplicates(texts), groupsByBruteForce(texts));
      }),
      { numRuns: 60 },
    );
  });
});

/** Three texts, each near the next, the first and the last too far apart. */
function chain(): string[] {
  const words = distinct(1, 60).split(" ");
  const replaced = (from: number, to: number) =>
    words.map((word, at) => (at >= from && at < to ? `z${at}` : word)).join(" ");
  return [replaced(0, 0), replaced(0, 4), replaced(0, 8)];
}

const groupsByBruteForce = (texts: readonly string[]): number[] => {
  const shingles = texts.map(shinglesOf);
  const groups = texts.map((_, at) => at);
  for (let left = 0; left < texts.length; left += 1) {
    for (let right = left + 1; right < texts.length; right += 1) {
      if (jaccard(shingles[left]!, shingles[right]!) < NEAR_DUPLICATE_JACCARD) continue;
      const [from, to] = [groups[right], groups[left]];
      groups.forEach((group, at) => {
        if (group === from) groups[at] = to!;
      });
    }
  }
  const order = [...new Set(groups)];
  return groups.map((group) => order.indexOf(group));
};

describe("splitByTime", () => {
  const split = (list: readonly DatasetRow[], groups = list.map((_, at) => at)) => splitByTime(list, groups);
  const sizes = (found: ReturnType<typeof split>) =>
    [found.train, found.validation, found.test, found.droppedDuplicates].map((part) => part.length);

  it("splits by the fractions", () => assert.deepEqual(sizes(split(rows(50))), [40, 5, 5, 0]));
  it("takes other fractions", () => {
    const list = rows(40);
    const found = splitByTime(
      list,
      list.map((_, at) => at),
      { train: 2, validation: 1, test: 1 },
    );
    assert.deepEqual(sizes(found), [20, 10, 10, 0]);
  });
  it("keeps a moment together", () => {
    const found = split(rows(50, (at) => ({ writtenAt: Math.floor(at / 12) })));
    assert.deepEqual(sizes(found), [36, 12, 2, 0]);
  });
  it("trains on everything when all was written at once", () => {
    assert.deepEqual(sizes(split(rows(30, () => ({ writtenAt: 5 })))), [30, 0, 0, 0]);
  });
  it("splits nothing", () => assert.deepEqual(sizes(split([])), [0, 0, 0, 0]));
  it("drops later copies of training rows", () => {
    const list = rows(50);
    const groups = list.map((_, at) => (at === 48 ? 3 : at));
    const found = split(list, groups);
    assert.deepEqual(ids(found.droppedDuplicates), ["row0048"]);
    assert.ok(ids(found.train).includes("row0003"));
  });
  it("keeps near-duplicates inside one part", () => {
    const found = split(
      rows(50),
      Array.from({ length: 50 }, (_, at) => (at < 10 ? 0 : at)),
    );
    assert.deepEqual(sizes(found), [40, 5, 5, 0]);
  });
  it("refuses groups of another length", () => assert.throws(() => splitByTime(rows(3), [0]), RangeError));

  it("keeps time's order and groups apart, loses no row, and ignores the order given", () => {
    const spec = fc.array(
      fc.record({ time: fc.integer({ min: 0, max: 40 }), group: fc.integer({ min: 0, max: 60 }) }),
      {
        minLength: 1,
        maxLength: 80,
      },
    );
    fc.assert(
      fc.property(spec, fc.integer(), (entries, seed) => {
        const list = entries.map(({ time }, at) => row(at, { writtenAt: time }));
        const groupOf = new Map(entries.map(({ group }, at) => [list[at]!.id, group]));
        const found = split(
          list,
          entries.map(({ group }) => group),
        );
        const parts = [found.train, found.validation, found.test];
        assert.deepEqual([...parts.flat(), ...found.droppedDuplicates].map(({ id }) => id).sort(), ids(list).sort());
        assert.ok(found.train.length > 0);
        const seen = new Map<number, number>();
        let latest = -Infinity;
        parts.forEach((part, number) => {
          assert.ok(part.every((one) => one.writtenAt > latest));
          latest = Math.max(latest, ...part.map((one) => one.writtenAt));
          for (const { id } of part) {
            const group = groupOf.get(id)!;
            assert.equal(seen.get(group) ?? number, number, "a group crosses a border");
            seen.set(group, number);
          }
        });
        const mixed = shuffle(list, createRandom(seed));
        assert.deepEqual(
          split(
            mixed,
            mixed.map(({ id }) => groupOf.get(id)!),
          ),
          found,
        );
      }),
    );
  });
});

describe("capRows", () => {
  it("lets small sets through", () => {
    const list = rows(20, () => ({ path: "a.ts" }));
    assert.deepEqual(capRows(list).rows, list);
  });

  it("caps one file at 5 % of the rows", () => {
    const list = rows(1_000, (at) => ({ path: at < 200 ? "big.ts" : `f${at}.ts` }));
    const { rows: kept, droppedByFile } = capRows(list);
    assert.equal(kept.filter(({ path }) => path === "big.ts").length, 50);
    assert.equal(droppedByFile.length, 150);
    assert.deepEqual(
      kept,
      list.filter((one) => kept.includes(one)),
    );
  });

  it("caps one repository at 40 % only where there are others", () => {
    assert.equal(capRows(rows(500)).droppedByRepository.length, 0);
    const { rows: kept, droppedByRepository } = capRows(rows(500, (at) => ({ root: at < 400 ? "/big" : "/small" })));
    assert.equal(kept.filter(({ root }) => root === "/big").length, 200);
    assert.equal(kept.filter(({ root }) => root === "/small").length, 100);
    assert.equal(droppedByRepository.length, 200);
  });

  it("prefers feedback to history, spreads over time, and is repeatable", () => {
    const list = rows(1_000, (at) => ({ path: "big.ts", source: at % 50 === 0 ? "feedback" : "history" }));
    const { rows: kept } = capRows(list);
    assert.equal(kept.length, 50);
    assert.equal(kept.filter(({ source }) => source === "feedback").length, 20);
    const mean = kept.reduce((sum, { writtenAt }) => sum + writtenAt, 0) / kept.length / 1_000;
    assert.ok(mean > 350 && mean < 650, `mean place ${mean}`);
    assert.deepEqual(new Set(capRows([...list].reverse()).rows), new Set(kept));
  });

  describe("of persons other than the owner", () => {
    const shareOf = (nPoison: number, nOwn: number): number => {
      const list = rows(nPoison + nOwn, (at) => ({
        path: `src/f${at % 200}.ts`,
        ...(at < nPoison ? { person: "tool:mallory" } : {}),
      }));
      const kept = capRows(list).rows;
      return kept.filter(({ person }) => person !== undefined).length / kept.length;
    };
    it("keep each within a quarter of what is left, however many rows it sends", () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 200 }), (nPoison, nOwn) => {
          assert.ok(shareOf(nPoison, nOwn) <= 0.25);
        }),
      );
    });
    it("leave a small share as it is", () => assert.equal(shareOf(20, 180), 0.1));
    it("do not hold for a store that one tool fills alone", () => {
      const kept = capRows(rows(100, (at) => ({ path: `src/f${at}.ts`, person: "tool:agent" }))).rows;
      assert.equal(kept.length, 100);
      assert.ok(kept.every(({ person }) => person === undefined));
    });
  });
});

describe("buildDataset", () => {
  it("splits good rows and keeps bad ones apart", () => {
    const built = buildDataset(rows(100, (at) => ({ good: at % 4 !== 0 })));
    assert.deepEqual([built.train.length, built.validation.length, built.test.length], [60, 8, 7]);
    assert.ok([...built.train, ...built.validation, ...built.test].every(({ good }) => good));
    assert.ok(built.bad.every(({ good }) => !good));
    assert.equal(built.bad.length + built.dropped["bad-after-training"], 25);
  });

  it("keeps no bad row that is as late as what it is measured by", () => {
    const built = buildDataset(rows(100, (at) => ({ good: at % 4 !== 0 })));
    const first = Math.min(...built.validation.map(({ writtenAt }) => writtenAt));
    assert.ok(built.bad.every(({ writtenAt }) => writtenAt < first));
    assert.ok(built.dropped["bad-after-training"] > 0);
  });

  it("counts what it drops", () => {
    const built = buildDataset([
      ...rows(40),
      row(50, { completion: " \n" }),
      row(51, { weight: 0 }),
      row(52, { weight: Number.NaN }),
      row(39.5, { path: "src/file3.ts", prefix: distinct(3, 12), completion: distinct(100_003, 8) }),
    ]);
    assert.deepEqual(Object.fromEntries(Object.entries(built.dropped).filter(([, count]) => count > 0)), {
      blank: 1,
      weightless: 2,
      repeated: 1,
    });
  });

  it("lets the newest verdict on the same code stand", () => {
    const same = { path: "a.ts", prefix: "p", completion: "const a = 1;" };
    const built = buildDataset([...rows(30), row(2.5, { ...same, good: true }), row(4.5, { ...same, good: false })]);
    assert.equal(built.dropped.contradicted, 1);
    assert.ok(!built.train.some(({ prefix }) => prefix === "p"));
    assert.deepEqual(
      built.bad.map(({ prefix }) => prefix),
      ["p"],
    );
  });

  it("drops copies of training code from the test", () => {
    const copied = rows(50).map((one, at) =>
      at < 48 ? one : { ...one, prefix: distinct(1, 12), completion: `${distinct(100_001, 8)} ` },
    );
    const built = buildDataset(copied);
    assert.equal(built.dropped["near-duplicate"] + built.dropped.repeated, 2);
    assert.equal(built.test.length, 3);
  });

  it("leaves out what a secret stood in, and what could steer a model", () => {
    const marker = "<|fim_middle|>";
    const built = buildDataset([
      ...rows(40),
      row(50, { completion: 'const key = "<openai-key>";' }),
      row(51, { completion: 'const pass = "<secret>";', good: false }),
      row(52, { prefix: marker }),
      row(53, { suffix: "<fim_suffix>" }),
      row(54, { examples: [{ path: "a.ts", text: `x ${marker}` }] }),
      // The model may read that there was a secret, and markup is no marker.
      row(55, { prefix: 'const key = "<openai-key>";' }),
      row(56, { completion: "<key-list></s>[PREFIX] a <| b |>" }),
    ]);
    assert.deepEqual([built.dropped.secret, built.dropped["special-token"]], [2, 3]);
    assert.equal(built.train.length + built.validation.length + built.test.length, 42);
  });

  it("caps bad rows of others too", () => {
    const built = buildDataset([
      ...rows(100),
      ...rows(40, (at) => ({
        id: `own${at}`,
        good: false,
        path: `b${at}.ts`,
        prefix: distinct(at + 500, 12),
        writtenAt: at,
      })),
      ...rows(80, (at) => ({
        id: `tool${at}`,
        good: false,
        path: `c${at}.ts`,
        prefix: distinct(at + 900, 12),
        writtenAt: at,
        person: "tool:x",
      })),
    ]);
    const others = built.bad.filter(({ person }) => person !== undefined);
    assert.equal(built.bad.length - others.length, 40);
    assert.ok(others.length > 0 && others.length <= built.bad.length / 4, String(others.length));
    assert.equal(built.dropped["person-cap"], 80 - others.length);
  });

  it("measures by nothing that is like a bad row", () => {
    const all = rows(50);
    const [late] = buildDataset(all).test;
    const { prefix } = late!;
    const bad = row(1.5, { good: false, path: "elsewhere.ts", prefix, completion: `${late!.completion} ` });
    const built = buildDataset([...all, bad]);
    assert.deepEqual(ids(built.bad), [bad.id]);
    assert.ok(!ids(built.test).includes(late!.id));
    assert.equal(built.dropped["near-duplicate"], 1);
  });

  it("gives the same dataset for the same rows in any order", () => {
    const list = rows(80, (at) => ({ good: at % 5 !== 0, path: `f${at % 3}.ts` }));
    assert.deepEqual(buildDataset(shuffle(list, createRandom(4))), buildDataset(list));
  });

  it("accounts for every row", () => {
    const spec = fc.record({
      at: fc.integer({ min: 0, max: 60 }),
      good: fc.boolean(),
      weight: fc.constantFrom(0, 0.5, 1),
    });
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 60 }), (specs) => {
        const list = specs.map(({ at, good, weight }, index) => row(at, { id: `r${index}`, good, weight }));
        const built = buildDataset(list);
        const nKept = built.train.length + built.validation.length + built.test.length + built.bad.length;
        const nDropped = Object.values(built.dropped).reduce((sum, count) => sum + count, 0);
        assert.equal(nKept + nDropped, list.length);
      }),
    );
  });
});
