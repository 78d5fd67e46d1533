import type { CaptureLevel } from "../../../core/capture-level.ts";
import { createEventRecorder, type RecorderOptions } from "../../../extension/observe/event-recorder.ts";
import { createSecretScan } from "../../../extension/observe/secret-scan.ts";
import { keptEvent, type EventOf, type KeptEvent } from "../../../protocol/events.ts";
import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";

const GITHUB = `ghp_${"aB3dE5gH7jK9mN2pQ4rS6tU8vW1xYz0CaB3d"}`;
const scan = createSecretScan((message) => assert.fail(message));

/** A recorder over one file, and what it gave to the outbox. */
function recorder(options: Partial<RecorderOptions> = {}) {
  const events: KeptEvent[] = [];
  const made = createEventRecorder({
    append: (event) => void events.push(event),
    placeOf: () => ({
      root: "/canary/project",
      path: "src/canary.ts",
      context: { prefix: 'const k = "', suffix: '";' },
    }),
    levelOf: () => "code",
    mayRecord: () => Promise.resolve(true),
    isForgotten: () => false,
    scan,
    hidden: (place) => `hidden-${place.length}`,
    log: (message) => assert.fail(message),
    ...options,
  });
  return { ...made, events, record: made.record, settled: made.settled };
}

const shown = (fields: { completion?: string; prefix?: string; suffix?: string; excerpt?: string } = {}) => ({
  context: {
    root: "/canary/project",
    path: "src/canary.ts",
    language: "typescript",
    line: 3,
    column: 4,
    prefix: fields.prefix ?? "canary",
    suffix: fields.suffix ?? "canary",
    examples: [{ id: "open-file-1", path: "src/other-canary.ts", text: fields.excerpt ?? "canary" }],
  },
  completion: fields.completion ?? "canary()",
  model: { base: "b".repeat(64), adapter: null },
  latencyMs: 5,
  source: "editor" as const,
});

