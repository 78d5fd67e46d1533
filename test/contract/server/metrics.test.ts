import assert from "node:assert/strict";
import { METRICS } from "../../../server/metrics/catalogue.ts";
import { runningApp, type RunningApp } from "../../server/running-app.ts";
import { sampleSession } from "../../server/sample-events.ts";

describe("GET /metrics", () => {
  let server: RunningApp;
  before(async () => {
    server = await runningApp();
  });
  after(() => server[Symbol.asyncDispose]());

  const scrape = async (): Promise<string> => {
    const headers = { Authorization: `Bearer ${server.app.token}` };
    const answer = await fetch(`${server.url}/metrics`, { headers, signal: AbortSignal.timeout(20_000) });
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
    return answer.text();
  };
  const valueOf = (text: string, sample: string): number | null => {
    const line = text.split("\n").find((each) => each.startsWith(`${sample} `));
    return line === undefined ? null : Number(line.slice(sample.length + 1));
  };

  it("counts what became of events", async () => {
    const story = sampleSession().story("shown accepted");
    await server.call("POST", "/v1/events", { events: [...story, { id: "x" }] });
    await server.call("POST", "/v1/events", { events: story });
    const text = await scrape();
    for (const [status, n] of [
      ["accepted", 2],
      ["duplicate", 2],
      ["rejected", 1],
    ] as const) {
      assert.equal(valueOf(text, `kept_events_total{status="${status}"}`), n, text);
    }
  });

  it("labels requests with the route's pattern, never with what was sent", async () => {
    await server.call("GET", "/v1/models/canary-in-a-path");
    await server.call("GET", "/canary-elsewhere");
    await server.call("GET", "/v1/status?canary=1");
    const text = await scrape();
    assert.equal(text.includes("canary"), false);
    assert.equal(valueOf(text, 'kept_http_requests_total{method="GET",route="/v1/models/:id",status="404"}'), 1);
    assert.equal(valueOf(text, 'kept_http_requests_total{method="GET",route="unknown",status="404"}'), 1);
    assert.equal(valueOf(text, 'kept_http_request_seconds_count{method="GET",route="/v1/status"}'), 1);
  });

  it("counts refusals, whose requests nobody read", async () => {
    await fetch(`${server.url}/v1/status`, { signal: AbortSignal.timeout(20_000) });
    assert.equal(valueOf(await scrape(), 'kept_refused_requests_total{reason="unauthorized"}'), 1);
  });

  it("explains each metric and shows none that the catalogue lacks", async () => {
    const text = await scrape();
    const shown = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => `${name} ${kind}`);
    const known = Object.entries(METRICS).map(([name, { kind }]) => `${name} ${kind}`);
    assert.deepEqual(
      shown.filter((each) => !known.includes(each)),
      [],
    );
    for (const [name, { about }] of Object.entries(METRICS)) {
      if (text.includes(`# HELP ${name} `)) assert.ok(text.includes(`# HELP ${name} ${about}`), name);
    }
    assert.ok(shown.length >= 9, text);
  });

  it("wants the token", async () => {
    const answer = await fetch(`${server.url}/metrics`, { signal: AbortSignal.timeout(20_000) });
    assert.equal(answer.status, 401);
  });
});
