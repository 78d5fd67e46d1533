import assert from "node:assert/strict";
import fc from "fast-check";
import { DEFAULT_LABEL_TABLE } from "../../../core/labels/label-table.ts";
import { labelSuggestion, type SuggestionLabel } from "../../../core/labels/label.ts";
import { type SignalEvent, summariseSignals } from "../../../core/labels/signals.ts";
import { survivalQuality } from "../../../core/labels/survival-quality.ts";
import type { KeptEvent } from "../../../protocol/events.ts";

/** Twenty significant tokens: a suggestion with a full say. */
const COMPLETION = Array.from({ length: 20 }, (_, at) => `w${at}`).join(" ");

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: MINUTE, h: HOUR, d: DAY };

/**
 * Events from a line such as `read accepted retained@10m=.5 head@1d=0:revert`: a fraction after `=`, a time
 * after the accept behind `@`, a cause behind `:`; `?` is a censored observation.
 */
const events = (script: string): SignalEvent[] => [
  { kind: "shown", completion: COMPLETION },
  ...script
    .split(" ")
    .filter((word) => word !== "")
    .map(eventOf),
];

const eventOf = (word: string): SignalEvent => {
  const [, name = "", time = "0s", value = "", cause] =
    /^([a-z-]+)(?:@(\w+))?(?:=([\d.?]+))?(?::(\w+))?$/.exec(word) ?? [];
  const afterMs = parseFloat(time) * (UNITS[time.at(-1) ?? "s"] ?? 1);
  const tokens = value === "?" || value === "" ? null : Number(value);
  switch (name) {
    case "read":
      return { kind: name, visibleMs: 900 };
    case "accepted":
    case "rejected":
    case "typed-over":
    case "ignored":
      return { kind: name, visibleMs: 100 };
    case "partially-accepted":
      return { kind: name, characters: 10, fraction: tokens ?? 0 };
    case "typed-through":
      return { kind: name, fraction: tokens ?? 0 };
    case "undone":
    case "redone":
      return { kind: name, afterMs };
    case "up":
    case "down":
    case "withdrawn":
      return { kind: "rated", verdict: name };
    case "retained":
      return { kind: name, afterMs, tokens, cause };
    case "loss":
    case "gain":
      return { kind: name, fraction: tokens ?? 0 };
    case "errors":
      return { kind: "diagnostics", introduced: 3, left: tokens ?? 0 };
    case "head":
    case "elsewhere":
    case "nowhere":
    case "unknown":
      return { kind: "survived", commit: "c", afterMs, tokens, place: name, cause };
    default:
      throw new Error(`no event ${word}`);
  }
};

const label = (script: string): SuggestionLabel => labelSuggestion(summariseSignals(events(script)));

const sigmoid = (odds: number): number => 1 / (1 + Math.exp(-odds));

