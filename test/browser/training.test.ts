import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import type { KeptServer } from "../support/browser/kept-server.ts";
import { PAST, startSeededServer } from "../support/browser/seeded-server.ts";
import { makeWorkspace, type Workspace } from "../support/browser/workspace.ts";
import { lossAt, PAST_STEPS } from "../support/browser/training-history.ts";
import { visit, waitForCount, waitForText } from "../support/browser/visit.ts";

const [WON, LOST] = PAST;
/** A real run's first steps on two busy cores, milliseconds. */
const FIRST_STEPS_DEADLINE_MS = 240_000;

describe("dashboard: training", function () {
  this.timeout(60_000);
  let browser: Browser;
  let server: KeptServer;
  let workspace: Workspace;
  before(async function () {
    this.timeout(LAUNCH_DEADLINE_MS + 60_000);
    workspace = await makeWorkspace();
    server = await startSeededServer();
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await workspace?.[Symbol.asyncDispose]();
  });
  const chartName = (page: Page) => page.locator(".canvas-place").getAttribute("aria-label");

  it("draws the stored curve of a finished run", async () => {
    await using seen = await visit(browser, server);
    await seen.page.locator(".uplot canvas").waitFor();
    const inked = await seen.page.locator(".uplot canvas").evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, index) => index % 4 === 3 && value > 0).length / (data.length / 4);
    });
    assert.ok(inked > 0.005, `${inked} of the chart is drawn`);
    assert.match(
      (await chartName(seen.page)) ?? "",
      new RegExp(`${lossAt(PAST_STEPS).toFixed(3)} at step ${PAST_STEPS}`),
    );
    assert.deepEqual(await seen.problems(), []);
  });

  it("shows the figures of the run", async () => {
    await using seen = await visit(browser, server, { query: `?run=${WON.runId}` });
    await waitForText(seen.page, ".figures", "60 / 60");
    const figures = await seen.page.locator(".figures").innerText();
    for (const part of ["done", "2.67 → 1.22", "640", "2 min 11 s"]) assert.ok(figures.includes(part), part);
  });

  it("shows the same points as a table", async () => {
    await using seen = await visit(browser, server);
    await seen.page.locator("#training").getByRole("button", { name: "Data table" }).click();
    await waitForCount(seen.page, ".chart-table tbody tr", PAST_STEPS);
    assert.match(
      await seen.page.locator(".chart-table tbody tr").nth(9).innerText(),
      /^10\s+\d\.\d{4}\s+\d\.\d{4}\s+640$/,
    );
    await seen.page.locator("#training").getByRole("button", { name: "Data table" }).click();
    await waitForCount(seen.page, ".chart-table", 0);
  });

  for (const [form, pattern] of [
    ["CSV", /^step,totalSteps,loss[\s\S]*\r\n60,60,1\.\d+/],
    ["JSON", /"runId": "run-lost"[\s\S]*"step": 60/],
  ] as const) {
    it(`downloads the curve as ${form}`, async () => {
      await using seen = await visit(browser, server);
      await seen.page.locator(".uplot").waitFor();
      const [download] = await Promise.all([
        seen.page.waitForEvent("download"),
        seen.page.getByRole("button", { name: `Download ${form}` }).click(),
      ]);
      assert.equal(download.suggestedFilename(), `kept-run-run-lost.${form.toLowerCase()}`);
      assert.match(await readFile(await download.path(), "utf8"), pattern);
      assert.deepEqual(await seen.problems(), []);
    });
  }

  it("shows a refusal: interval over zero, the guard that failed, the sentence", async () => {
    await using seen = await visit(browser, server, { query: `?run=${LOST.runId}` });
    await waitForText(seen.page, "#verdict .badge", "Refuse");
    const verdict = await seen.page.locator("#verdict").innerText();
    for (const part of ["a guard fails", "Length mix", "14 % longer", "23.1 %", "22.8 %", "+0.3 pt"]) {
      assert.ok(verdict.includes(part), part);
    }
    const plot = seen.page.locator("svg.interval");
    assert.match((await plot.getAttribute("aria-label")) ?? "", /from −0\.0102 to \+0\.0109; zero is inside/);
    assert.match((await plot.getAttribute("class")) ?? "", /open/);
    await waitForCount(seen.page, ".guards li.bad", 1);
  });

  it("shows a promotion: the interval is right of the zero line", async () => {
    await using seen = await visit(browser, server, { query: `?run=${WON.runId}` });
    await waitForText(seen.page, "#verdict .badge", "Promote");
    const at = (selector: string, name: string) =>
      seen.page
        .locator(`svg.interval ${selector}`)
        .first()
        .evaluate((line, key) => Number(line.getAttribute(key)), name);
    assert.ok((await at(".range", "x1")) > (await at(".zero", "x1")));
  });

  it("remembers the workspaces in this browser and refuses values that cannot be", async () => {
    await using seen = await visit(browser, server);
    await seen.page.getByLabel(/Workspace folders/).fill(`${"/x".repeat(3_000)}`);
    await seen.page.getByRole("button", { name: "Start training" }).click();
    await waitForText(seen.page, "kept-training-form [role=alert]", "invalid");
    await seen.page.reload();
    await seen.page.locator(".connection.live").waitFor();
    assert.match(await seen.page.getByLabel(/Workspace folders/).inputValue(), /^\/x\/x/);
  });

  it("shows a real run live from its first steps, pauses it, resumes it and cancels it", async function () {
    this.timeout(FIRST_STEPS_DEADLINE_MS + 60_000);
    await using seen = await visit(browser, server);
    await seen.page.getByLabel(/Workspace folders/).fill(workspace.dir);
    await seen.page.getByText("Hyper-parameters").click();
    await seen.page.getByLabel("Steps", { exact: true }).fill("200");
    await seen.page.getByRole("button", { name: "Start training" }).click();
    await seen.page.locator(".run-head .badge.active").waitFor();
    await seen.page.waitForFunction(
      () => Number(/at step (\d+)/.exec(document.querySelector(".canvas-place")?.ariaLabel ?? "")?.[1]) >= 2,
      undefined,
      { timeout: FIRST_STEPS_DEADLINE_MS },
    );
    assert.equal(await seen.page.locator('.stage[aria-current="step"] .stage-name').innerText(), "train");
    assert.match(await seen.page.locator(".loop").innerText(), /step \d+ of 200/);
    assert.match(await seen.page.locator(".figures").innerText(), /\d+ \/ 200/);
    await seen.page.locator(".uplot canvas").waitFor();
    assert.equal(await seen.page.getByRole("button", { name: "Start training" }).isDisabled(), true);
    await seen.page.getByRole("button", { name: "Pause run" }).click();
    await waitForText(seen.page, ".run-head", "paused");
    await seen.page.getByRole("button", { name: "Resume run" }).click();
    await seen.page.locator(".run-head .badge.active").waitFor({ timeout: FIRST_STEPS_DEADLINE_MS });
    await seen.page.getByRole("button", { name: "Cancel run" }).click();
    await waitForText(seen.page, ".run-head", "cancelled");
    await waitForText(seen.page, "#verdict", "cancelled before the test");
    assert.deepEqual(await seen.problems(), []);
  });
});
