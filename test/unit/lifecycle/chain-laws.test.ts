import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ACCEPT_GRACE_MS,
  emptyChainState,
  nextTickAt,
  visibleSuggestion,
} from "../../../core/lifecycle/chain-state.ts";
import type { Fact, Observation } from "../../../core/lifecycle/observation.ts";
import { reduceChain } from "../../../core/lifecycle/suggestion-chain.ts";

/** Any order of observations, sensible or not: the laws must hold for all of them. */

const documents = fc.constantFrom("a.ts", "a.ts", "a.ts", "b.ts");
const offset = fc.integer({ min: 0, max: 6 });
const texts = fc.constantFrom("a", "ab", "abc", "abcd ef", "(a)", "a\n b");

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("offered" as const),
      document: documents,
      offset,
      text: texts,
      isSame: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("changed" as const),
      document: documents,
      changes: fc.array(
        fc.record({
          offset,
          deleted: fc.integer({ min: 0, max: 3 }),
          text: fc.constantFrom("", "a", "b", "ab", "abc", "bc", "()", ")", "\n", "abcd ef"),
        }),
        { minLength: 0, maxLength: 2 },
      ),
      reason: fc.constantFrom("edit" as const, "edit" as const, "undo" as const, "redo" as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("selected" as const),
      document: documents,
      offset,
      cause: fc.constantFrom("keyboard" as const, "mouse" as const, "command" as const, "unknown" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("widget" as const), isOpen: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "withheld" as const,
        "partial-command" as const,
        "reject-command" as const,
        "left" as const,
        "tick" as const,
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("accept-command" as const), back: fc.integer({ min: 0, max: 2 }) }),
  },
);
const script = fc.array(fc.tuple(fc.constantFrom(0, 1, 20, 60, 160, 900), step), { maxLength: 40 });
type Script = readonly (readonly [number, typeof step extends fc.Arbitrary<infer T> ? T : never])[];

/** The observations of a script. As the provider does, what has ended is offered again only under a new id. */
function play(script: Script): { readonly facts: readonly Fact[]; readonly observations: readonly Observation[] } {
  let state = emptyChainState;
  let at = 0;
  let nOffers = 0;
  let newest = { document: "a.ts", text: "" };
  const facts: Fact[] = [];
  const observations: Observation[] = [];
  const ended = new Set<string>();
  const see = (observation: Observation) => {
    observations.push(observation);
    const reduced = reduceChain(state, observation);
    state = reduced.state;
    facts.push(...reduced.facts);
    for (const fact of reduced.facts) if (fact.kind === "ended") ended.add(fact.suggestionId);
  };
  for (const [gap, one] of script) {
    at += gap;
    if (one.kind === "offered") {
      const last = `s${nOffers - 1}`;
      const isSame = one.isSame && nOffers > 0 && !ended.has(last);
      const suggestionId = isSame ? last : `s${nOffers++}`;
      if (!isSame) newest = one;
      // Of the same suggestion only a rest can be offered again, in its own document.
      const text = isSame ? newest.text.slice(Math.min(one.text.length - 1, newest.text.length - 1)) : one.text;
      see({ kind: "offered", at, offer: { suggestionId, document: newest.document, offset: one.offset, text } });
    } else if (one.kind === "accept-command") see({ kind: one.kind, at, suggestionId: `s${nOffers - 1 - one.back}` });
    else see({ ...one, at });
  }
  // The window closes: what is open ends.
  see({ kind: "left", at });
  see({ kind: "tick", at: at + ACCEPT_GRACE_MS });
  return { facts, observations };
}

function law(name: string, holds: (facts: readonly Fact[], script: Script) => void): void {
  it(name, () => {
    fc.assert(
      fc.property(script, (steps) => holds(play(steps).facts, steps)),
      { numRuns: 1_000 },
    );
  });
}

const of = (facts: readonly Fact[], id: string) => facts.filter(({ suggestionId }) => suggestionId === id);
const idsOf = (facts: readonly Fact[]) => [...new Set(facts.map(({ suggestionId }) => suggestionId))];

/** Facts that name an ending, and the ending that they name. */
const OUTCOMES = ["accepted", "rejected", "typed-over", "ignored", "superseded"] as const;

