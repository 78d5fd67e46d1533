import assert from "node:assert/strict";
import { generationResponse } from "../../../protocol/generations.ts";
import { keptEvent } from "../../../protocol/events.ts";
import { runningApp, type RunningApp } from "../../server/running-app.ts";

const TEXT = "export const total = (items: Item[]): number =>\n  items.reduce((sum, item) => sum + item.price, 0);\n";

describe("POST /v1/generations", () => {
  let server: RunningApp;
  before(async () => {
    server = await runningApp();
  });
  after(() => server[Symbol.asyncDispose]());

  const generation = (fields: Record<string, unknown> = {}) => ({
    tool: "claude",
    model: "opus",
    session: "s1",
    root: "/projects/demo",
    path: "src/total.ts",
    line: 3,
    text: TEXT,
    ...fields,
  });
  const post = async (body: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}/v1/generations`, {
      method: "POST",
      headers: { Authorization: `Bearer ${server.app.token}`, "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const take = async (fields: Record<string, unknown>, headers: Record<string, string> = {}) => {
    const { status, body } = await post({ generations: [generation(fields)] }, headers);
    assert.equal(status, 200, JSON.stringify(body));
    const [result] = generationResponse.parse(body).results;
    assert.ok(result);
    return result;
  };

  it("makes a generation a suggestion that was shown and accepted", async () => {
    const { status, suggestionIds } = await take({ id: "first", commit: "c".repeat(40) });
    assert.equal(status, "accepted");
    const { body } = await server.call("GET", `/v1/suggestions/${suggestionIds[0]}/why`);
    assert.equal(body.suggestion.source, "tool");
    assert.equal(body.suggestion.completion, TEXT);
    assert.equal(body.suggestion.outcome, "accepted");
    assert.equal(body.suggestion.line, 2);
    assert.equal(body.suggestion.language, "typescript");
    const events = body.events.map((event: unknown) => keptEvent.parse(event));
    assert.deepEqual(
      events.map(({ kind }: { kind: string }) => kind),
      ["shown", "accepted"],
    );
    assert.deepEqual([events[0].generator, events[0].commit], [{ tool: "claude", model: "opus" }, "c".repeat(40)]);
  });

  it("knows a report that is sent again, by its id or by the request's key", async () => {
    const one = await take({ id: "again" });
    assert.deepEqual(await take({ id: "again" }), { ...one, status: "duplicate" });
    const key = { "Idempotency-Key": "k1" };
    const other = await take({}, key);
    assert.deepEqual(await take({}, key), { ...other, status: "duplicate" });
    assert.notDeepEqual(other.suggestionIds, one.suggestionIds);
    assert.notDeepEqual((await take({})).suggestionIds, (await take({})).suggestionIds);
  });

  it("refuses another text under a known id", async () => {
    await take({ id: "conflict" });
    const { status, reason, suggestionIds } = await take({ id: "conflict", text: "return 0;" });
    assert.deepEqual([status, reason, suggestionIds], ["rejected", "conflict", []]);
  });

  it("cuts long code into pieces that fit an event", async () => {
    const text = Array.from({ length: 400 }, (_, at) => `const value${at} = compute(${at});\n`).join("");
    const { suggestionIds } = await take({ id: "long", text });
    assert.ok(suggestionIds.length >= 400 / 60);
    const pieces = await Promise.all(
      suggestionIds.map(async (id) => (await server.call("GET", `/v1/suggestions/${id}/why`)).body.suggestion),
    );
    assert.equal(pieces.map(({ completion }) => completion).join(""), text);
    assert.equal(pieces[1].line, 2 + pieces[0].completion.split("\n").length - 1);
    assert.equal(new Set(pieces.map(({ id }) => id)).size, pieces.length);
  });

  it("takes secrets out before anything is written", async () => {
    const secret = `ghp_${"a1B2".repeat(9)}`;
    const { suggestionIds } = await take({
      text: `const token = "${secret}";\nuse(token);\n`,
      prefix: `// ${secret}\n`,
    });
    const { body } = await server.call("GET", `/v1/suggestions/${suggestionIds[0]}/why`);
    assert.equal(JSON.stringify(body).includes(secret), false);
    assert.match(body.suggestion.completion, /use\(token\)/);
  });

  it("gives each generation of a request its own status", async () => {
    const { body } = await post({ generations: [generation({ id: "a" }), generation({ id: "b", text: " \n" })] });
    assert.deepEqual(
      generationResponse.parse(body).results.map(({ id, status, reason }) => [id, status, reason]),
      [
        ["a", "accepted", undefined],
        ["b", "rejected", "blank"],
      ],
    );
  });

  const refuses = (what: string, body: unknown, code = "invalid", status = 422): void => {
    it(`refuses ${what}`, async () => {
      const answer = await post(body);
      assert.deepEqual([answer.status, answer.body["code"]], [status, code]);
    });
  };
  refuses("nothing", { generations: [] });
  refuses("more than a hundred", { generations: Array.from({ length: 101 }, () => generation()) });
  for (const path of ["../secret", "/etc/passwd", "a\\b", "C:/x", "a//b", "a/./b", "a\nb"]) {
    refuses(`the path ${JSON.stringify(path)}`, { generations: [generation({ path })] });
  }
  refuses("a root that is not absolute", { generations: [generation({ root: "demo" })] });
  refuses("a tool with control characters", { generations: [generation({ tool: "x\u001b[2J" })] });
  refuses("a line 0", { generations: [generation({ line: 0 })] });
  refuses("a time that is none", { generations: [generation({ at: "yesterday" })] });
  refuses("a commit that is none", { generations: [generation({ commit: "HEAD" })] });
  refuses("too long a text", { generations: [generation({ text: "x".repeat(65_537) })] });
  refuses("too large a body", { generations: [generation()], filler: "x".repeat(1_100_000) }, "too-large", 413);

  it("refuses a key that is too long, and a request without a token", async () => {
    assert.equal((await post({ generations: [generation()] }, { "Idempotency-Key": "k".repeat(257) })).status, 422);
    const response = await fetch(`${server.url}/v1/generations`, { method: "POST", body: "{}" });
    assert.equal(response.status, 401);
  });
});
