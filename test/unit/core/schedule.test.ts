import assert from "node:assert/strict";
import fc from "fast-check";
import { decideGivingWay, decideTraining, DEFAULT_SCHEDULE, type ScheduleFacts } from "../../../core/schedule.ts";

const NOW = 1_760_000_000_000;
const HOUR_MS = 3_600_000;
const FACTS: ScheduleFacts = {
  now: NOW,
  hour: 14,
  newLabels: 250,
  lastRunAt: NOW - 24 * HOUR_MS,
  lastNightAt: null,
  isTraining: false,
  lastEventAt: NOW - HOUR_MS,
  onBattery: false,
  hasDrifted: false,
  servesForgotten: false,
};
const decide = (facts: Partial<ScheduleFacts>, settings = {}) =>
  decideTraining({ ...DEFAULT_SCHEDULE, ...settings }, { ...FACTS, ...facts });

describe("the schedule of training", () => {
  for (const [what, facts, settings, expected] of [
    ["starts with enough new labels", {}, {}, { kind: "start", trigger: "labels" }],
    ["starts the first run too", { lastRunAt: null, lastEventAt: null }, {}, { kind: "start", trigger: "labels" }],
    ["rests with too few", { newLabels: 199 }, {}, { kind: "rest", reason: "nothing-new" }],
    ["starts at night with some", { newLabels: 20, hour: 2 }, {}, { kind: "start", trigger: "nightly" }],
    ["not with hardly any", { newLabels: 19, hour: 2 }, {}, { kind: "rest", reason: "nothing-new" }],
    [
      "once a night",
      { newLabels: 20, hour: 5, lastNightAt: NOW - 3 * HOUR_MS },
      {},
      { kind: "rest", reason: "nothing-new" },
    ],
    [
      "every night",
      { newLabels: 20, hour: 2, lastNightAt: NOW - 24 * HOUR_MS },
      {},
      { kind: "start", trigger: "nightly" },
    ],
    ["not in the morning", { newLabels: 20, hour: 6 }, {}, { kind: "rest", reason: "nothing-new" }],
    [
      "not at night where that is off",
      { newLabels: 20, hour: 2 },
      { nightly: false },
      { kind: "rest", reason: "nothing-new" },
    ],
    ["starts on drift", { newLabels: 20, hasDrifted: true }, {}, { kind: "start", trigger: "drift" }],
    [
      "not where that is off",
      { newLabels: 20, hasDrifted: true },
      { drift: false },
      { kind: "rest", reason: "nothing-new" },
    ],
    [
      "starts when what is served remembers what was forgotten, without anything new",
      { newLabels: 0, servesForgotten: true },
      {},
      { kind: "start", trigger: "forgotten" },
    ],
    ["rests where it is off", {}, { automatic: false }, { kind: "rest", reason: "off" }],
    ["rests where examples alone are wanted", {}, { strategy: "in-context" }, { kind: "rest", reason: "off" }],
    ["waits for a run", { isTraining: true }, {}, { kind: "wait", trigger: "labels", for: "run" }],
    ["waits after a run", { lastRunAt: NOW - HOUR_MS + 1 }, {}, { kind: "wait", trigger: "labels", for: "gap" }],
    [
      "waits while somebody works",
      { lastEventAt: NOW - 299_999 },
      {},
      { kind: "wait", trigger: "labels", for: "idle" },
    ],
    ["waits for mains power", { onBattery: true }, {}, { kind: "wait", trigger: "labels", for: "mains" }],
    ["unless it need not", { onBattery: true }, { onBattery: true }, { kind: "start", trigger: "labels" }],
    [
      "does not wait for a clock that was set back",
      { lastRunAt: NOW + 99 * HOUR_MS, lastEventAt: NOW + 99 * HOUR_MS },
      {},
      { kind: "start", trigger: "labels" },
    ],
  ] as const) {
    it(what, () => assert.deepEqual(decide(facts, settings), expected));
  }

  it("never starts beside a run, while somebody works, or where it is off", () => {
    const facts = fc.record({
      newLabels: fc.nat(1_000),
      hour: fc.integer({ min: 0, max: 23 }),
      isTraining: fc.boolean(),
      lastEventAt: fc.option(fc.integer({ min: NOW - 2 * HOUR_MS, max: NOW })),
      lastRunAt: fc.option(fc.integer({ min: NOW - 2 * HOUR_MS, max: NOW })),
      onBattery: fc.boolean(),
      hasDrifted: fc.boolean(),
    });
    fc.assert(
      fc.property(facts, fc.boolean(), (some, automatic) => {
        if (decide(some, { automatic }).kind !== "start") return;
        assert.ok(automatic && !some.isTraining && !some.onBattery && some.newLabels >= 20);
        assert.ok(some.lastEventAt === null || NOW - some.lastEventAt >= 300_000);
        assert.ok(some.lastRunAt === null || NOW - some.lastRunAt >= HOUR_MS);
      }),
    );
  });
});

describe("a run that the schedule started", () => {
  const quiet = { now: NOW, tenthEventAt: NOW - HOUR_MS, lastEventAt: NOW - HOUR_MS, onBattery: false };
  for (const [what, facts, settings, expected] of [
    ["goes on when nobody is there", {}, {}, "go-on"],
    ["goes on before the first event", { tenthEventAt: null, lastEventAt: null }, {}, "go-on"],
    ["is paused while somebody types hard", { tenthEventAt: NOW - 59_999, lastEventAt: NOW }, {}, "pause"],
    ["stays as it is beside somebody who reads", { tenthEventAt: NOW - 60_000, lastEventAt: NOW }, {}, "stay"],
    ["is paused on the battery", { onBattery: true }, {}, "pause"],
    ["unless it need not be", { onBattery: true }, { onBattery: true }, "go-on"],
  ] as const) {
    it(what, () =>
      assert.equal(decideGivingWay({ ...DEFAULT_SCHEDULE, ...settings }, { ...quiet, ...facts }), expected),
    );
  }
});
