import assert from "node:assert/strict";
import fc from "fast-check";
import type { SuggestionRow, TrainingProgress, TrainingRun } from "../../protocol/api.ts";
import { curveCsv, curveJson, sampledPoints } from "../../media/dashboard/curve-file.ts";
import { chartData, smoothed } from "../../media/dashboard/chart-data.ts";
import { mainRun, mergePoints } from "../../media/dashboard/dashboard-state.ts";
import { backOffMs, parseStreamEvent } from "../../media/dashboard/event-stream.ts";
import { intervalScale } from "../../media/dashboard/interval-plot.ts";
import { type StageName, stageState } from "../../media/dashboard/loop-diagram.ts";
import {
  filterOfQuery,
  filterSuggestions,
  NO_FILTER,
  queryWithFilter,
} from "../../media/dashboard/suggestion-filter.ts";

const point = (step: number, loss = 1, validationLoss: number | null = null): TrainingProgress => ({
  runId: "r",
  step,
  totalSteps: 100,
  loss,
  validationLoss,
  tokensPerSecond: 500,
  secondsLeft: 10,
});
const steps = (points: readonly TrainingProgress[]) => points.map(({ step }) => step);

describe("curve points", () => {
  it("append in order", () => assert.deepEqual(steps(mergePoints([point(1)], [point(2)])), [1, 2]));
  it("fill in what was missed", () =>
    assert.deepEqual(steps(mergePoints([point(5)], [point(1), point(2), point(5)])), [1, 2, 5]));
  it("take the newer value of a step", () => assert.equal(mergePoints([point(1, 3)], [point(1, 2)])[0]?.loss, 2));
  it("are always ascending and complete", () => {
    const lists = fc.array(fc.integer({ min: 0, max: 50 }));
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        const held = mergePoints(
          [],
          a.map((step) => point(step)),
        );
        const merged = steps(
          mergePoints(
            held,
            b.map((step) => point(step)),
          ),
        );
        assert.deepEqual(
          merged,
          [...new Set([...a, ...b])].sort((x, y) => x - y),
        );
      }),
    );
  });
  it("sample to a limit with the ends and every validation", () => {
    const points = Array.from({ length: 1_000 }, (_, step) => point(step, 1, step === 333 ? 2 : null));
    const sampled = steps(sampledPoints(points, 100));
    assert.ok(sampled.length <= 102);
    assert.ok(sampled.includes(0) && sampled.includes(333) && sampled.includes(999));
  });
  it("are smooth for a constant and never leave the range", () => {
    assert.deepEqual(smoothed([2, 2, 2], 1), [2, 2, 2]);
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1 }), (values) => {
        for (const value of smoothed(values, 3)) {
          assert.ok(value >= Math.min(...values) - 1e-9 && value <= Math.max(...values) + 1e-9);
        }
      }),
    );
  });
  it("draw a validation loss where it was measured, not where it is repeated", () => {
    const [, , , validation] = chartData([point(1, 3, null), point(2, 3, 2.5), point(3, 3, 2.5), point(4, 3, 2)]);
    assert.deepEqual(validation, [null, 2.5, null, 2]);
  });
  it("export to CSV with an empty field where there was no validation", () =>
    assert.equal(
      curveCsv([point(1, 2.5), point(2, 2, 2.25)]),
      "step,totalSteps,loss,validationLoss,tokensPerSecond,secondsLeft\r\n1,100,2.5,,500,10\r\n2,100,2,2.25,500,10\r\n",
    ));
  it("is CSV of numbers alone, whatever a point claims to be (G44)", () => {
    const hostile = ["=cmd|'/c calc'!A1", "+1+1", "@SUM(A1)", "-1+1", '",x'].map((text, step) => ({
      ...point(step + 1, 1),
      loss: text as never,
      totalSteps: text as never,
    }));
    for (const line of curveCsv(hostile).trim().split("\r\n").slice(1)) assert.match(line, /^\d,,,,500,10$/);
  });
  it("export to JSON that reads back", () => {
    const back = JSON.parse(curveJson("r", [point(1, 2.5, 3)])) as { runId: string; points: unknown[] };
    assert.equal(back.runId, "r");
    assert.deepEqual(back.points, [
      { step: 1, totalSteps: 100, loss: 2.5, validationLoss: 3, tokensPerSecond: 500, secondsLeft: 10 },
    ]);
  });
});

