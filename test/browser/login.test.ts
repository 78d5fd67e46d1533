import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import { type KeptServer, startKeptServer } from "../support/browser/kept-server.ts";
import { visit } from "../support/browser/visit.ts";

describe("dashboard: signing in", function () {
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

  it("loads without a policy violation, a console error or a request elsewhere", async () => {
    await using seen = await visit(browser, server);
    assert.equal(await seen.page.title(), "Kept");
    assert.deepEqual(await seen.problems(), []);
  });

  it("is served with a policy that allows only its own script", async () => {
    const { headers } = await fetch(server.url);
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|\*/);
  });

  it("takes the code out of the address, also out of the history", async () => {
    await using seen = await visit(browser, server, { query: "?outcome=accepted" });
    assert.equal(new URL(seen.page.url()).hash, "");
    assert.equal(new URL(seen.page.url()).search, "?outcome=accepted");
    assert.equal(await seen.page.evaluate(() => document.documentElement.outerHTML.includes("code=")), false);
  });

  it("keeps the token in the session storage alone", async () => {
    await using seen = await visit(browser, server);
    const { token } = server.runtime;
    const places = await seen.page.evaluate(() => ({
      session: JSON.stringify(sessionStorage),
      elsewhere: [
        document.documentElement.outerHTML,
        location.href,
        JSON.stringify(localStorage),
        document.cookie,
        window.name,
      ],
    }));
    assert.ok(places.session.includes(token));
    for (const place of places.elsewhere) assert.ok(!place.includes(token));
  });

  it("never puts the token into a URL", async () => {
    const urls: string[] = [];
    await using seen = await visit(browser, server, {
      prepare: async (page) => void page.on("request", (request) => urls.push(request.url())),
    });
    await seen.page.reload();
    await seen.page.locator(".connection.live").waitFor();
    assert.ok(urls.length > 5);
    assert.deepEqual(
      urls.filter((url) => url.includes(server.runtime.token)),
      [],
    );
  });

  it("stays signed in after a reload of the tab", async () => {
    await using seen = await visit(browser, server);
    await seen.page.reload();
    await seen.page.locator(".connection.live").waitFor();
    assert.equal(await seen.page.locator("h1").innerText(), "Kept");
  });

  const refused: readonly (readonly [string, string, string])[] = [
    ["without a code", "", "Open this page from Kept"],
    ["with a wrong code", "#code=0123456789abcdefghij", "This code was not accepted"],
    ["with a code that is too short", "#code=short", "Open this page from Kept"],
  ];
  for (const [how, fragment, title] of refused) {
    it(`says what to do ${how}`, async () => {
      await using seen = await visit(browser, server, { url: server.url + fragment });
      await seen.page.locator("h1", { hasText: title }).waitFor();
      assert.match(await seen.page.locator("main").innerText(), /VS Code/);
      assert.equal(new URL(seen.page.url()).hash, "");
    });
  }

  it("takes a code only once", async () => {
    const url = await server.loginUrl();
    await using first = await visit(browser, server, { url });
    await first.page.locator(".connection.live").waitFor();
    await using second = await visit(browser, server, { url });
    await second.page.locator("h1", { hasText: "This code was not accepted" }).waitFor();
  });

  it("asks to sign in again when the token is refused", async () => {
    await using seen = await visit(browser, server);
    await seen.page.evaluate(() => sessionStorage.setItem("kept.token", "not-the-token"));
    await seen.page.reload();
    await seen.page.locator("h1", { hasText: "This sign-in has ended" }).waitFor();
    assert.equal(await seen.page.evaluate(() => sessionStorage.getItem("kept.token")), null);
  });
});
