import type { HistoryPoint } from "../../../core/history-point.ts";
import type { CompletionRequest } from "../../../engine/generate/completion.ts";
import type { Retrieval, ServedCompletion } from "../../../engine/process/messages.ts";
import type { IndexedExample } from "../../../engine/retrieve/example-index.ts";
import {
  acceptedDifference,
  compareConditions,
  comparisonTable,
} from "../../../server/replay/comparison/comparison-report.ts";
import { CONDITIONS, type ConditionCase, type ConditionName } from "../../../server/replay/comparison/condition.ts";
import { rowsOf } from "../../../server/replay/comparison/history-adapter.ts";
import { measureConditions } from "../../../server/replay/comparison/measure.ts";
import { openResultFile } from "../../../server/replay/comparison/result-file.ts";
import { aPoint } from "./a-point.ts";
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** An engine that answers what the adapter says, or with retrieval the newest example's text, and remembers. */
function anEngine(answers: Readonly<Record<string, string>>) {
  let examples: IndexedExample[] = [];
  let adapter = "none";
  const asked: string[] = [];
  return {
    asked,
    setExamples: async (all: readonly IndexedExample[]) => void (examples = [...all]),
    addExamples: async (more: readonly IndexedExample[]) => void examples.push(...more),
    setAdapter: async (next: { version: string } | null) => void (adapter = next?.version ?? "none"),
    async complete(request: CompletionRequest, _signal: AbortSignal, retrieve?: Retrieval): Promise<ServedCompletion> {
      const seen = retrieve && retrieve.limit > 0 ? examples.map(({ commit }) => commit) : [];
      asked.push(`${adapter} ${request.path} [${seen.join(" ")}]`);
      return {
        text: answers[adapter] ?? "",
        finish: "stop",
        meanLogProbability: -1,
        nPromptTokens: 1,
        nTokens: 1,
        prefillMs: 1,
        decodeMs: 1,
        adapter: null,
        nExamplesUsed: 0,
        exampleIds: [],
        neighbours: [],
      };
    },
  };
}

const HISTORY: readonly HistoryPoint[] = [
  aPoint({ id: "1", commit: "one", path: "a.ts" }),
  aPoint({ id: "2", commit: "two", path: "b.ts" }),
  aPoint({ id: "3", commit: "two", path: "c.ts" }),
  aPoint({ id: "4", commit: "three", path: "d.ts" }),
];

async function measure(engine: ReturnType<typeof anEngine>, known: ReadonlySet<string> = new Set()) {
  const cases: ConditionCase[] = [];
  for (const adapter of ["none", "own"] as const) {
    await measureConditions({
      points: HISTORY,
      measured: new Set(["3", "4"]),
      repository: "basket",
      conditions: CONDITIONS.filter((condition) => condition.adapter === adapter),
      adapterDir: adapter === "none" ? null : adapter,
      engine,
      isKnown: ({ name }, id) => known.has(`${name} ${id}`),
      onCase: (one) => cases.push(one),
      signal: new AbortController().signal,
    });
  }
  return cases;
}

describe("the conditions of a replay", () => {
  it("are asked at every point, never with the examples of its own commit", async () => {
    const engine = anEngine({ none: "return 0;", own: "return sum(items);" });
    const cases = await measure(engine);
    assert.deepEqual(engine.asked, [
      "none c.ts []",
      "none c.ts [one]",
      "none d.ts []",
      "none d.ts [one two two]",
      "own c.ts []",
      "own c.ts [one]",
      "own d.ts []",
      "own d.ts [one two two]",
    ]);
    const taken = cases.filter(({ accepted }) => accepted).map(({ condition, pointId }) => `${condition} ${pointId}`);
    assert.deepEqual(taken, ["lora 3", "both 3", "lora 4", "both 4"]);
  });

  it("are not asked again for what is known", async () => {
    const engine = anEngine({});
    await measure(engine, new Set(["base 3", "in-context 3", "base 4", "in-context 4", "lora 3", "both 4"]));
    assert.deepEqual(engine.asked, ["own c.ts [one]", "own d.ts []"]);
  });
});

describe("the rows of a history", () => {
  it("have the examples of earlier commits alone, every second one, and leave out what was empty", () => {
    const written = [...HISTORY, aPoint({ id: "5", commit: "four", target: " \n" })];
    const shown = rowsOf(written, "basket").map(({ suggestionId, examples }) => [
      suggestionId,
      examples.map((example) => example.path),
    ]);
    // What the second commit wrote nearly doubles what the first did: one example is enough.
    assert.deepEqual(shown, [
      ["1", []],
      ["2", ["a.ts"]],
      ["3", []],
      ["4", ["c.ts"]],
    ]);
  });
});

describe("a file of results", () => {
  const one: ConditionCase = {
    condition: "lora",
    pointId: "p",
    commit: "c",
    isRewrite: false,
    accepted: true,
    similarity: 1,
  };
  const lora = CONDITIONS.find(({ name }) => name === "lora")!;
  let folder = "";
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), "kept-results-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it("gives back what was written, and drops the line that a stop cut off", () => {
    const file = path.join(folder, "deep", "cases.jsonl");
    openResultFile(file, "key").add(one);
    appendFileSync(file, '{"condition":"ba');
    const again = openResultFile(file, "key");
    assert.deepEqual(again.cases, [one]);
    assert.equal(again.has(lora, "p"), true);
    again.add({ ...one, pointId: "q" });
    assert.equal(openResultFile(file, "key").cases.length, 2);
  });

  it("begins anew for another measurement", () => {
    const file = path.join(folder, "cases.jsonl");
    openResultFile(file, "key").add(one);
    assert.deepEqual(openResultFile(file, "other key").cases, []);
    assert.deepEqual(openResultFile(file, "key").cases, []);
  });
});

describe("the comparison of conditions", () => {
  const case_ = (condition: ConditionName, id: number, accepted: boolean): ConditionCase => ({
    condition,
    pointId: `p${id}`,
    commit: `c${id % 10}`,
    isRewrite: false,
    accepted,
    similarity: accepted ? 1 : 0.5,
  });
  const ids = Array.from({ length: 40 }, (_, i) => i);
  const cases = [
    ...ids.map((id) => case_("base", id, id % 4 === 0)),
    ...ids.map((id) => case_("both", id, id % 2 === 0)),
  ];

  it("pairs by point and says how far above the base each is", () => {
    const [base, both] = compareConditions(cases);
    assert.equal(base!.acceptedGain, null);
    assert.equal(base!.acceptedAtLine, 0.25);
    assert.equal(both!.acceptedAtLine, 0.5);
    assert.equal(both!.acceptedGain!.difference, 0.25);
    assert.ok(both!.acceptedGain!.low > 0 && both!.acceptedGain!.high < 0.5);
    assert.equal(both!.commits, 10);
    assert.match(comparisonTable([base!, both!]), /both +40 +50\.0 % +\+25\.0 \[.*\] +\+100 %/);
  });

  it("leaves out points that the base was not asked at", () => {
    const [, both] = compareConditions(
      cases.filter(({ condition, pointId }) => condition === "both" || pointId < "p2"),
    );
    assert.equal(both!.points, ids.filter((id) => `p${id}` < "p2").length);
  });

  it("has no difference between conditions that were not measured", () => {
    assert.equal(acceptedDifference(cases, "lora", "wrong-lora"), null);
    assert.equal(acceptedDifference(cases, "both", "base")!.difference, 0.25);
  });
});
