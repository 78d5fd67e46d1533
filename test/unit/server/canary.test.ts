import assert from "node:assert/strict";
import { createCanaries, type Canaries } from "../../../server/canary/canary.ts";
import { retainedCharacters } from "../../../server/canary/outcomes.ts";
import { systemClock } from "../../../server/clock.ts";
import type { Registry } from "../../../server/registry/registry.ts";
import type { Store } from "../../../server/store/store.ts";
import { canaryPage } from "../../../protocol/canary.ts";
import { createLog } from "../../../server/log.ts";
import { drawnSuggestion, type Draw } from "../../server/drawn-suggestions.ts";
import { preparedVersions } from "../../server/prepared-versions.ts";
import { sampleSession } from "../../server/sample-events.ts";
import { storeEvents } from "../../server/store-events.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { v7 as uuidv7 } from "uuid";
import path from "node:path";

interface Setting {
  readonly store: Store;
  readonly registry: Registry;
  readonly canaries: Canaries;
  /** Ids of the champion, of the candidate and of a third version. */
  readonly versions: readonly [string, string, string];
  /** Stores drawn suggestions, by turns of the two arms when there are several. */
  see(...draws: readonly Draw[]): void;
}

async function check(body: (setting: Setting) => void): Promise<void> {
  await using folder = await tempFolder();
  preparedVersions(folder.dir, ["one", "two", "three"], ({ store, registry, versions }) => {
    const log = createLog({ level: "error", destination: path.join(folder.dir, "log") });
    using canaries = createCanaries({ store, registry, clock: systemClock, log });
    registry.moveAlias("champion", null, versions[0]!, "first");
    const session = sampleSession();
    const see = (...draws: readonly Draw[]): void => {
      storeEvents(
        store,
        draws.flatMap((draw) => drawnSuggestion(session, draw)),
      );
    };
    body({ store, registry, canaries, versions: versions as unknown as Setting["versions"], see });
  });
}

const LONG = "return left.map((value, at) => value * right[at]);";

const times = <T>(n: number, make: (at: number) => T): T[] => Array.from({ length: n }, (_, at) => make(at));

