import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import { type KeptServer, startKeptServer } from "../support/browser/kept-server.ts";
import { PAST, startSeededServer } from "../support/browser/seeded-server.ts";
import { visit, waitForText } from "../support/browser/visit.ts";

const LOOKS = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  "high contrast": { colorScheme: "dark", contrast: "more" },
  "forced colours": { colorScheme: "dark", contrast: "more", forcedColors: "active" },
} as const;

describe("dashboard: accessibility", function () {
  this.timeout(90_000);
  let browser: Browser;
  let server: KeptServer;
  let empty: KeptServer;
  let suggestionId: string;
  before(async function () {
    this.timeout(LAUNCH_DEADLINE_MS + 90_000);
    server = await startSeededServer();
    empty = await startKeptServer();
    [suggestionId = ""] = await server.post(
      {
        completion: "return total\u200b;",
        examples: [{ id: "e", path: "src/a.ts", text: "const a = 1;", commit: "abcdef" }],
        then: [
          { kind: "accepted", visibleMs: 900 },
          { kind: "rated", verdict: "up" },
        ],
      },
      { completion: "bad();", then: [{ kind: "rejected", visibleMs: 900 }] },
    );
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await empty?.[Symbol.asyncDispose]();
  });

  /** Rules broken seriously or critically, each with the places where. */
  const findings = async (page: Page, within = "html") => {
    const { violations } = await new AxeBuilder({ page }).include(within).setLegacyMode(true).analyze();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
  };

  for (const [look, context] of Object.entries(LOOKS)) {
    it(`axe finds nothing serious in ${look}, with everything open and in a dialog`, async () => {
      await using seen = await visit(browser, server, {
        query: `?suggestion=${suggestionId}&run=${PAST[0].runId}`,
        context,
      });
      await waitForText(seen.page, "#why", "In-context examples");
      await seen.page.locator(".sample-list").waitFor();
      for (const table of await seen.page.getByRole("button", { name: "Data table" }).all()) await table.click();
      await seen.page.getByText("Hyper-parameters").click();
      await seen.page.locator(".example summary").click();
      assert.deepEqual(await findings(seen.page), []);
      await seen.page.getByRole("button", { name: /Promote version/ }).click();
      await seen.page.locator("dialog[open]").waitFor();
      assert.deepEqual(await findings(seen.page, "dialog[open]"), []);
    });
  }

  it("axe finds nothing serious while everything is empty", async () => {
    await using seen = await visit(browser, empty);
    await seen.page.locator(".empty").nth(4).waitFor();
    assert.deepEqual(await findings(seen.page), []);
  });

  it("axe finds nothing serious on the page that asks to sign in", async () => {
    await using seen = await visit(browser, empty, { url: empty.url });
    await seen.page.locator("h1").waitFor();
    assert.deepEqual(await findings(seen.page), []);
  });

  it("follows the theme of the system", async () => {
    const shades: number[] = [];
    for (const colorScheme of ["light", "dark"] as const) {
      await using seen = await visit(browser, empty, { context: { colorScheme } });
      const colour = await seen.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      shades.push(Number(/\d+/.exec(colour)?.[0]));
    }
    assert.ok(shades[0]! > 200 && shades[1]! < 60, shades.join());
  });

  it("takes the editor's colours where there are some", async () => {
    await using seen = await visit(browser, empty);
    await seen.page.evaluate(() =>
      document.documentElement.style.setProperty("--vscode-editor-background", "rgb(1, 2, 3)"),
    );
    assert.equal(await seen.page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(1, 2, 3)");
  });

  for (const width of [360, 800, 1920]) {
    it(`needs no sideways scrolling at ${width} pixels`, async () => {
      await using seen = await visit(browser, server, {
        query: `?suggestion=${suggestionId}`,
        context: { viewport: { width, height: 800 } },
      });
      await waitForText(seen.page, "#why", "Events");
      await waitForText(seen.page, "#versions", "champion");
      await seen.page.locator(".uplot").waitFor();
      const { scroll, inner } = await seen.page.evaluate(() => ({
        scroll: document.documentElement.scrollWidth,
        inner: innerWidth,
      }));
      assert.ok(scroll <= inner, `${scroll} > ${inner}`);
    });
  }

  it("prints the data without the controls", async () => {
    await using seen = await visit(browser, server);
    await seen.page.locator(".why-button").first().waitFor();
    await seen.page.emulateMedia({ media: "print" });
    assert.equal(await seen.page.locator("#filter-text").isVisible(), false);
    assert.equal(await seen.page.getByRole("button", { name: "Start training" }).isVisible(), false);
    assert.equal(await seen.page.locator(".why-button").first().isVisible(), true);
    assert.ok((await seen.page.pdf()).byteLength > 10_000);
  });
});
