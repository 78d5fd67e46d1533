import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import type { KeptEvent } from "../../../protocol/events.ts";
import { datasetContents } from "../../../protocol/datasets.ts";
import { labelVersion, labelVersions } from "../../../protocol/labels.ts";
import { runningApp, type RunningApp } from "../../server/running-app.ts";
import { sampleSession, shownWith } from "../../server/sample-events.ts";
import { until } from "../../server/server-process.ts";

const N_VERDICTS = 240;

/** A person who takes most suggestions and means little by it: every second accept is called bad. */
function ratedFeedback(): KeptEvent[] {
  return Array.from({ length: N_VERDICTS }, (_, at) => {
    const session = sampleSession(1_750_000_000_000 + at * 3_600_000);
    const id = uuidv7();
    const shown = shownWith(session, id, {
      path: `src/f${at}.ts`,
      prefix: `const v${at * 31} = w${at * 17} + `,
      completion: `x${at * 7}();`,
    });
    return [shown, session.of("accepted", id), session.of("rated", id, { verdict: at % 2 === 0 ? "up" : "down" })];
  }).flat();
}

describe("label weights over HTTP", function () {
  this.timeout(60_000);
  let server: RunningApp;
  const unratedId = uuidv7();
  before(async () => {
    server = await runningApp();
    const session = sampleSession();
    await server.call("POST", "/v1/events", {
      events: [session.of("shown", unratedId), session.of("accepted", unratedId)],
    });
  });
  after(() => server[Symbol.asyncDispose]());

  const page = async () => labelVersions.parse((await server.call("GET", "/v1/labels/versions")).body);
  const unrated = async () => {
    const { body } = await server.call("GET", `/v1/suggestions/${unratedId}/why`);
    return body.suggestion.label as { version: string; probability: number; verdict: string };
  };
  const madeWith = (version: string) =>
    until(async () => {
      const { body } = await server.call("GET", "/v1/labels?limit=500");
      return body.labels.every((one: { version: string }) => one.version === version) || null;
    }, 20_000);

  it("refuses to fit to few verdicts", async () => {
    const { status, body } = await server.call("POST", "/v1/labels/refit", {});
    assert.deepEqual([status, body.code], [409, "too-few-verdicts"]);
    assert.deepEqual(await page(), { inUse: "3", shipped: "3", verdicts: 0, needed: 200, versions: [] });
  });

  it("fits, changes nothing until it is asked to, is named by datasets, and is undone", async () => {
    const events = ratedFeedback();
    for (let at = 0; at < events.length; at += 240)
      await server.call("POST", "/v1/events", { events: events.slice(at, at + 240) });
    await until(async () => ((await page()).verdicts === N_VERDICTS ? true : null), 20_000);
    const { status, body } = await server.call("POST", "/v1/labels/refit", {});
    assert.equal(status, 201, JSON.stringify(body));
    const { version, report } = labelVersion.parse(body);
    const accepted = report.weights.find(({ name }) => name === "accepted")!;
    assert.ok(accepted.before === 1 && Math.abs(accepted.after) < 0.2 && accepted.cases === N_VERDICTS);
    assert.ok(report.after.brier < report.before.brier);
    assert.equal((await page()).inUse, "3");
    assert.deepEqual([(await unrated()).version, (await unrated()).verdict], ["3", "good"]);

    const used = await server.call("PUT", "/v1/labels/versions", { version });
    assert.equal(used.body.inUse, version);
    const dataset = await server.call("POST", "/v1/datasets", {});
    await madeWith(version);
    const label = await unrated();
    assert.ok(Math.abs(label.probability - 1 / (1 + Math.exp(-accepted.after))) < 1e-9);
    assert.equal(label.verdict, "unknown");
    const contents = await server.call("GET", `/v1/datasets/${dataset.body.id}/contents`);
    assert.equal(datasetContents.parse(contents.body).labelVersion, version);

    // The same verdicts give the same version, and no second entry.
    assert.equal((await server.call("POST", "/v1/labels/refit", { use: true })).body.version, version);
    assert.equal((await page()).versions.length, 1);
    await server.call("PUT", "/v1/labels/versions", { version: "3" });
    await madeWith("3");
    assert.equal((await unrated()).verdict, "good");
    assert.equal((await server.call("PUT", "/v1/labels/versions", { version: "nonsense" })).status, 404);
  });

  it("forgets what was fitted with everything that it was fitted to", async () => {
    const { version } = (await page()).versions[0]!;
    await server.call("PUT", "/v1/labels/versions", { version });
    await madeWith(version);
    const scope = { kind: "everything" };
    const { status } = await server.call("POST", "/v1/forget", { id: uuidv7(), requestedAtMs: Date.now(), scope });
    assert.equal(status, 200);
    assert.deepEqual(await page(), { inUse: "3", shipped: "3", verdicts: 0, needed: 200, versions: [] });
  });
});