describe("labelSuggestion", () => {
  /** The verdict, the sum of log-odds, and the signals named. */
  const check = (script: string, verdict: SuggestionLabel["verdict"], odds: number, signals: string): void => {
    it(`${script || "only shown"}: ${verdict}`, () => {
      const found = label(script);
      assert.equal(found.verdict, verdict);
      assert.equal(found.reasons.map((reason) => reason.signal).join(" "), signals);
      const sum = found.reasons.reduce((total, reason) => total + reason.lambda, 0);
      assert.ok(Math.abs(sum - odds) < 1e-9, `log-odds ${sum}, not ${odds}`);
      assert.equal(found.weight === 0, verdict === "unknown");
      assert.equal(found.version, DEFAULT_LABEL_TABLE.version);
    });
  };
  check("", "unknown", 0, "");
  check("accepted", "good", 1, "accepted");
  check("partially-accepted=.5", "unknown", 0.5, "partially-accepted");
  check("partially-accepted=.3 partially-accepted=.9", "good", 0.9, "partially-accepted");
  check("partially-accepted=.4 accepted", "good", 1, "accepted");
  check("typed-through=1", "good", 1.2, "typed-through");
  check("typed-through=.6", "unknown", 0, "");
  check("typed-through=.2 read typed-over", "unknown", 0, "");
  check("read rejected", "bad", -1.2, "rejected");
  check("rejected", "unknown", 0, "");
  check("read typed-over", "unknown", -0.8, "typed-over");
  check("read ignored", "unknown", -0.3, "ignored");
  check("ignored", "unknown", 0, "");
  check("accepted undone@5s", "unknown", -0.5, "accepted undone");
  check("accepted undone@2m", "good", 1, "accepted");
  check("accepted undone@5s redone@1s", "good", 1, "accepted");
  check("accepted undone@5s down", "bad", -3, "accepted undone rated-down");
  check("accepted errors=2", "unknown", 0.2, "accepted diagnostics");
  check("accepted errors=0", "good", 1, "accepted");
  check("rejected errors=1", "unknown", -0.8, "diagnostics");
  check("accepted loss=.5:quick_rewrite gain=.5", "good", 1, "accepted");
  check("up", "good", 2.5, "rated-up");
  check("down", "bad", -2.5, "rated-down");
  check("read rejected up", "good", 1.3, "rejected rated-up");
  check("accepted down", "bad", -1.5, "accepted rated-down");
  check("down up", "good", 2.5, "rated-up");
  check("accepted down withdrawn", "good", 1, "accepted");
  check("read rejected up withdrawn", "bad", -1.2, "rejected");
  check("accepted retained@10m=1", "good", 2, "accepted survival");
  check("accepted retained@10m=?", "good", 1, "accepted");
  check("accepted head@30d=1", "good", 3, "accepted survival");
  check("accepted head@1h=1 head@30d=0:refactor", "good", 1 + 2 * (1 - 0.2 / 2), "accepted survival");
  check("accepted head@5m=1 nowhere@8m=0:revert", "unknown", 1 - 2 * (8 / 18), "accepted survival");
  check("accepted retained@10m=0", "unknown", 1 + 2 * (2 * 0.2 - 1) * 0.5, "accepted survival");
  check("accepted unknown@1d=?", "good", 1, "accepted");
  check("accepted nowhere@1d=0", "good", 1, "accepted");

  it("gives p = sigmoid of the sum and the weight |2p - 1|", () => {
    const found = label("accepted");
    assert.ok(Math.abs(found.probability - sigmoid(1)) < 1e-12);
    assert.ok(Math.abs(found.weight - (2 * sigmoid(1) - 1)) < 1e-12);
  });

  it("never contradicts a human verdict by its probability", () => {
    assert.ok(label("read rejected undone@1s up").probability >= DEFAULT_LABEL_TABLE.goodFrom);
    assert.ok(label("accepted head@30d=1 down").probability <= DEFAULT_LABEL_TABLE.badUpTo);
    assert.equal(label("accepted head@30d=1 down").weight, 1);
  });

  it("says in words what it saw", () => {
    assert.deepEqual(
      label("accepted head@3h=1 head@2d=.5:fix").reasons.map((reason) => reason.detail),
      ["accepted", "50 % retained after 2 d, last loss: fix"],
    );
  });

  it("takes the table that it is given", () => {
    const table = { ...DEFAULT_LABEL_TABLE, version: "mine", accepted: -3 };
    const found = labelSuggestion(summariseSignals(events("accepted")), table);
    assert.deepEqual([found.verdict, found.version], ["bad", "mine"]);
  });

  it("fits the events of the wire as they are", () => {
    const summarise: (wire: KeptEvent[]) => ReturnType<typeof summariseSignals> = summariseSignals;
    assert.equal(summarise([]).outcome, "open");
  });

  it("never turns worse by retaining more", () => {
    const fraction = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fraction, fraction, fc.integer({ min: 1, max: 60 }), (left, right, days) => {
        const [less, more] = [Math.min(left, right), Math.max(left, right)];
        const at = (tokens: number) =>
          labelSuggestion(
            summariseSignals([
              ...events("accepted"),
              { kind: "survived", commit: "c", afterMs: days * DAY, tokens, place: "head" },
            ]),
          ).probability;
        assert.ok(at(less) <= at(more) + 1e-12);
      }),
    );
  });
});

