import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import { annotationQueue } from "../../../protocol/annotations.ts";
import { runningApp, type RunningApp } from "../../server/running-app.ts";
import { sampleSession, shownWith } from "../../server/sample-events.ts";

describe("annotations", () => {
  let server: RunningApp;
  before(async () => {
    server = await runningApp();
  });
  after(() => server[Symbol.asyncDispose]());

  const queue = async () => annotationQueue.parse((await server.call("GET", "/v1/annotations/queue")).body);
  const post = (body: unknown) => server.call("POST", "/v1/annotations", body);
  const suggested = async (...kinds: ("accepted" | "rejected" | "undone")[]): Promise<string> => {
    const session = sampleSession(1_750_000_000_000);
    const id = uuidv7();
    const shown = shownWith(session, id, {
      path: "src/a.ts",
      prefix: "let a;\nconst b = ",
      completion: `keep("${id}");`,
    });
    const { status } = await server.call("POST", "/v1/events", {
      events: [shown, ...kinds.map((kind) => session.of(kind, id))],
    });
    assert.equal(status, 200);
    return id;
  };

  it("are asked where signals disagree, and taken as thumbs are, with the last one standing", async () => {
    const agreed = await suggested("accepted");
    const disputed = await suggested("accepted", "undone");
    const asked = await queue();
    assert.equal(asked.tasks[0]?.suggestion.id, disputed);
    assert.ok(asked.tasks[0].disagreement >= 1);
    assert.match(asked.tasks[0].before, /const b = $/);
    assert.ok(!asked.tasks.some(({ suggestion }) => suggestion.id === agreed), "whose signals agree is not asked");

    const ratingOf = async () => {
      const { body } = await server.call("GET", "/v1/suggestions?limit=50");
      const row = body.suggestions.find((one: { id: string }) => one.id === disputed);
      return [row.rating, row.label.verdict];
    };
    assert.equal((await post({ suggestionId: disputed, verdict: "down", reason: "wrong" })).status, 200);
    assert.deepEqual(await ratingOf(), ["down", "bad"]);
    assert.ok(!(await queue()).tasks.some(({ suggestion }) => suggestion.id === disputed));
    await post({ suggestionId: disputed, verdict: "up" });
    assert.deepEqual(await ratingOf(), ["up", "good"]);
    await post({ suggestionId: disputed, verdict: "withdrawn" });
    assert.equal((await ratingOf())[0], null);
    assert.equal((await queue()).tasks[0]?.suggestion.id, disputed);
  });

  it("of an unknown suggestion, or of another form, are refused", async () => {
    assert.deepEqual(
      await post({ suggestionId: uuidv7(), verdict: "up" }).then(({ status, body }) => [status, body.code]),
      [404, "not-found"],
    );
    assert.equal((await post({ suggestionId: "x", verdict: "up" })).status, 422);
    assert.equal((await post({ suggestionId: uuidv7(), verdict: "maybe" })).status, 422);
  });
});
