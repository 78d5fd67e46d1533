import assert from "node:assert/strict";
import { openApiDocument } from "../../../server/http/openapi.ts";
import { basicHeader, changeLabelStudio, sha256Of } from "../../../server/integrations/label-studio/settings.ts";
import { withStore } from "../../../server/settings.ts";
import { ROUTES } from "../../../server/http/routes/route-table.ts";
import { runningApp, type RunningApp } from "../../server/running-app.ts";
import { sampleSession } from "../../server/sample-events.ts";
import { z } from "zod";

// oxlint-disable-next-line typescript/no-explicit-any -- the document is looked into as the JSON that it is.
const document = JSON.parse(JSON.stringify(openApiDocument(ROUTES))) as any;

const PASSWORD = "a password of Label Studio's own";

describe("the OpenAPI document", () => {
  it("has every route, and says of each what it answers", () => {
    for (const { method, path, about } of ROUTES) {
      const operation = document.paths[path.replace(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()];
      assert.equal(operation?.summary, about, `${method} ${path}`);
      const [success] = Object.keys(operation.responses);
      assert.match(success!, /^2/);
      assert.ok(operation.responses[success!].content, `${method} ${path} does not say what it answers`);
    }
  });

  it("names every operation once", () => {
    const ids = Object.values<Record<string, { operationId: string }>>(document.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    assert.equal(new Set(ids).size, ids.length);
  });

  it("refers only to schemas that it has", () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    assert.ok(references.length > 20);
    for (const [, name] of references) assert.ok(document.components.schemas[name!], name);
  });

  it("asks for the token wherever a route is not open", () => {
    for (const { method, path, open, guard } of ROUTES) {
      const operation = document.paths[path.replace(/:(\w+)/g, "{$1}")][method.toLowerCase()];
      const guarded = guard === undefined ? undefined : [{ [guard]: [] }];
      assert.deepEqual(operation.security, open === true ? [] : guarded, `${method} ${path}`);
    }
  });
});

describe("what the server answers is what the document says", () => {
  let server: RunningApp;
  before(async () => {
    server = await runningApp();
    await server.call("POST", "/v1/events", { events: sampleSession().story("shown accepted retained") });
    withStore(server.app.places.dataDir, ({ settings }) =>
      changeLabelStudio(settings, { secretSha256: sha256Of(PASSWORD) }, 1),
    );
  });
  after(() => server[Symbol.asyncDispose]());

  const asLabelStudio = async (path: string) => {
    const answer = await fetch(server.url + path, { headers: { Authorization: basicHeader(PASSWORD) } });
    return { status: answer.status, body: await answer.json() };
  };
  for (const { method, path, answers, guard, status = 200 } of ROUTES) {
    if (method !== "GET" || path.includes(":") || !(answers instanceof z.ZodType)) continue;
    it(`${method} ${path}`, async () => {
      const answer = await (guard === undefined ? server.call("GET", path) : asLabelStudio(path));
      assert.equal(answer.status, status);
      z.strictObject({ answer: answers }).parse({ answer: answer.body });
    });
  }

  it("the document itself", async () => assert.deepEqual((await server.call("GET", "/openapi.json")).body, document));
});
