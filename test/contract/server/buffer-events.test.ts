import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import * as api from "../../../protocol/api.ts";
import { runningApp, type RunningApp } from "../../server/running-app.ts";
import { sampleSession } from "../../server/sample-events.ts";

describe("what became of accepted code in the buffer", () => {
  let server: RunningApp;
  before(async () => {
    server = await runningApp();
  });
  after(() => server[Symbol.asyncDispose]());

  const post = async (events: readonly unknown[]) => {
    const { body } = await server.call("POST", "/v1/events", { events });
    return api.ingestResponse.parse(body).results.map(({ status }) => status);
  };
  const whyOf = async (id: string) => api.why.parse((await server.call("GET", `/v1/suggestions/${id}/why`)).body);

  it("is stored and told: looks by every measure, losses, gains and errors, and the label reads them", async () => {
    const session = sampleSession();
    const id = uuidv7();
    const look = { tokens: 0.4, strictTokens: 0.4, fourGrams: 0.3, arc: 0.2, cause: "quick_rewrite" };
    const events = [
      session.of("shown", id),
      session.of("accepted", id),
      session.of("loss", id),
      session.of("gain", id),
      session.of("diagnostics", id, { introduced: 3, fixed: 1, left: 2 }),
      session.of("retained", id, { afterMs: 120_000, ...look }),
      session.of("retained", id, { afterMs: 300_000, tokens: null, strictTokens: null, censored: "file-missing" }),
    ];
    assert.deepEqual(
      await post(events),
      events.map(() => "accepted"),
    );
    const why = await whyOf(id);
    assert.deepEqual(why.events, events);
    const reasons = why.suggestion.label?.reasons ?? [];
    const errors = reasons.find(({ signal }) => signal === "diagnostics");
    assert.deepEqual([errors?.lambda, errors?.detail], [-0.8, "2 errors introduced and left for 2 min"]);
    assert.match(
      reasons.find(({ signal }) => signal === "survival")?.detail ?? "",
      /40 % retained after 2 min.*quick_rewrite/,
    );
    assert.equal(why.suggestion.retained, 0.4);
  });

  it("is refused when it is no such thing", async () => {
    const session = sampleSession();
    const id = uuidv7();
    const statuses = await post([
      session.of("shown", id),
      { ...session.of("retained", id), censored: "lost interest" },
      { ...session.of("loss", id), fraction: 2 },
      { ...session.of("diagnostics", id), checks: [{ source: "ts", code: "1", message: 7 }], left: -1 },
    ]);
    assert.deepEqual(statuses, ["accepted", "rejected", "rejected", "rejected"]);
  });

  it("of an earlier editor, which knew fewer measures, is still taken", async () => {
    const session = sampleSession();
    const id = uuidv7();
    assert.deepEqual(await post([session.of("shown", id), session.of("accepted", id), session.of("retained", id)]), [
      "accepted",
      "accepted",
      "accepted",
    ]);
    assert.equal((await whyOf(id)).suggestion.retained, 1);
  });
});
