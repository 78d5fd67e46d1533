import assert from "node:assert/strict";
import fc from "fast-check";
import { calibrationOf } from "../../../core/labels/calibration.ts";
import { labelSuggestion } from "../../../core/labels/label.ts";
import { DEFAULT_LABEL_TABLE } from "../../../core/labels/label-table.ts";
import { LABEL_WEIGHTS, weightCounter, weightsOf, withWeights } from "../../../core/labels/label-weights.ts";
import { type JudgedSuggestion, MIN_VERDICTS, refitLabels } from "../../../core/labels/refit.ts";
import { type SignalEvent, summariseSignals } from "../../../core/labels/signals.ts";
import { createRandom } from "../../../core/statistics/random.ts";

const TABLES = { shipped: DEFAULT_LABEL_TABLE, inUse: DEFAULT_LABEL_TABLE, version: "mine" };
const shown: SignalEvent = { kind: "shown", completion: "const total = sum(items);" };

const eventsOf = fc
  .record({
    end: fc.constantFrom<SignalEvent>(
      { kind: "accepted", visibleMs: 900 },
      { kind: "rejected", visibleMs: 900 },
      { kind: "typed-over", visibleMs: 900 },
      { kind: "ignored", visibleMs: 100 },
      { kind: "partially-accepted", characters: 8, fraction: 0.4 },
      { kind: "typed-through", fraction: 1 },
    ),
    undone: fc.boolean(),
    left: fc.integer({ min: 0, max: 2 }),
    tokens: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    failed: fc.option(fc.double({ min: 0.1, max: 1, noNaN: true })),
    rated: fc.constantFrom<null | "up" | "down">(null, "up", "down"),
  })
  .map(({ end, undone, left, tokens, failed, rated }): SignalEvent[] => {
    const events: SignalEvent[] = [shown, end];
    if (undone) events.push({ kind: "undone", afterMs: 5_000 });
    events.push({ kind: "diagnostics", introduced: left, left });
    if (tokens !== null) events.push({ kind: "retained", afterMs: 3_600_000, tokens });
    if (failed !== null) events.push({ kind: "code-signal", verdict: "test-failed", name: "adds", share: failed });
    if (rated !== null) events.push({ kind: "rated", verdict: rated });
    return events;
  });

describe("weights of labels", () => {
  it("times how often they count are the label's log-odds without the verdict", () => {
    fc.assert(
      fc.property(eventsOf, (events) => {
        const signals = summariseSignals(events);
        const counts = weightCounter(DEFAULT_LABEL_TABLE)(signals);
        const odds = weightsOf(DEFAULT_LABEL_TABLE).reduce((sum, weight, at) => sum + weight * counts[at]!, 0);
        const { reasons } = labelSuggestion({ ...signals, rating: null }, DEFAULT_LABEL_TABLE);
        assert.ok(Math.abs(odds - reasons.reduce((sum, { lambda }) => sum + lambda, 0)) < 1e-9);
      }),
    );
  });

  it("go into a table and come out of it", () => {
    const weights = LABEL_WEIGHTS.map((_, at) => at / 8 - 1);
    const table = withWeights(DEFAULT_LABEL_TABLE, "mine", weights);
    assert.deepEqual(weightsOf(table), weights);
    assert.deepEqual([table.version, table.blame, table.ratedUp], ["mine", DEFAULT_LABEL_TABLE.blame, 2.5]);
    assert.deepEqual(withWeights(table, "3", weightsOf(DEFAULT_LABEL_TABLE)), DEFAULT_LABEL_TABLE);
  });
});

describe("calibration", () => {
  it("is the Brier score, the log-loss and a diagram of what came", () => {
    const { brier, logLoss, error, bins } = calibrationOf([0.9, 0.9, 0.2, 0.2, 1], [true, false, false, false, true]);
    assert.ok(Math.abs(brier - (0.01 + 0.81 + 0.04 + 0.04) / 5) < 1e-12);
    assert.ok(Math.abs(logLoss + (Math.log(0.9) + Math.log(0.1) + 2 * Math.log(0.8)) / 5) < 1e-12);
    assert.deepEqual(
      bins.map(({ predicted, observed, cases }) => [Number(predicted.toFixed(3)), Number(observed.toFixed(3)), cases]),
      [
        [0.2, 0, 2],
        [0.933, 0.667, 3],
      ],
    );
    assert.ok(Math.abs(error - (2 * 0.2 + 3 * (2.8 / 3 - 2 / 3)) / 5) < 1e-12);
  });
});

describe("refitting label weights", () => {
  /** A person for whom an accept means little, and a rejection is meant: given as the chance of a good verdict. */
  const judged = (n: number, chanceOf: { accepted: number; rejected: number }, seed = 1): JudgedSuggestion[] => {
    const random = createRandom(seed);
    return Array.from({ length: n }, (_, at) => {
      const kind = at % 2 === 0 ? "accepted" : "rejected";
      const signals = summariseSignals([shown, { kind, visibleMs: 900 }]);
      return { signals, good: random() < chanceOf[kind], group: `g${at}` };
    });
  };

  it("wants 200 verdicts", () => {
    const few = judged(MIN_VERDICTS - 1, { accepted: 0.5, rejected: 0.5 });
    assert.deepEqual(refitLabels(few, TABLES), { ok: false, reason: "too-few-verdicts", verdicts: 199 });
  });

  it("finds what signals are worth to this person, keeps what no verdict speaks of, and shows the gain", () => {
    const refit = refitLabels(judged(2_000, { accepted: 0.5, rejected: 0.02 }), TABLES);
    assert.ok(refit.ok);
    const { table, report } = refit;
    assert.ok(Math.abs(table.accepted) < 0.2, String(table.accepted));
    assert.ok(Math.abs(table.rejectedAfterRead - Math.log(0.02 / 0.98)) < 0.6, String(table.rejectedAfterRead));
    assert.deepEqual({ ...table, version: "3", accepted: 1, rejectedAfterRead: -1.2 }, DEFAULT_LABEL_TABLE);
    assert.ok(report.after.brier < report.before.brier && report.gain.low > 0, JSON.stringify(report.gain));
    assert.ok(report.after.error < report.before.error);
    assert.deepEqual([report.verdicts, report.withSignals], [2_000, 2_000]);
    assert.deepEqual(
      report.weights.filter(({ cases }) => cases > 0).map(({ name, cases }) => [name, cases]),
      [
        ["accepted", 1_000],
        ["rejectedAfterRead", 1_000],
      ],
    );
  });

  it("claims no gain for a person whom the shipped weights fit, in any of eight draws", () => {
    const chances = { accepted: 1 / (1 + Math.exp(-1)), rejected: 1 / (1 + Math.exp(1.2)) };
    const claims = Array.from({ length: 8 }, (_, seed) => refitLabels(judged(300, chances, seed), TABLES)).filter(
      (refit) => refit.ok && refit.report.gain.low > 0,
    );
    assert.ok(claims.length === 0, String(claims.length));
  });

  it("gives the same table for the same verdicts", () => {
    const list = judged(400, { accepted: 0.7, rejected: 0.2 });
    assert.deepEqual(refitLabels(list, TABLES), refitLabels(list, TABLES));
  });
});
