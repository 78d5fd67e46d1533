import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import { type KeptServer, startKeptServer } from "../support/browser/kept-server.ts";
import { visit, waitForCount, waitForText } from "../support/browser/visit.ts";

describe("dashboard: connection", function () {
  this.timeout(90_000);
  let browser: Browser;
  let server: KeptServer;
  before(async function () {
    this.timeout(LAUNCH_DEADLINE_MS);
    browser = await launchChromium();
  });
  after(() => browser?.close());
  beforeEach(async () => void (server = await startKeptServer()));
  afterEach(() => server?.[Symbol.asyncDispose]());

  it("says what to do in each part while there is nothing", async () => {
    await using seen = await visit(browser, server);
    await waitForCount(seen.page, ".empty", 7);
    const texts = await seen.page.locator(".empty").allInnerTexts();
    for (const part of [
      "Rates appear here",
      "Start training",
      "serving champion",
      "VS Code",
      "base model",
      "freezes one",
      "signals disagree",
    ]) {
      assert.ok(
        texts.some((text) => text.includes(part)),
        `${part} in ${texts.join(" | ")}`,
      );
    }
    await waitForText(seen.page, "#champion", "base model");
  });

  it("comes back by itself after the network was gone, with what it missed", async () => {
    await server.post({ completion: "before();" });
    await using seen = await visit(browser, server);
    await waitForCount(seen.page, ".why-button", 1);
    // The open stream is cut and every new one fails, as when the machine slept.
    await seen.page.route("**/v1/stream", (route) => route.abort());
    await seen.page.reload();
    await waitForText(seen.page, ".connection.reconnecting", /Reconnecting, attempt ([2-9]|\d\d)/);
    await server.post({ completion: "missed();" });
    await seen.page.unroute("**/v1/stream");
    await seen.page.locator(".connection.live").waitFor();
    await waitForCount(seen.page, ".why-button", 2);
  });

  it("keeps what it shows while the server is down, and counts its attempts", async () => {
    await server.post({ completion: "kept();" });
    await using seen = await visit(browser, server);
    await waitForCount(seen.page, ".why-button", 1);
    await server.stop();
    // The first attempts may be over before the server's process has ended.
    await waitForText(seen.page, ".connection.reconnecting", /attempt ([3-9]|\d\d)/);
    assert.equal(await seen.rows(), 1);
    assert.equal(await seen.page.locator("[role=alert]").count(), 0);
  });

  it("goes on in the same tab after the server has started anew", async () => {
    await using seen = await visit(browser, server);
    await server.restart();
    // A server that starts anew has a new token; the page says so and takes a new code without a reload.
    await seen.page.locator("h1", { hasText: "This sign-in has ended" }).waitFor();
    await seen.page.goto(await server.loginUrl());
    await seen.page.locator(".connection.live").waitFor();
    await server.post({ completion: "afterwards();" });
    await waitForCount(seen.page, ".why-button", 1);
    assert.equal(new URL(seen.page.url()).hash, "");
  });

  it("explains an action that the server does not answer", async () => {
    await using seen = await visit(browser, server);
    await server.stop();
    await seen.page.getByRole("button", { name: "Start training" }).click();
    await waitForText(seen.page, "kept-training-form [role=alert]", "This page reconnects by itself");
  });

  it("explains an answer that is not of this version", async () => {
    await using seen = await visit(browser, server, {
      prepare: (page) => page.route("**/v1/models*", (route) => route.fulfill({ json: { models: [{ id: 7 }] } })),
    });
    await waitForText(seen.page, "[role=alert]", "unexpected-answer");
    await waitForText(seen.page, "[role=alert]", "Reload the page");
  });
});