describe("suggestion filter", () => {
  const row = (changes: Partial<SuggestionRow>): SuggestionRow => ({
    id: "s",
    shownAt: "2026-01-01T00:00:00.000Z",
    source: "editor",
    path: "src/a.ts",
    language: "typescript",
    line: 0,
    completion: "return sum;",
    outcome: "accepted",
    rating: null,
    retained: null,
    survived: null,
    model: { base: "b", adapter: null },
    label: null,
    ...changes,
  });
  const check = (filter: Partial<typeof NO_FILTER>, row_: SuggestionRow, matches: boolean) =>
    assert.equal(filterSuggestions([row_], { ...NO_FILTER, ...filter }).length === 1, matches);

  it("lets everything through when empty", () => check({}, row({}), true));
  it("compares the outcome whole", () => check({ outcome: "accept" }, row({}), false));
  it("finds text in any case in the completion", () => check({ text: "RETURN Sum" }, row({}), true));
  it("finds text in the path", () => check({ text: "src/a" }, row({}), true));
  it("takes special characters literally", () => check({ text: ".*" }, row({}), false));
  it("knows suggestions without a label", () => check({ label: "none" }, row({}), true));
  it("drops labels that there are not", () => assert.equal(filterOfQuery("?label=evil").label, ""));
  it("cuts over-long values", () => assert.equal(filterOfQuery(`?q=${"x".repeat(5_000)}`).text.length, 200));
  it("survives the address and leaves other parameters alone", () => {
    fc.assert(
      fc.property(
        fc.record({
          outcome: fc.string({ maxLength: 100 }),
          label: fc.constantFrom("", "good", "bad", "unknown", "none"),
          text: fc.string({ maxLength: 100 }),
        }),
        (filter) => {
          const query = queryWithFilter("?run=7", filter);
          assert.deepEqual(filterOfQuery(query), { ...filter });
          assert.equal(new URLSearchParams(query).get("run"), "7");
        },
      ),
    );
  });
});

describe("event stream", () => {
  const check = (name: string, data: string, known: boolean) =>
    assert.equal(parseStreamEvent(name, data) !== null, known);
  it("reads a known event", () => check("suggestion", '{"id":"a"}', true));
  it("ignores unknown names", () => check("surprise", "{}", false));
  it("ignores names of the object prototype", () => check("constructor", "{}", false));
  it("ignores what is not JSON", () => check("suggestion", "{", false));
  it("ignores values of another form", () => check("suggestion", '{"id":7}', false));
  it("doubles its waits up to a limit, with jitter over the upper half", () => {
    assert.deepEqual(
      [1, 2, 3, 6, 20].map((attempt) => backOffMs(attempt, 1)),
      [500, 1_000, 2_000, 15_000, 15_000],
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, jitter) => {
        const waitMs = backOffMs(attempt, jitter);
        assert.ok(waitMs >= 250 && waitMs <= 15_000);
      }),
    );
  });
});

describe("interval scale", () => {
  it("holds zero, both ends and a few round ticks, whatever the interval", () => {
    const value = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(value, value, (a, b) => {
        const low = Math.min(a, b);
        const high = Math.max(a, b);
        const { x, ticks } = intervalScale({ low, high, difference: (low + high) / 2 });
        for (const at of [x(0), x(low), x(high)]) assert.ok(at >= 14 - 1e-6 && at <= 346 + 1e-6);
        assert.ok(x(low) <= x(high));
        assert.ok(ticks.length >= 2 && ticks.length <= 7, `${ticks.length} ticks`);
      }),
    );
  });
});

describe("loop stages", () => {
  const run = (changes: Partial<TrainingRun>): TrainingRun => ({
    id: "r",
    strategy: "lora",
    state: "running",
    stage: "train",
    createdAt: "2026-01-01T00:00:00.000Z",
    finishedAt: null,
    datasetId: null,
    versionId: null,
    error: null,
    trainLoss: null,
    evaluation: null,
    ...changes,
  });
  const NAMES: readonly StageName[] = ["suggest", "observe", "collect", "train", "test", "deploy"];
  const check = (value: TrainingRun | null, states: string) =>
    assert.equal(NAMES.map((name) => stageState(name, value, { status: null })[0]).join(""), states);

  it("are idle without a run", () => check(null, "iiiiii"));
  it("are idle while the run waits", () => check(run({ state: "queued", stage: "queued" }), "iiiiii"));
  it("show where the run is", () => check(run({}), "iidaii"));
  it("show the test after the training", () => check(run({ stage: "test" }), "iiddai"));
  it("show where a run failed", () => check(run({ state: "failed", stage: "collect" }), "iifiii"));
  it("are done after a promoted run", () => check(run({ state: "succeeded", stage: "done" }), "iidddd"));

  it("look at the active run before newer ones", () => {
    const ended = run({ id: "new", state: "cancelled", createdAt: "2026-02-01T00:00:00.000Z" });
    assert.equal(mainRun([ended, run({ id: "active" })])?.id, "active");
    assert.equal(mainRun([ended])?.id, "new");
    assert.equal(mainRun([]), null);
  });
});
