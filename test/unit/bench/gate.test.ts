import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { GateCase } from "../../../core/evaluation/gate.ts";
import { createRandom } from "../../../core/statistics/random.ts";
import { pairLines, readPairs } from "../../bench/gate/pairs.ts";
import { createSimulation, type Simulation } from "../../bench/gate/simulate.ts";

/** 300 cases of 60 commits; the adapter has a better loss, and both are right where the other is not now and then. */
const measured = (): GateCase[] => {
  const random = createRandom(7);
  return Array.from({ length: 300 }, (_, at) => {
    const draw = random();
    const side = (accepted: boolean, heldOutLoss: number) => ({
      acceptedAtLine: accepted,
      editSimilarity: accepted ? 1 : Number(random().toFixed(3)),
      heldOutLoss: Number(heldOutLoss.toFixed(4)),
    });
    return {
      group: `commit ${Math.floor(at / 5)}`,
      champion: side(draw < 0.1, 2 + random()),
      challenger: side(draw > 0.04 && draw < 0.13, 1.7 + random()),
    };
  });
};

const meanOf = (cases: readonly GateCase[], of: (one: GateCase) => number): number =>
  cases.reduce((sum, one) => sum + of(one), 0) / cases.length;
const accepted = (one: GateCase) => Number(one.challenger.acceptedAtLine) - Number(one.champion.acceptedAtLine);
const lossGain = (one: GateCase) => one.champion.heldOutLoss - one.challenger.heldOutLoss;

describe("replays of the gate", () => {
  const check = (name: string, simulation: Simulation, gain: number): void => {
    it(`${name}: accepted@line differs by ${simulation.effect}, the loss by ${gain}`, () => {
      const pairs = measured();
      const cases = createSimulation(pairs, simulation)(60_000, createRandom(3));
      assert.equal(cases.length, 60_000);
      assert.ok(Math.abs(meanOf(cases, accepted) - simulation.effect) < 0.004, `${meanOf(cases, accepted)}`);
      const wanted = gain * meanOf(pairs, lossGain);
      assert.ok(Math.abs(meanOf(cases, lossGain) - wanted) < 0.03, `${meanOf(cases, lossGain)}`);
    });
  };
  check("A/A", { effect: 0, loss: "like-acceptance" }, 0);
  check("better", { effect: 0.03, loss: 1 }, 1);
  check("better by less loss", { effect: 0.03, loss: 1 / 3 }, 1 / 3);
  check("worse", { effect: -0.03, loss: -1 }, -1);
  check("worse behind a better loss", { effect: -0.03, loss: 1 }, 1);

  it("keep commits together", () => {
    const cases = createSimulation(measured(), { effect: 0, loss: "like-acceptance" })(1_000, createRandom(1));
    const sizes = [...Map.groupBy(cases, ({ group }) => group).values()].map((group) => group.length);
    assert.deepEqual(new Set(sizes), new Set([5]));
  });

  it("read the pairs that were written", () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), "kept-pairs-"));
    try {
      const file = path.join(dir, "pairs.tsv");
      const pairs = measured();
      writeFileSync(file, pairLines(pairs));
      const read = readPairs(file);
      assert.deepEqual(
        read.map(({ champion, challenger }) => ({ champion, challenger })),
        pairs.map(({ champion, challenger }) => ({ champion, challenger })),
      );
      assert.equal(new Set(read.map(({ group }) => group)).size, 60);
      writeFileSync(file, `${pairLines(pairs)}1\t2\n`);
      assert.throws(() => readPairs(file), /:302 is no case/);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