describe("survivalQuality", () => {
  const check = (script: string, quality: number | null): void => {
    it(`${script || "nothing seen"}: ${quality}`, () => {
      const found = survivalQuality(summariseSignals(events(script)), DEFAULT_LABEL_TABLE);
      if (quality === null) assert.equal(found, null);
      else assert.ok(found !== null && Math.abs(found.quality - quality) < 1e-6, `quality ${found?.quality}`);
    });
  };
  check("", null);
  check("retained@1m=?", null);
  check("retained@1m=1 head@1d=1", 1);
  check("retained@1m=.5", 1 - 0.8 * 0.5);
  check("undone@3s retained@1m=0", 0);
  check("retained@1m=.9:other", 1 - 0.35 * 0.1);
  check("retained@1m=0:regenerate", 0.1);
  check("head@1h=1 head@30d=.5", 1 - 0.35 * 0.5 * 0.5);
  check("head@1h=1 head@30d=0:revert", 0.5);
  check("head@1h=1 head@2h=.5:format", 1);
  check("head@1h=1 elsewhere@2h=.2", 1);
  check("head@1h=1 head@5h=.2:nonsense", 1 - 0.35 * 0.8 * 2 ** (-5 / 24 / 30));
  // What is given back takes its loss away: a revert of a revert.
  check("head@1h=1 nowhere@2h=0:revert head@3h=1", 1);
  check("retained@1m=.6 retained@2m=.8", 1 - 0.8 * 0.2);
  check("nowhere@1d=0", null);

  it("weighs by length, by time, and by place", () => {
    const weight = (script: string, completion = COMPLETION) => {
      const [, ...rest] = events(script);
      return survivalQuality(summariseSignals([{ kind: "shown", completion }, ...rest]), DEFAULT_LABEL_TABLE)?.weight;
    };
    assert.equal(weight("head@30d=1"), 1);
    assert.equal(weight("elsewhere@30d=1"), 0.8);
    assert.equal(weight("retained@10m=1"), 0.5);
    assert.equal(weight("head@5d=1"), 0.5);
    assert.equal(weight("head@30d=1", "a b c d e"), 0.25);
  });
});

describe("summariseSignals", () => {
  it("keeps the strongest outcome, whatever came first", () => {
    for (const script of ["accepted ignored", "ignored accepted", "typed-through=.4 accepted typed-over"]) {
      assert.equal(summariseSignals(events(script)).outcome, "accepted", script);
    }
  });

  it("takes a long look for a read suggestion", () => {
    assert.equal(summariseSignals([{ kind: "rejected", visibleMs: 749 }]).read, false);
    assert.equal(summariseSignals([{ kind: "rejected", visibleMs: 750 }]).read, true);
  });

  it("keeps what was typed instead and why it was rated", () => {
    const found = summariseSignals([
      { kind: "typed-instead", text: "first" },
      { kind: "typed-instead", text: "second" },
      { kind: "rated", verdict: "down", reason: "wrong" },
    ]);
    assert.deepEqual([found.typedInstead, found.rating, found.ratingReason], ["second", "down", "wrong"]);
  });

  it("orders observations by time and drops censored ones", () => {
    const found = summariseSignals(events("head@1d=.9 retained@5m=1 retained@2m=?"));
    assert.deepEqual(
      found.survival.map((seen) => [seen.afterMs, seen.place]),
      [
        [5 * MINUTE, "buffer"],
        [DAY, "head"],
      ],
    );
  });
});