describe("canaries", () => {
  it("try a candidate beside the champion, and say so to editors", () =>
    check(({ canaries, registry, store, versions: [one, , three] }) => {
      store.transaction(() => canaries.deploy(three, one, "won"));
      assert.equal(store.versions.alias("champion"), one);
      const { adapter, canary } = registry.deployment();
      assert.deepEqual([adapter!.version, canary!.adapter.version, canary!.share], [one, three, 0.5]);
      const page = canaryPage.parse(JSON.parse(JSON.stringify(canaries.page(5))));
      assert.deepEqual(
        page.canaries.map(({ version, champion, state }) => [version, champion, state]),
        [[three, one, "running"]],
      );
    }));

  it("take a candidate back that nobody takes from, with a row of history", () =>
    check(({ canaries, registry, store, versions: [one, , three], see }) => {
      store.transaction(() => canaries.deploy(three, one, "won"));
      see(...times(40, (at) => ({ adapter: at % 2 === 0 ? one : three, taken: at % 2 === 0, completion: LONG })));
      canaries.look();
      const [ended] = canaries.page(1).canaries;
      assert.equal(ended!.state, "rolled-back", ended!.reason);
      assert.ok(ended!.harm >= 20 && ended!.endedAt !== null);
      assert.deepEqual(ended!.arms.candidate, { suggestions: 20, accepted: 0, charactersEach: 0 });
      assert.equal(registry.deployment().canary, undefined);
      assert.deepEqual([store.versions.alias("champion"), store.versions.alias("candidate")], [one, null]);
      assert.match(store.versions.history(1)[0]!.reason, /^Worse in use/);
    }));

  it("make a candidate champion that is taken more, and remember the one before", () =>
    check(({ canaries, registry, store, versions: [one, , three], see }) => {
      store.transaction(() => canaries.deploy(three, one, "won"));
      see(...times(40, (at) => ({ adapter: at % 2 === 0 ? one : three, taken: at % 2 === 1, completion: LONG })));
      canaries.look();
      assert.equal(canaries.page(1).canaries[0]!.state, "promoted");
      assert.deepEqual([store.versions.alias("champion"), store.versions.alias("previous")], [three, one]);
      assert.equal(registry.deployment().canary, undefined);
    }));

  it("wait while there is no evidence, and decide at the limit", () =>
    check(({ canaries, store, versions: [one, , three], see }) => {
      canaries.change({ limit: 20 });
      store.transaction(() => canaries.deploy(three, one, "won"));
      const even = times(19, (at) => ({ adapter: at % 2 === 0 ? three : one, taken: at < 4 }));
      see(...even);
      canaries.look();
      assert.equal(canaries.page(1).canaries[0]!.state, "running");
      see({ adapter: one, taken: false });
      canaries.look();
      assert.equal(canaries.page(1).canaries[0]!.state, "promoted");
    }));

  it("count only what was drawn for this trial, by the two versions in it", () =>
    check(({ canaries, store, versions: [one, two, three], see }) => {
      see(...times(10, () => ({ adapter: three, taken: true })));
      store.transaction(() => canaries.deploy(three, one, "won"));
      see(
        { adapter: two, taken: true },
        { adapter: one, taken: true, retained: null },
        { adapter: three, taken: true, retained: 0.5 },
      );
      const session = sampleSession();
      // Shown again, or by an editor that did not draw.
      storeEvents(store, session.story("shown accepted retained"));
      const [{ arms }] = canaries.page(1).canaries as [Awaited<ReturnType<Canaries["start"]>>];
      const half = session.of("shown", uuidv7()).completion.length / 2;
      assert.deepEqual(arms.candidate, { suggestions: 1, accepted: 1, charactersEach: half });
      assert.equal(arms.champion.suggestions, 0);
    }));

  it("promote the first adapter at once, unless it is to be tried too", () =>
    check(({ canaries, store, registry, versions: [one, two] }) => {
      registry.moveAlias("champion", one, null, "back to base");
      store.transaction(() => canaries.deploy(two, null, "won"));
      assert.equal(store.versions.alias("champion"), two);
      registry.moveAlias("champion", two, null, "back to base");
      canaries.change({ first: true });
      store.transaction(() => canaries.deploy(two, null, "won"));
      assert.equal(store.versions.alias("champion"), null);
      assert.equal(registry.deployment().canary!.adapter.version, two);
    }));

  it("promote at once when trials are off", () =>
    check(({ canaries, store, versions: [one, two] }) => {
      canaries.change({ share: 0 });
      store.transaction(() => canaries.deploy(two, one, "won"));
      assert.equal(store.versions.alias("champion"), two);
    }));

  it("refuse a candidate whose champion has gone meanwhile", () =>
    check(({ canaries, store, versions: [, two, three] }) => {
      assert.throws(() => store.transaction(() => canaries.deploy(three, two, "won")), { code: "alias-moved" });
      assert.deepEqual(canaries.page(1).canaries, []);
    }));

  it("end as superseded when the champion is moved by hand", () =>
    check(({ canaries, registry, store, versions: [one, two, three], see }) => {
      store.transaction(() => canaries.deploy(three, one, "won"));
      registry.moveAlias("champion", one, two, "by hand");
      assert.equal(registry.deployment().canary, undefined);
      see(...times(40, (at) => ({ adapter: at % 2 === 0 ? one : three, taken: at % 2 === 1 })));
      canaries.look();
      assert.equal(canaries.page(1).canaries[0]!.state, "superseded");
      assert.equal(store.versions.alias("champion"), two);
    }));

  it("are one at a time: a newer candidate takes the place", () =>
    check(({ canaries, store, versions: [one, two, three] }) => {
      store.transaction(() => canaries.deploy(two, one, "won"));
      store.transaction(() => canaries.deploy(three, one, "won"));
      const states = new Map(canaries.page(5).canaries.map(({ version, state }) => [version, state]));
      assert.deepEqual([states.get(two), states.get(three)], ["superseded", "running"]);
    }));

  it("are started and ended by hand", () =>
    check(({ canaries, store, versions: [one, two] }) => {
      assert.throws(() => canaries.end("promoted"), { code: "no-canary" });
      assert.throws(() => canaries.start(one), { code: "invalid" });
      assert.throws(() => canaries.start("unknown"), { code: "not-found" });
      assert.equal(canaries.start(two, 0.2).share, 0.2);
      assert.equal(canaries.end("rolled-back").state, "rolled-back");
      canaries.start(two);
      assert.equal(canaries.end("promoted").state, "promoted");
      assert.equal(store.versions.alias("champion"), two);
    }));

  it("ask for training when what serves is taken less than it was", () =>
    check(({ canaries, versions: [one], see }) => {
      see(...times(420, (at) => ({ adapter: one, taken: at % 3 === 0 })));
      assert.equal(canaries.page(1).drift.alarm, false);
      see(...times(120, () => ({ adapter: one, taken: false })));
      assert.equal(canaries.page(1).drift.alarm, true);
    }));
});

describe("accepted and retained characters", () => {
  const session = sampleSession();
  const checkStory = (name: string, make: (id: string) => ReturnType<typeof session.story>, expected: number | null) =>
    it(name, () => assert.equal(retainedCharacters(make(uuidv7())), expected));
  const shown = (id: string) => session.of("shown", id, { completion: "0123456789" });
  const look = (id: string, afterMs: number, tokens: number | null) => session.of("retained", id, { afterMs, tokens });
  checkStory(
    "are not known before the look after two minutes",
    (id) => [shown(id), session.of("accepted", id), look(id, 30_000, 1)],
    null,
  );
  checkStory(
    "are what is there then",
    (id) => [shown(id), session.of("accepted", id), look(id, 120_000, 0.4), look(id, 600_000, 0)],
    4,
  );
  checkStory(
    "are a part of a part",
    (id) => [shown(id), session.of("partially-accepted", id, { fraction: 0.5 }), look(id, 120_000, 0.4)],
    2,
  );
  checkStory("are none after an undo", (id) => [shown(id), session.of("accepted", id), session.of("undone", id)], 0);
  checkStory(
    "are what was seen last when that look failed",
    (id) => [shown(id), session.of("accepted", id), look(id, 30_000, 0.5), look(id, 120_000, null)],
    5,
  );
  checkStory(
    "are all when nobody could ever look",
    (id) => [shown(id), session.of("accepted", id), look(id, 120_000, null)],
    10,
  );
});
