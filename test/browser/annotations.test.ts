import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { AxeBuilder } from "@axe-core/playwright";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import { type KeptServer, startKeptServer } from "../support/browser/kept-server.ts";
import { visit, waitForText } from "../support/browser/visit.ts";

describe("dashboard: your verdict", function () {
  this.timeout(90_000);
  let browser: Browser;
  let server: KeptServer;
  let ids: string[];
  before(async function () {
    this.timeout(LAUNCH_DEADLINE_MS + 60_000);
    server = await startKeptServer();
    ids = await server.post(
      { completion: "agreed();", then: [{ kind: "accepted", visibleMs: 900 }] },
      {
        completion: "first();",
        then: [
          { kind: "accepted", visibleMs: 900 },
          { kind: "undone", afterMs: 2_000 },
        ],
      },
      {
        completion: "second();",
        then: [
          { kind: "accepted", visibleMs: 900 },
          { kind: "undone", afterMs: 2_000 },
        ],
      },
    );
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  const ratings = async (): Promise<Record<string, string | null>> => {
    const page = (await server.ask("GET", "/v1/suggestions?limit=50")) as {
      suggestions: { completion: string; rating: string | null }[];
    };
    return Object.fromEntries(page.suggestions.map(({ completion, rating }) => [completion, rating]));
  };

  it("asks where signals disagree, takes one key for an answer, and takes it back", async () => {
    await using seen = await visit(browser, server);
    const card = seen.page.locator("#annotations");
    await waitForText(seen.page, "#annotations .completion", "second();");
    assert.match(await card.innerText(), /2 suggestions to ask about/);
    assert.match(await card.locator(".reasons").innerText(), /undone/);
    const { violations } = await new AxeBuilder({ page: seen.page })
      .include("#annotations")
      .setLegacyMode(true)
      .analyze();
    assert.deepEqual(
      violations.map(({ id }) => id),
      [],
    );

    await card.getByRole("button", { name: "Bad" }).focus();
    await seen.page.keyboard.press("b");
    await waitForText(seen.page, "#annotations .completion", "first();");
    await waitForText(seen.page, "#annotations [role=status]", "Called bad. 1 suggestion to ask about");
    assert.equal((await ratings())["second();"], "down");

    await seen.page.keyboard.press("u");
    await waitForText(seen.page, "#annotations .completion", "second();");
    assert.equal((await ratings())["second();"], null);

    await seen.page.keyboard.press("s");
    await waitForText(seen.page, "#annotations .completion", "first();");
    await seen.page.keyboard.press("g");
    await waitForText(seen.page, "#annotations [role=status]", "Called good.");
    assert.deepEqual(await ratings(), { "agreed();": null, "first();": "up", "second();": null });
    assert.equal(ids.length, 3);
    assert.deepEqual(await seen.problems(), []);
  });
});
