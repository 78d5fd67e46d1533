import assert from "node:assert/strict";
import type { DatasetRow } from "../../../core/dataset-row.ts";
import {
  type DatasetParts,
  preferencePairs,
  promptCompletions,
  rowsOfView,
  unpairedPreferences,
  viewCounts,
} from "../../../core/datasets/views.ts";

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

describe("views", () => {
  const place = { path: "a.ts", prefix: "let x = ", suffix: ";" };
  const list = [
    row(1, { ...place, completion: "wrong()", good: false, weight: 0.6 }),
    row(2, { ...place, completion: "right()", weight: 0.9 }),
    row(3, { completion: "other()", weight: 0.5 }),
    row(4, { completion: "elsewhere()", good: false }),
  ];
  const render = ({ prefix, suffix }: DatasetRow) => ({ prompt: `<${prefix.trimEnd()}|${suffix}>`, owed: " " });
  const about = (at: number) => ({
    id: row(at).id,
    source: "history",
    path: "a.ts",
    language: "typescript",
    written_at: `1970-01-01T00:00:0${at}.000Z`,
  });

  it("writes weighted prompt-completion rows of what was good", () => {
    assert.deepEqual(promptCompletions(list.slice(0, 2), render), [
      { prompt: "<let x =|;>", completion: " right()", weight: 0.9, ...about(2) },
    ]);
  });

  it("writes unpaired rows of both verdicts", () => {
    assert.deepEqual(unpairedPreferences(list.slice(0, 2), render), [
      { prompt: "<let x =|;>", completion: " wrong()", label: false, weight: 0.6, ...about(1) },
      { prompt: "<let x =|;>", completion: " right()", label: true, weight: 0.9, ...about(2) },
    ]);
  });

  it("pairs only what was suggested and written in the same place", () => {
    assert.deepEqual(preferencePairs(list, render), [
      { prompt: "<let x =|;>", chosen: " right()", rejected: " wrong()", weight: 0.6, ...about(1) },
    ]);
  });

  it("makes no pair of equal texts", () => {
    assert.deepEqual(
      preferencePairs(
        [row(1, { ...place, completion: "same", good: false }), row(2, { ...place, completion: "same" })],
        render,
      ),
      [],
    );
  });

  it("gives bad rows and pairs to training alone, in the order of time", () => {
    const parts: DatasetParts = {
      train: [list[1]!, row(0.5)],
      bad: [list[0]!, row(0.7, { good: false })],
      validation: [list[2]!],
      test: [],
    };
    const times = (view: "sft" | "kto" | "dpo", split: "train" | "validation" | "test") =>
      rowsOfView(view, split, parts).map(({ writtenAt }) => writtenAt / 1_000);
    assert.deepEqual(times("sft", "train"), [2, 0.5]);
    assert.deepEqual(times("kto", "train"), [0.5, 0.7, 1, 2]);
    assert.deepEqual([times("kto", "validation"), times("dpo", "validation"), times("sft", "test")], [[3], [], []]);
    assert.deepEqual(viewCounts("dpo", parts), { train: 1, validation: 0, test: 0 });
    assert.deepEqual(viewCounts("kto", parts), { train: 4, validation: 1, test: 0 });
  });
});