describe("event recorder", () => {
  it("gives the outbox events that the protocol takes, in the order told", async () => {
    const { record, settled, events } = recorder();
    const id = uuidv7();
    record("shown", id, shown());
    record("accepted", id, { visibleMs: 10 });
    assert.deepEqual(events, [], "nothing within the handler");
    await settled();
    assert.deepEqual(
      events.map(({ kind, sequence }) => [kind, sequence]),
      [
        ["shown", 0],
        ["accepted", 1],
      ],
    );
    for (const event of events) assert.deepEqual(keptEvent.parse(event), event);
  });

  it("records nothing at level off, and nothing of a suggestion whose place is unknown", async () => {
    const off = recorder({ levelOf: () => "off" });
    const unknown = recorder({ placeOf: () => null });
    for (const one of [off, unknown]) {
      one.record("shown", uuidv7(), shown());
      await one.settled();
      assert.deepEqual(one.events, []);
    }
  });

  it("says no code, name or path at level outcomes, for every kind with text", async () => {
    const { record, settled, events } = recorder({ levelOf: () => "outcomes" });
    const id = uuidv7();
    record("shown", id, shown());
    record("typed-instead", id, { text: "canary = 1" });
    record("rated", id, { verdict: "down", reason: "style", comment: "a canary" });
    record("survived", id, { commit: "canarycommit", afterMs: 1, tokens: 1, place: "head" });
    await settled();
    assert.equal(events.length, 4);
    assert.ok(!JSON.stringify(events).includes("canary"), JSON.stringify(events));
    for (const event of events) assert.deepEqual(keptEvent.parse(event), event);
    const [first, typed, rated] = events as [EventOf<"shown">, EventOf<"typed-instead">, EventOf<"rated">];
    assert.equal(first.context.language, "typescript");
    assert.deepEqual(first.withheld, {
      tokens: 1,
      characters: 8,
      lines: 1,
      prefixCharacters: 6,
      suffixCharacters: 6,
      examples: 1,
    });
    assert.equal(typed.withheldCharacters, 10);
    assert.equal(rated.reason, "style");
  });

  it("stops at once: what was told before the consent went is not written after", async () => {
    let level: CaptureLevel = "code";
    const { record, settled, events } = recorder({ levelOf: () => level });
    record("shown", uuidv7(), shown());
    level = "off";
    await settled();
    assert.deepEqual(events, []);
  });

  it("takes the stricter level when it changes in between", async () => {
    let level: CaptureLevel = "code";
    const { record, settled, events } = recorder({ levelOf: () => level });
    record("shown", uuidv7(), shown());
    level = "outcomes";
    await settled();
    level = "outcomes";
    record("shown", uuidv7(), shown());
    level = "code";
    await settled();
    assert.equal(events.length, 2);
    assert.ok(!JSON.stringify(events).includes("canary"));
  });

  it("leaves out events of files left alone, and their excerpts in others", async () => {
    const { record, settled, events } = recorder({ mayRecord: (_, path) => Promise.resolve(!path.includes("secret")) });
    const id = uuidv7();
    record("shown", id, shown(), { root: "/r", path: "secret.ts" });
    const withSecret = shown();
    withSecret.context.examples.push({ id: "open-file-2", path: "secret/a.ts", text: "hush" });
    record("shown", id, withSecret);
    await settled();
    assert.equal(events.length, 1);
    assert.deepEqual(
      (events[0] as EventOf<"shown">).context.examples.map(({ path }) => path),
      ["src/other-canary.ts"],
    );
  });

  it("records nothing of what was forgotten", async () => {
    const gone = uuidv7();
    const { record, settled, events } = recorder({ isForgotten: ({ id }) => id === gone });
    record("shown", gone, shown());
    await settled();
    assert.deepEqual(events, []);
  });

  it("redacts every text: prefix, suffix, suggestion, excerpts, what was typed, comments", async () => {
    const { record, settled, events } = recorder();
    const id = uuidv7();
    const text = `a("${GITHUB}")`;
    record("shown", id, shown({ completion: text, prefix: `${text}\n`, suffix: `\n${text}`, excerpt: text }));
    record("typed-instead", id, { text });
    record("rated", id, { verdict: "down", comment: `leaks ${GITHUB}` });
    await settled();
    assert.ok(!JSON.stringify(events).includes(GITHUB));
    assert.equal(JSON.stringify(events).split("<github-token>").length - 1, 6);
  });

  it("finds a secret that begins before the cursor and ends in the suggestion", async () => {
    const { record, settled, events } = recorder();
    const [head, tail] = [GITHUB.slice(0, 20), GITHUB.slice(20)];
    record("shown", uuidv7(), shown({ prefix: `const k = "${head}`, completion: `${tail}";`, suffix: "\n" }));
    await settled();
    assert.ok(!JSON.stringify(events).includes(tail) && !JSON.stringify(events).includes(head));
  });

  it("knows by the code around it that what was typed is a password", async () => {
    const { record, settled, events } = recorder({
      placeOf: () => ({ root: "/r", path: "a.ts", context: { prefix: 'const password = "', suffix: '";' } }),
    });
    record("typed-instead", uuidv7(), { text: "c0rrect-h0rse" });
    await settled();
    assert.equal((events[0] as EventOf<"typed-instead">).text, "<secret>");
  });

  it("keeps texts within the protocol's limits where a placeholder is longer than its secret", async () => {
    const { record, settled, events } = recorder();
    const words = 'pwd="aaaaaa1!"\n'.repeat(2_000);
    record("shown", uuidv7(), shown({ prefix: words.slice(-16_384), suffix: words.slice(0, 8_192) }));
    await settled();
    assert.equal(keptEvent.safeParse(events[0]).success, true);
  });

  for (const name of [
    "new\nline.ts",
    "qu'o\"te.ts",
    "$(touch pwned).ts",
    `${"long/".repeat(800)}a.ts`,
    "\u{fffd}bytes.ts",
  ]) {
    it(`takes the file name ${JSON.stringify(name.slice(0, 24))} as it is`, async () => {
      const { record, settled, events } = recorder();
      const named = shown();
      record("shown", uuidv7(), { ...named, context: { ...named.context, path: name } }, { root: "/r", path: name });
      await settled();
      assert.equal((keptEvent.parse(JSON.parse(JSON.stringify(events[0]))) as EventOf<"shown">).context.path, name);
    });
  }
});
