import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import type { Feedback } from "../support/browser/feedback.ts";
import type { KeptServer } from "../support/browser/kept-server.ts";
import { PAST, startSeededServer } from "../support/browser/seeded-server.ts";
import { visit, waitForCount, waitForText } from "../support/browser/visit.ts";

const WEEK_MS = 7 * 86_400_000;
const START_MS = Date.UTC(2026, 2, 2, 9);
const N_WEEKS = 6;
const N_A_WEEK = 40;
const [WON] = PAST;

/** Three weeks of the base model, and three of a version that is taken more often; thumbs on all of them. */
function feedback(): Feedback[] {
  return Array.from({ length: N_WEEKS * N_A_WEEK }, (_, at): Feedback => {
    const week = Math.floor(at / N_A_WEEK);
    const isLate = week >= N_WEEKS / 2;
    const taken = (at * 7) % 10 < (isLate ? 7 : 3);
    return {
      path: `src/part-${at}.ts`,
      completion: at % 4 === 0 ? `x${at};` : `return sum(items${at}, start);`,
      adapter: isLate ? WON.versionId : null,
      atMs: START_MS + week * WEEK_MS + (at % N_A_WEEK) * 3_600_000,
      then: taken
        ? [
            { kind: "accepted", visibleMs: 900 },
            { kind: "retained", afterMs: 600_000, tokens: at % 3 === 0 ? 0.5 : 1, strictTokens: 0.5 },
            { kind: "rated", verdict: at % 5 === 0 ? "down" : "up" },
          ]
        : [
            { kind: "rejected", visibleMs: 900 },
            { kind: "rated", verdict: at % 4 === 1 ? "up" : "down" },
          ],
    };
  });
}

describe("dashboard: overview and label weights", function () {
  this.timeout(90_000);
  let browser: Browser;
  let server: KeptServer;
  before(async function () {
    this.timeout(LAUNCH_DEADLINE_MS + 90_000);
    server = await startSeededServer();
    const all = feedback();
    for (let at = 0; at < all.length; at += 100) await server.post(...all.slice(at, at + 100));
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  it("says whether what serves is taken more than what served before, with intervals, by version and length", async () => {
    await using seen = await visit(browser, server);
    const card = seen.page.locator("#overview");
    await waitForText(seen.page, "#overview .standing", /taken:\s+\+\d+\.\d points/);
    const text = await card.locator(".standing").innerText();
    assert.match(text, /against the base model, which served before/);
    assert.match(text, /95 % interval \+\d+\.\d … \+\d+\.\d, 120 against\s+120 suggestions at the same mix of lengths/);
    assert.match(text, /✕ refused/);
    assert.match(text, /No candidate is on trial/);
    const rows = await card.locator("table tbody tr").allInnerTexts();
    assert.equal(rows.length, 4);
    assert.match(rows.join("\n"), /one line\s+\d+\.\d % \d+\.\d % … \d+\.\d %, of 90/);
    // The chart says in words what it shows, and has its figures as a table.
    const chart = card.getByRole("img");
    assert.match(
      (await chart.getAttribute("aria-label")) ?? "",
      /^Taken, one line by week: .* in the first of 6, .* 95 % interval/,
    );
    await card.getByRole("button", { name: "Data table" }).focus();
    await seen.page.keyboard.press("Enter");
    await waitForCount(seen.page, "#overview .chart-table tbody tr", N_WEEKS);
    assert.match(await card.locator(".chart-table").innerText(), /2 Mar\s+\d+\.\d % .* of 30/);
    await card.locator("#overview-measure").selectOption("kept");
    await card.locator("#overview-band").selectOption("short");
    assert.match((await chart.getAttribute("aria-label")) ?? "", /^Taken and kept, up to 20 characters by week/);
    assert.deepEqual(await seen.problems(), []);
  });

  it("follows new feedback", async () => {
    await using seen = await visit(browser, server);
    await waitForText(seen.page, "#overview table", "of 90");
    await server.post({
      completion: "a {\n  b();\n}",
      adapter: WON.versionId,
      then: [{ kind: "accepted", visibleMs: 900 }],
    });
    await waitForText(seen.page, "#overview table", "several lines");
  });

  it("refits label weights to one's own verdicts, shows the diagram, and uses them only when asked", async () => {
    await using seen = await visit(browser, server);
    const { page } = seen;
    const card = page.locator("#labels");
    await waitForText(page, "#labels", "the weights that are shipped, version 3");
    await card.getByRole("button", { name: "Refit to my verdicts" }).click();
    await waitForText(page, "#labels [role=status]", "Fitted. Nothing uses it yet.");
    await waitForText(page, "#labels", /Brier score 0\.\d{4} before, 0\.\d{4} after/);
    assert.match(
      (await card.getByRole("img").getAttribute("aria-label")) ?? "",
      /^Reliability diagram: .* before, .* after/,
    );
    assert.match(await card.locator("table").last().innerText(), /accepted\s+\+1\.00\s+[+−]\d\.\d\d\s+\d+/);
    const version = await card.locator("tbody button.link code").first().innerText();
    await card.getByRole("button", { name: `Use refit ${version}` }).click();
    await waitForText(page, "#labels", `the refit ${version}`);
    await card.getByRole("button", { name: "Use the shipped weights" }).click();
    await waitForText(page, "#labels", "the weights that are shipped, version 3");
    assert.deepEqual(await seen.problems(), []);
  });

  for (const [look, context] of Object.entries({
    light: { colorScheme: "light" },
    dark: { colorScheme: "dark" },
    "forced colours": { colorScheme: "dark", forcedColors: "active" },
  } as const))
    it(`axe finds nothing in ${look}`, async () => {
      await using seen = await visit(browser, server, { context });
      await seen.page.getByRole("form", { name: "Rates shown" }).getByRole("button", { name: "Data table" }).click();
      await waitForText(seen.page, "#labels", "Reliability");
      for (const part of ["#overview", "#labels"]) {
        const { violations } = await new AxeBuilder({ page: seen.page }).include(part).setLegacyMode(true).analyze();
        assert.deepEqual(
          violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
          [],
          part,
        );
      }
      const folder = process.env["KEPT_SCREENSHOTS"];
      if (folder)
        await seen.page.screenshot({ path: `${folder}/overview-${look.replace(" ", "-")}.png`, fullPage: true });
    });
});