describe("suggestion chain: laws", () => {
  law("every suggestion is told as shown once, before everything else", (facts) => {
    for (const id of idsOf(facts)) {
      const kinds = of(facts, id).map(({ kind }) => kind);
      assert.equal(kinds.indexOf("shown"), 0, `${id}: ${kinds.join(" ")}`);
      assert.equal(kinds.lastIndexOf("shown"), 0, `${id}: ${kinds.join(" ")}`);
    }
  });

  law("every suggestion that was shown has exactly one ending", (facts) => {
    for (const id of idsOf(facts)) {
      const own = of(facts, id);
      const endings = own.filter((fact) => fact.kind === "ended");
      assert.equal(endings.length, 1, own.map(({ kind }) => kind).join(" "));
      const outcomes = own.map(({ kind }) => kind).filter((kind) => (OUTCOMES as readonly string[]).includes(kind));
      assert.ok(outcomes.length <= 1, outcomes.join(" "));
      if (outcomes[0]) assert.equal(endings[0]!.ending, outcomes[0]);
    }
  });

  law("after the ending nothing is told but undone and redone, in turn", (facts) => {
    for (const id of idsOf(facts)) {
      const kinds = of(facts, id).map(({ kind }) => kind);
      const after = kinds.slice(kinds.indexOf("ended") + 1);
      for (const kind of after) assert.ok(kind === "undone" || kind === "redone", kinds.join(" "));
      const undoing = kinds.filter((kind) => kind === "undone" || kind === "redone");
      for (const [i, kind] of undoing.entries())
        if (kind === "redone") assert.equal(undoing[i - 1], "undone", kinds.join(" "));
    }
  });

  law("fractions stay in (0, 1], and accepted characters only grow until an undo or a step back", (facts) => {
    for (const fact of facts)
      if ("fraction" in fact) assert.ok(fact.fraction > 0 && fact.fraction <= 1, String(fact.fraction));
    for (const id of idsOf(facts)) {
      const characters = of(facts, id).flatMap((fact) => (fact.kind === "partially-accepted" ? [fact.characters] : []));
      for (const [i, count] of characters.entries()) if (i > 0 && count <= characters[i - 1]!) assert.ok(count > 0);
    }
  });

  law("an accept tells the whole text, a part its beginning", (facts) => {
    for (const fact of facts) {
      if (fact.kind !== "accepted" && fact.kind !== "partially-accepted") continue;
      assert.equal(fact.region.end - fact.region.start, fact.text.length);
      if (fact.kind === "partially-accepted") assert.ok(fact.characters <= fact.text.length);
    }
  });

  law("no time is negative, and facts are told in the order of their times", (facts) => {
    for (const fact of facts) {
      if ("visibleMs" in fact) assert.ok(fact.visibleMs >= 0);
      if ("afterMs" in fact) assert.ok(fact.afterMs >= 0);
    }
    for (const id of idsOf(facts)) {
      const times = of(facts, id).map(({ at }) => at);
      assert.deepEqual(
        times,
        [...times].sort((a, b) => a - b),
      );
    }
  });

  it("a replay tells the same", () => {
    fc.assert(
      fc.property(script, (steps) => {
        const { facts, observations } = play(steps);
        let state = emptyChainState;
        const again = observations.flatMap((observation) => {
          const reduced = reduceChain(state, observation);
          state = reduced.state;
          return reduced.facts;
        });
        assert.deepEqual(again, facts);
      }),
    );
  });

  it("the announced tick always settles something, and what is held is not visible", () => {
    fc.assert(
      fc.property(script, fc.nat(39), (steps, length) => {
        let state = emptyChainState;
        for (const observation of play(steps.slice(0, length)).observations.slice(0, -2))
          state = reduceChain(state, observation).state;
        const tickAt = nextTickAt(state);
        if (tickAt === null) return;
        const after = reduceChain(state, { kind: "tick", at: tickAt });
        assert.notEqual(nextTickAt(after.state), tickAt);
        if (after.state.chain?.held) assert.equal(visibleSuggestion(after.state), null);
      }),
      { numRuns: 1_000 },
    );
  });
});
