import assert from "node:assert/strict";
import { FEATURE_NAMES, FEATURES_VERSION } from "../../../core/filter/features.ts";
import type { ShowFilter } from "../../../core/filter/show-filter.ts";
import { createHoldBack, SHOWN_ODDS } from "../../../extension/suggest/hold-back.ts";

const none = FEATURE_NAMES.map(() => 0);
/** Takes everything to be as likely as a coin, whatever it is. */
const filterWith = (threshold: number): ShowFilter => ({
  featuresVersion: FEATURES_VERSION,
  logistic: { means: none, scales: none.map(() => 1), weights: none, bias: 0 },
  boosted: { bias: 0, trees: [] },
  threshold,
  outcomes: 1_000,
  accepts: 200,
  measured: { outcomes: 200, badHeld: 0.5, acceptsHeld: 0.03 },
});
const OFFER = {
  completion: "a();",
  prefix: "",
  suffix: "",
  meanLogProbability: -1,
  tokens: 3,
  lowest: -2,
  first: -1,
  unlikely: 1,
};

describe("holding suggestions back", () => {
  it("does not happen before the server has a filter, or when it takes it away", () => {
    const holdBack = createHoldBack(() => 0.9);
    assert.equal(holdBack.judge(OFFER), null);
    holdBack.use(filterWith(0.6));
    assert.equal(holdBack.judge(OFFER)!.isHeldBack, true);
    holdBack.use(null);
    assert.equal(holdBack.judge(OFFER), null);
  });

  it("goes by the threshold, and says both figures", () => {
    const holdBack = createHoldBack(() => 0.9);
    holdBack.use(filterWith(0.4));
    assert.deepEqual(holdBack.judge(OFFER), { probability: 0.5, threshold: 0.4, isHeldBack: false });
    holdBack.use(filterWith(0.6));
    assert.deepEqual(holdBack.judge(OFFER), { probability: 0.5, threshold: 0.6, isHeldBack: true });
  });

  it("shows one in twenty all the same, and says so", () => {
    let draw = 0;
    const holdBack = createHoldBack(() => draw);
    holdBack.use(filterWith(0.6));
    assert.equal(holdBack.judge(OFFER)!.shownOdds, SHOWN_ODDS);
    assert.equal(holdBack.judge(OFFER)!.isHeldBack, false);
    draw = SHOWN_ODDS;
    assert.equal(holdBack.judge(OFFER)!.isHeldBack, true);
  });
});
