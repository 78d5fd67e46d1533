import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import { type KeptServer, startKeptServer } from "../support/browser/kept-server.ts";
import { visit, waitForCount, waitForText } from "../support/browser/visit.ts";

describe("dashboard: suggestions", function () {
  this.timeout(60_000);
  let browser: Browser;
  let server: KeptServer;
  before(async function () {
    this.timeout(LAUNCH_DEADLINE_MS + 60_000);
    server = await startKeptServer();
    const atMs = Date.now() - 600_000;
    await server.post(
      {
        completion: "return order.lines.reduce((sum, line) => sum + line.price, 0);",
        atMs,
        examples: [
          {
            id: "e1",
            path: "src/cart/sum.ts",
            text: "export const sum = 1;",
            commit: "0f1e2d3c4b5a69788796a5b4c3d2e1f001122334",
          },
        ],
        then: [
          { kind: "read", visibleMs: 800 },
          { kind: "accepted", visibleMs: 1_450 },
          { kind: "rated", verdict: "up", comment: "just right" },
          { kind: "retained", afterMs: 600_000, tokens: 1, strictTokens: 0.9 },
          { kind: "survived", commit: "aa11bb22cc33", afterMs: 700_000, tokens: 0.75, place: "head" },
        ],
      },
      {
        completion: "console.log(order);",
        path: "src/orders/debug.ts",
        atMs: atMs + 60_000,
        then: [
          { kind: "read", visibleMs: 900 },
          { kind: "rejected", visibleMs: 1_200 },
          { kind: "typed-instead", text: "log.debug({ order });" },
        ],
      },
      {
        completion: "raise ValueError(name)",
        path: "tools/check.py",
        language: "python",
        prefix: "name = read()\n".repeat(300),
        atMs: atMs + 120_000,
        then: [{ kind: "ignored", visibleMs: 200 }],
      },
    );
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });
  const row = (page: Page, text: string) => page.locator("tr[data-suggestion]").filter({ hasText: text });

  it("are listed newest first with what became of them", async () => {
    await using seen = await visit(browser, server);
    await waitForCount(seen.page, ".why-button", 3);
    const paths = await seen.page.locator(".suggestion-cell bdi").allInnerTexts();
    assert.deepEqual(paths, ["tools/check.py", "src/orders/debug.ts", "src/orders/total.ts"]);
    const accepted = await row(seen.page, "order.lines").innerText();
    for (const part of ["accepted", "good", "100.0 %", "75.0 %", "base", "10 minutes ago", "thumb up"]) {
      assert.ok(accepted.includes(part), `${part} in ${accepted}`);
    }
    assert.match(await row(seen.page, "console.log").innerText(), /rejected[\s\S]*bad/);
  });

  it("show both the relative and the absolute time", async () => {
    await using seen = await visit(browser, server);
    const time = row(seen.page, "order.lines").locator("time");
    assert.match((await time.getAttribute("title")) ?? "", /\d{1,2} \w+ \d{4}, \d\d:\d\d:\d\d/);
    assert.ok(!Number.isNaN(Date.parse((await time.getAttribute("datetime")) ?? "")));
  });

  it("explain themselves: context, reasons, examples with their commit, events", async () => {
    await using seen = await visit(browser, server);
    await row(seen.page, "order.lines").locator("button").click();
    await waitForText(seen.page, "#why", "In-context examples");
    const why = seen.page.locator("#why");
    const code = await why.locator("pre").first().innerText();
    assert.equal(
      code,
      "export function total(order: Order): number {\n  return order.lines.reduce((sum, line) => sum + line.price, 0);\n}\n",
    );
    assert.equal(
      await why.locator("ins").innerText(),
      "return order.lines.reduce((sum, line) => sum + line.price, 0);",
    );
    assert.match(await why.locator(".reasons").innerText(), /\+2\.5/);
    assert.match(await why.locator(".example").innerText(), /src\/cart\/sum\.ts[\s\S]*0f1e2d3c4b/);
    const kinds = await why.locator(".timeline b").allInnerTexts();
    assert.deepEqual(kinds, ["shown", "read", "accepted", "rated", "retained", "survived"]);
    assert.match(await why.locator(".timeline").innerText(), /just right/);
    assert.deepEqual(await seen.problems(), []);
  });

  it("bring the completion into view under a long prefix", async () => {
    await using seen = await visit(browser, server);
    await row(seen.page, "raise").locator("button").click();
    await waitForText(seen.page, "#why .around", "characters before");
    await seen.page.waitForFunction(() => {
      const code = document.querySelector("#why .code")?.getBoundingClientRect();
      const completion = document.querySelector("#why .completion")?.getBoundingClientRect();
      return code && completion && completion.top >= code.top && completion.bottom <= code.bottom;
    });
  });

  it("show what the developer wrote instead", async () => {
    await using seen = await visit(browser, server);
    await row(seen.page, "console.log").locator("button").click();
    await waitForText(seen.page, ".timeline", "log.debug({ order });");
  });

  it("keep the opened explanation in the address", async () => {
    await using seen = await visit(browser, server);
    await row(seen.page, "raise").locator("button").click();
    await waitForText(seen.page, "#why", "tools/check.py");
    await seen.page.reload();
    await waitForText(seen.page, "#why", "tools/check.py");
    await seen.page.locator("#why").getByRole("button", { name: "Close" }).click();
    assert.equal(new URL(seen.page.url()).searchParams.get("suggestion"), null);
  });

  it("say so when the address names one that there is not", async () => {
    await using seen = await visit(browser, server, { query: "?suggestion=none" });
    await waitForText(seen.page, "#why [role=alert]", "not-found");
  });

  const filters: readonly (readonly [string, number])[] = [
    ["?outcome=rejected", 1],
    ["?label=good", 1],
    ["?q=SRC%2Forders", 2],
    ["?q=python", 1],
    ["?outcome=accepted&q=nothing-like-this", 0],
  ];
  it("are filtered by the address", async () => {
    await using seen = await visit(browser, server);
    for (const [query, count] of filters) {
      await seen.page.goto(server.url + query);
      await waitForText(seen.page, ".filter [role=status]", `${count} of 3 loaded`);
      assert.equal(await seen.rows(), count, query);
    }
  });

  it("put the filter into the address and get back to all of them", async () => {
    await using seen = await visit(browser, server);
    await waitForCount(seen.page, ".why-button", 3);
    await seen.page.getByLabel("Outcome").selectOption("rejected");
    await seen.page.getByLabel("Text").fill("debug");
    await waitForCount(seen.page, ".why-button", 1);
    assert.equal(new URL(seen.page.url()).search, "?outcome=rejected&q=debug");
    await seen.page.reload();
    await waitForCount(seen.page, ".why-button", 1);
    assert.equal(await seen.page.getByLabel("Outcome").inputValue(), "rejected");
    await seen.page.getByLabel("Text").fill("nothing like this");
    await seen.page.getByRole("button", { name: "Clear the filter" }).click();
    await waitForCount(seen.page, ".why-button", 3);
    assert.equal(new URL(seen.page.url()).search, "");
  });

  it("appear while the page is open", async () => {
    await using other = await visit(browser, server, { query: "?q=arrived-live" });
    await server.post({ completion: "arrived-live();", then: [] });
    await waitForCount(other.page, ".why-button", 1);
  });

  it("load older ones on demand", async () => {
    const many = Array.from({ length: 60 }, (_, index) => ({
      completion: `older(${index});`,
      path: "src/many.ts",
      source: "replay" as const,
    }));
    await server.post(...many);
    await using seen = await visit(browser, server);
    await waitForCount(seen.page, ".why-button", 50);
    await seen.page.getByRole("button", { name: "Load older suggestions" }).click();
    await seen.page.waitForFunction(() => document.querySelectorAll(".why-button").length > 60);
    assert.equal(await seen.page.getByRole("button", { name: "Load older suggestions" }).count(), 0);
  });
});
