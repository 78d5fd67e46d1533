import { windowOf } from "../../bench/base/compression.ts";
import { metricsOf, revisionOf } from "../../bench/base/measurement.ts";
import { createProgress } from "../../bench/base/progress.ts";
import { toReport } from "../../bench/harness/report.ts";
import assert from "node:assert/strict";

const place = { commit: "abc", machine: { cpu: "c", cores: 2, memoryGb: 4, gpu: "none" } };

describe("the base benchmark", () => {
  it("names a sample by its cases, their order and their bounds", () => {
    const revisions = [["ab", "c"], ["a", "bc"], ["c", "ab"], ["ab"], []].map((texts) => revisionOf(texts));
    assert.equal(new Set(revisions).size, revisions.length);
    assert.equal(revisionOf(["ab", "c"]), revisionOf(["ab", "c"]));
  });

  it("names each metric after its data", () => {
    const base = { task: "replay", revision: "", limit: 1 } as const;
    assert.deepEqual(
      metricsOf([
        { ...base, dataset: "x", figures: { points: 1 }, details: { "rewrites.points": 2 } },
        { ...base, dataset: "y", figures: { points: 3 }, details: {} },
      ]),
      { "x.points": 1, "x.rewrites.points": 2, "y.points": 3 },
    );
  });

  it("predicts from the line that the 600th character stands in", () => {
    const line = `${"x".repeat(99)}\n`;
    const window = windowOf(`${line.repeat(5)}${"y".repeat(150)}\n${line.repeat(20)}`)!;
    assert.equal(window.shown, line.repeat(5));
    assert.ok(window.predicted.startsWith("yyy"));
    assert.equal(window.shown.length + window.predicted.length, 1_500);
  });

  it("leaves out files that are too short, or one long line", () => {
    assert.equal(windowOf("x\n".repeat(400)), null);
    assert.equal(windowOf("x".repeat(2_000)), null);
    assert.ok(windowOf("x\n".repeat(500)));
  });

  it("says now and then how far it is", () => {
    const said: string[] = [];
    const step = createProgress(new AbortController().signal, (line) => said.push(line)).counter("points", 120);
    for (let done = 0; done < 120; done += 1) step();
    assert.deepEqual(said, ["points: 50 of 120", "points: 100 of 120", "points: 120 of 120"]);
  });

  it("reports what must hold behind the bars", () => {
    const bar = { name: "m", value: 1, target: 0, want: "at-most" } as const;
    const report = toReport("b", { metrics: {}, bars: [{ ...bar, name: "b" }], mustHold: [bar] }, place);
    assert.deepEqual(
      report.bars.map(({ name, holds }) => [name, holds]),
      [
        ["b", false],
        ["m", false],
      ],
    );
  });
});
