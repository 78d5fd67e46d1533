import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { v7 as uuidv7 } from "uuid";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import { type KeptServer, startKeptServer } from "../support/browser/kept-server.ts";
import { visit, waitForCount, waitForText } from "../support/browser/visit.ts";

describe("dashboard: imports", function () {
  this.timeout(60_000);
  let browser: Browser;
  let server: KeptServer;
  before(async function () {
    this.timeout(LAUNCH_DEADLINE_MS + 60_000);
    server = await startKeptServer();
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  it("has no card where nothing was imported", async () => {
    await using seen = await visit(browser, server);
    await waitForText(seen.page, "#datasets", "No dataset yet");
    assert.equal(await seen.page.locator("#imports").count(), 0);
  });

  it("says when imports cannot be read", async () => {
    await using seen = await visit(browser, server, {
      prepare: (page) => page.route("**/v1/imports*", (route) => route.fulfill({ json: { imports: [{ id: 7 }] } })),
    });
    await waitForText(seen.page, "main", "Could not read: imports");
  });

  it("shows what waits and what is in it, and takes the decision by keyboard", async () => {
    const generations = ["<b>x</b> = 1;", "const y = 2;"].map((text, at) => ({
      id: `g${at}`,
      tool: "claude",
      root: "/projects/demo",
      path: `src/f${at}.ts`,
      line: 1,
      text,
    }));
    await server.ask("POST", "/v1/generations", {
      generations,
      import: { id: uuidv7(), kind: "agent-trace", name: "<i>demo</i>" },
    });
    await using seen = await visit(browser, server);
    await waitForText(seen.page, "#imports", "1 import waiting for you");
    await waitForText(seen.page, "#imports tbody", "<i>demo</i> Agent Trace records");
    const button = (name: string) => seen.page.getByRole("button", { name: `${name}: <i>demo</i>`, exact: true });
    await button("Look").press("Enter");
    await waitForCount(seen.page, ".import-suggestions li", 2);
    assert.match(await seen.page.locator(".import-suggestions").innerText(), /<b>x<\/b> = 1;/);
    const { violations } = await new AxeBuilder({ page: seen.page }).include("#imports").setLegacyMode(true).analyze();
    assert.deepEqual(
      violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id }) => id),
      [],
    );
    await button("Accept").press("Enter");
    await waitForText(seen.page, "#imports tbody .badge", "accepted");
    await waitForText(seen.page, "#imports .card-head", "The next dataset has rows of <i>demo</i>.");
    await button("Refuse").press("Enter");
    await waitForText(seen.page, "#imports tbody .badge", "refused");
    await button("Accept as mine").press("Enter");
    await waitForText(seen.page, "#imports tbody .badge", "accepted as own");
    await seen.page.locator(".import-suggestions .link").first().click();
    await waitForText(seen.page, "#why", "Why this suggestion?");
    assert.deepEqual(await seen.problems(), []);
  });
});
