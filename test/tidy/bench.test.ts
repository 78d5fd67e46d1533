import { median, table, toReport, type Bar } from "../bench/harness/report.ts";
import assert from "node:assert/strict";

const place = { commit: "abc", machine: { cpu: "c", cores: 2, memoryGb: 4, gpu: "none" } };

function check(bar: Omit<Bar, "name">, holds: boolean): void {
  it(`${bar.value} is ${holds ? "" : "not "}${bar.want} ${bar.target}`, () => {
    const report = toReport("b", { metrics: { m: 1 }, bars: [{ name: "bar", ...bar }] }, place);
    assert.deepEqual(report.bars, [{ name: "bar", value: bar.value, target: bar.target, holds }]);
    assert.match(table(report), holds ? /holds/ : /missed/);
  });
}

describe("benchmark bars", () => {
  check({ value: 2, target: 1, want: "at-least" }, true);
  check({ value: 1, target: 1, want: "at-least" }, true);
  check({ value: 0, target: 1, want: "at-least" }, false);
  check({ value: 2, target: 1, want: "at-most" }, false);
  check({ value: 1, target: 1, want: "at-most" }, true);
  check({ value: Number.NaN, target: 1, want: "at-most" }, false);
  it("takes the middle of its runs", () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
  });
});
