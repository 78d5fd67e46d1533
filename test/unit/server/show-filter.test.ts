import assert from "node:assert/strict";
import { FEATURE_NAMES } from "../../../core/filter/features.ts";
import { fitShowFilter } from "../../../core/filter/show-filter.ts";
import { deployment } from "../../../protocol/api.ts";
import type { EventOf, KeptEvent } from "../../../protocol/events.ts";
import { shownOutcomes } from "../../../server/filter/shown-outcomes.ts";
import { preparedVersions } from "../../server/prepared-versions.ts";
import { sampleSession } from "../../server/sample-events.ts";
import { storeEvents } from "../../server/store-events.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { v7 as uuidv7 } from "uuid";

type Confidence = NonNullable<EventOf<"shown">["confidence"]>;

/** A suggestion with its confidence and how it ended. */
function story(
  session: ReturnType<typeof sampleSession>,
  confidence: Confidence | null,
  ...kinds: KeptEvent[]
): KeptEvent[] {
  const id = uuidv7();
  const shown = session.of("shown", id, confidence === null ? {} : { confidence });
  return [shown, ...kinds.map((event) => ({ ...event, suggestionId: id }))];
}

describe("the outcomes that a show filter is fitted to", () => {
  it("are those of the editor's suggestions with a confidence and an end, in the order of time", async () => {
    await using folder = await tempFolder();
    preparedVersions(folder.dir, ["one"], ({ store }) => {
      const session = sampleSession();
      const end = <K extends KeptEvent["kind"]>(kind: K, fields: Partial<EventOf<K>> = {}) =>
        session.of(kind, uuidv7(), fields) as KeptEvent;
      const sure = { meanLogProbability: -0.1, tokens: 5, lowest: -0.2, first: -0.1, unlikely: 0 };
      storeEvents(store, [
        ...story(session, sure, end("accepted")),
        ...story(session, { ...sure, shownOdds: 0.05 }, end("rejected")),
        ...story(session, sure, end("partially-accepted", { fraction: 0.2 })),
        ...story(session, sure, end("typed-through")),
        ...story(session, null, end("accepted")),
        ...story(session, sure, end("superseded")),
      ]);
      assert.deepEqual(
        shownOutcomes(store).map(({ accepted, weight }) => [accepted, weight]),
        [
          [true, 1],
          [false, 20],
          [false, 1],
          [true, 1],
        ],
      );
    });
  });
});

describe("a show filter in the store", () => {
  it("is pushed with the deployment, and gone when a newer fit finds that there should be none", async () => {
    await using folder = await tempFolder();
    preparedVersions(folder.dir, ["one", "two"], ({ store, registry, versions: [one, two] }) => {
      assert.equal(registry.deployment().filter, undefined);
      const spread = (at: number): number => ((at * 7_919) % 1_000) / 1_000;
      const outcomes = Array.from({ length: 1_000 }, (_, at) => ({
        features: Array.from({ length: FEATURE_NAMES.length }, (_, feature) => (feature === 0 ? spread(at) : 0)),
        accepted: spread(at) >= 0.8,
      }));
      const fit = fitShowFilter(outcomes);
      assert.ok(fit.ok);
      store.filters.put(one!, fit, 1);
      const pushed = deployment.parse(JSON.parse(JSON.stringify(registry.deployment())));
      assert.deepEqual(pushed.filter, fit.filter);
      assert.match(store.filters.newestDetail()!, /^fitted to 1000 outcomes, 200 accepted$/);
      store.filters.put(two!, fitShowFilter([]), 2);
      assert.equal(registry.deployment().filter, undefined);
      assert.match(store.filters.newestDetail()!, /^too-few-outcomes/);
    });
  });
});
