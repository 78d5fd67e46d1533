import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import { type KeptServer, startKeptServer } from "../support/browser/kept-server.ts";
import { visit, waitForCount, waitForText } from "../support/browser/visit.ts";

describe("dashboard: keyboard", function () {
  this.timeout(60_000);
  let browser: Browser;
  let server: KeptServer;
  before(async function () {
    this.timeout(LAUNCH_DEADLINE_MS + 60_000);
    server = await startKeptServer();
    await server.post({ completion: "first();" }, { completion: "second();" }, { completion: "third();" });
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });
  const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");
  const opened = async () => {
    const seen = await visit(browser, server);
    await waitForCount(seen.page, ".why-button", 3);
    return seen;
  };

  it("slash goes to the filter and types nothing there", async () => {
    await using seen = await opened();
    await seen.page.keyboard.press("/");
    assert.equal(await seen.page.evaluate(() => document.activeElement?.id), "filter-text");
    await seen.page.keyboard.type("jk?/");
    assert.equal(await seen.page.locator("#filter-text").inputValue(), "jk?/");
  });

  it("j and k move through the suggestions and stop at the ends", async () => {
    await using seen = await opened();
    const at: string[] = [];
    for (const key of ["j", "j", "k", "k", "j", "j", "j"]) {
      await seen.page.keyboard.press(key);
      at.push(await focused(seen.page));
    }
    assert.deepEqual(at, ["third();", "second();", "third();", "third();", "second();", "first();", "first();"]);
  });

  it("Enter opens the explanation, j moves it on, Escape closes it and goes back to the row", async () => {
    await using seen = await opened();
    await seen.page.keyboard.press("j");
    await seen.page.keyboard.press("Enter");
    await waitForText(seen.page, "ins.completion", "third();");
    await seen.page.keyboard.press("j");
    await waitForText(seen.page, "ins.completion", "second();");
    await seen.page.keyboard.press("Escape");
    await waitForCount(seen.page, "#why", 0);
    assert.equal(await focused(seen.page), "second();");
  });

  it("a question mark opens the help, and Escape closes it", async () => {
    await using seen = await opened();
    await seen.page.keyboard.press("?");
    await seen.page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    await seen.page.keyboard.press("Escape");
    await waitForCount(seen.page, "dialog[open]", 0);
  });

  it("Tab meets every control of the page in the order in which they stand", async () => {
    await using seen = await opened();
    const stops: string[] = [];
    for (let index = 0; index < 60; index++) {
      await seen.page.keyboard.press("Tab");
      const stop = await seen.page.evaluate(() => {
        const element = document.activeElement;
        if (element === null || element === document.body) return "";
        return `${element.tagName} ${element.getAttribute("name") ?? element.id} ${element.textContent?.trim().slice(0, 24) ?? ""}`;
      });
      if (stop === "") break;
      stops.push(stop);
    }
    const place = (text: string) => stops.findIndex((stop) => stop.includes(text));
    const order = [
      "Skip to",
      "Keyboard",
      "workspaces",
      "Start training",
      "filter-outcome",
      "filter-text",
      "third();",
    ].map(place);
    assert.ok(!order.includes(-1), `${order.join()} of ${stops.join(" | ")}`);
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
  });

  it("every control has a name", async () => {
    await using seen = await opened();
    const nameless = await seen.page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>("button, input, select, textarea, a, summary")]
        .filter((element) => {
          const labels = (element as HTMLInputElement).labels;
          return !(element.textContent?.trim() || element.getAttribute("aria-label") || (labels && labels.length > 0));
        })
        .map((element) => element.outerHTML),
    );
    assert.deepEqual(nameless, []);
  });
});
