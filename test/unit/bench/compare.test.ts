import { parseBaselineLine, readBaseline, RETRIEVAL, type BaselineScore } from "../../bench/base/baseline.ts";
import { compareWithBaseline, meansOf, sliceFigures, type PointScore } from "../../bench/base/compare.ts";
import { createRandom } from "../../../core/statistics/random.ts";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const score = (id: string, accepted: number, extra: Partial<PointScore> = {}): PointScore => {
  return { id, commit: id.split("-")[0]!, accepted, similarity: accepted, nHunkDeleted: 0, isMidLine: false, ...extra };
};
const theirs = (scores: Record<string, number>): Map<string, BaselineScore> =>
  new Map(Object.entries(scores).map(([id, accepted]) => [id, { accepted, similarity: accepted / 2 }]));

describe("comparing with a baseline", () => {
  it("joins by id, and counts no point that one side lacks", () => {
    const ours = [score("a-1", 1), score("a-2", 0), score("b-1", 1), score("c-9", 1)];
    const baseline = theirs({ "b-1": 0, "a-2": 1, "a-1": 0, "d-1": 1, "d-2": 1 });
    const { nPoints, nCommits, difference } = compareWithBaseline(ours, baseline);
    assert.deepEqual({ nPoints, nCommits, difference }, { nPoints: 3, nCommits: 2, difference: 1 / 3 });
  });

  it("draws whole commits: points of one commit do not make the interval narrower", () => {
    const ours: PointScore[] = [];
    const baseline = new Map<string, BaselineScore>();
    const add = (commit: number, copies: number) => {
      for (let copy = 0; copy < copies; copy += 1) {
        ours.push(score(`${commit}-${copy}`, commit % 2));
        baseline.set(`${commit}-${copy}`, { accepted: 0, similarity: 0 });
      }
    };
    for (let commit = 0; commit < 20; commit += 1) add(commit, 1);
    const once = compareWithBaseline(ours, baseline);
    ours.length = 0;
    for (let commit = 0; commit < 20; commit += 1) add(commit, 10);
    const tenTimes = compareWithBaseline(ours, baseline);
    assert.equal(tenTimes.nPoints, 200);
    assert.deepEqual([tenTimes.low, tenTimes.high], [once.low, once.high]);
  });

  it("covers the true difference about as often as it says", () => {
    const random = createRandom(7);
    const truth = 0.1;
    const nTrials = 60;
    let nCovered = 0;
    for (let trial = 0; trial < nTrials; trial += 1) {
      const ours: PointScore[] = [];
      const baseline = new Map<string, BaselineScore>();
      for (let commit = 0; commit < 40; commit += 1) {
        // Points of a commit are alike: the commit decides how easy they are.
        const ease = random() * 0.6;
        for (let point = 0; point < 4; point += 1) {
          const id = `${commit}-${point}`;
          ours.push(score(id, Number(random() < ease + truth)));
          baseline.set(id, { accepted: Number(random() < ease), similarity: 0 });
        }
      }
      const { low, high } = compareWithBaseline(ours, baseline);
      nCovered += Number(low <= truth && truth <= high);
      // 160 points, were they independent, would give 0.2; 4 equal ones a commit, 0.4.
      assert.ok(high - low < 0.4, `${low} to ${high}`);
    }
    // 57 are expected; fewer than 50 has a probability below 1 in 1,000.
    assert.ok(nCovered >= 50, `${nCovered} of ${nTrials}`);
  });

  it("tells insertions from rewrites and the middle of a line from its start", () => {
    const ours = [score("a-1", 1), score("a-2", 0, { nHunkDeleted: 3 }), score("b-1", 1, { isMidLine: true })];
    const figures = sliceFigures(ours, theirs({ "a-1": 0, "a-2": 1 }));
    assert.equal(figures["insertions.points"], 2);
    assert.equal(figures["insertions.acceptedAtLine"], 1);
    assert.equal(figures["insertions.retrieval.acceptedAtLine"], 0);
    assert.equal(figures["rewrites.points"], 1);
    assert.equal(figures["rewrites.retrieval.editSimilarity"], 0.5);
    assert.equal(figures["midLine.points"], 1);
    assert.equal(figures["midLine.retrieval.acceptedAtLine"], undefined);
    assert.equal(figures["lineStart.acceptedAtLine"], 0.5);
  });

  it("says nothing of slices without points, and of retrieval without a baseline", () => {
    assert.deepEqual(
      Object.keys(sliceFigures([score("a-1", 1)], null)).filter((name) => /rewrites|midLine|retrieval/.test(name)),
      [],
    );
    assert.deepEqual(meansOf([score("a-1", 1), score("a-2", 0)], null), { acceptedAtLine: 0.5, editSimilarity: 0.5 });
  });
});

describe("per-point baselines", () => {
  it("are read by method", async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "kept-baseline-"));
    try {
      const file = path.join(folder, "x.baseline-points.tsv");
      const row = (id: string, method: string, accepted: string) => `${id}\tc1\t${method}\t${accepted}\t0.976\n`;
      writeFileSync(file, row("p-1", "cont.ret", "1") + row("p-1", RETRIEVAL, "0") + row("p-2", RETRIEVAL, "1"));
      assert.deepEqual(
        [...(await readBaseline(file, AbortSignal.timeout(10_000)))].map(([id, { accepted }]) => [id, accepted]),
        [
          ["p-1", 0],
          ["p-2", 1],
        ],
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("have no row for a head or an empty line", () => {
    assert.equal(parseBaselineLine("id\tcommit\tmethod\tem\tes"), null);
    assert.equal(parseBaselineLine(""), null);
  });
});
