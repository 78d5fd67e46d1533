import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { aliasPage } from "../../protocol/api.ts";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import type { KeptServer } from "../support/browser/kept-server.ts";
import { PAST, startSeededServer } from "../support/browser/seeded-server.ts";
import { visit, waitForText } from "../support/browser/visit.ts";

const [WON, LOST] = PAST;

describe("dashboard: versions", function () {
  this.timeout(60_000);
  let browser: Browser;
  let server: KeptServer;
  before(async function () {
    this.timeout(LAUNCH_DEADLINE_MS + 60_000);
    server = await startSeededServer();
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });
  // `previous` follows the champion, so that going there from the base model leaves it there.
  beforeEach(async () => {
    await move(null, (await champion()) ?? null);
    await move(WON.versionId, null);
  });

  const row = (page: Page, version: string) => page.locator("#versions tbody tr").filter({ hasText: version }).first();
  const champion = async () => {
    const { aliases } = aliasPage.parse(await server.ask("GET", "/v1/aliases"));
    return aliases.find(({ alias }) => alias === "champion")?.version;
  };
  const move = (to: string | null, expected: string | null) =>
    server.ask("PUT", "/v1/aliases/champion", { to, expected, reason: "elsewhere" });

  it("are listed with aliases, verdicts and where they came from", async () => {
    await using seen = await visit(browser, server);
    await waitForText(seen.page, "#versions", WON.versionId);
    assert.match(
      await row(seen.page, WON.versionId).innerText(),
      /champion[\s\S]*run-won[\s\S]*dataset-1[\s\S]*promote/,
    );
    assert.match(await row(seen.page, LOST.versionId).innerText(), /run-lost[\s\S]*dataset-2[\s\S]*refuse/);
    assert.deepEqual(await seen.problems(), []);
  });

  it("are promoted only after a confirmation that warns of a refusal, with its reason in the history", async () => {
    await using seen = await visit(browser, server);
    await seen.page.getByRole("button", { name: `Promote version ${LOST.versionId}` }).click();
    const dialog = seen.page.getByRole("dialog", { name: `Promote ${LOST.versionId} to champion?` });
    await dialog.waitFor();
    assert.match(await dialog.innerText(), /The test refused this version/);
    assert.equal(await champion(), WON.versionId);
    await dialog.getByLabel("Reason").fill("trying it by hand");
    await dialog.getByRole("button", { name: "Promote" }).click();
    await waitForText(seen.page, "#versions [role=status]", `Champion is now ${LOST.versionId}`);
    assert.equal(await champion(), LOST.versionId);
    const { history } = aliasPage.parse(await server.ask("GET", "/v1/aliases"));
    assert.ok(history.some(({ alias, reason }) => alias === "champion" && reason === "trying it by hand"));
    await waitForText(seen.page, "#champion", LOST.versionId);
  });

  for (const how of ["Escape", "Keep as it is"] as const) {
    it(`stay as they are when the question is left with ${how}`, async () => {
      await using seen = await visit(browser, server);
      await seen.page.getByRole("button", { name: `Promote version ${LOST.versionId}` }).click();
      await seen.page.locator("dialog[open]").waitFor();
      if (how === "Escape") await seen.page.keyboard.press("Escape");
      else await seen.page.getByRole("button", { name: how }).click();
      await seen.page.locator("dialog[open]").waitFor({ state: "detached" });
      assert.equal(await champion(), WON.versionId);
    });
  }

  it("roll back to the previous one", async () => {
    await move(LOST.versionId, WON.versionId);
    await using seen = await visit(browser, server);
    await seen.page.getByRole("button", { name: `Roll back to version ${WON.versionId}` }).click();
    await seen.page.locator("dialog[open]").getByRole("button", { name: "Roll back" }).click();
    await waitForText(seen.page, "#champion", WON.versionId);
    assert.equal(await champion(), WON.versionId);
  });

  it("roll back to the base model alone", async () => {
    await using seen = await visit(browser, server);
    await seen.page.getByRole("button", { name: "Roll back to base" }).click();
    await seen.page.locator("dialog[open]").getByRole("button", { name: "Roll back" }).click();
    await waitForText(seen.page, "#champion", "base model");
    assert.equal(await champion(), null);
  });

  it("are not moved over someone else's move, and the page says so", async () => {
    await using seen = await visit(browser, server);
    await seen.page.getByRole("button", { name: `Promote version ${LOST.versionId}` }).click();
    await seen.page.locator("dialog[open]").waitFor();
    await move(null, WON.versionId);
    await waitForText(seen.page, "#champion", "base model");
    await seen.page.locator("dialog[open]").getByRole("button", { name: "Promote" }).click();
    await waitForText(seen.page, "#versions [role=alert]", "The champion had moved meanwhile");
    await waitForText(seen.page, "#versions [role=alert]", "alias-moved");
    assert.equal(await champion(), null);
  });

  it("follow a move that was made elsewhere", async () => {
    await using seen = await visit(browser, server);
    await waitForText(seen.page, "#champion", WON.versionId);
    await move(LOST.versionId, WON.versionId);
    await waitForText(seen.page, "#champion", LOST.versionId);
    await waitForText(seen.page, "#versions tr.selected", LOST.versionId);
  });

  it("lead to their run and their dataset", async () => {
    await using seen = await visit(browser, server);
    await waitForText(seen.page, ".run-head", LOST.runId);
    await row(seen.page, WON.versionId).getByRole("button", { name: /^run / }).click();
    await waitForText(seen.page, ".run-head", WON.runId);
    await waitForText(seen.page, "#verdict .badge", "Promote");
    await row(seen.page, WON.versionId).getByRole("link").click();
    await seen.page.locator(`tr#dataset-${WON.datasetId}:target`).waitFor();
  });

  it("have datasets with their rows by split and source", async () => {
    await using seen = await visit(browser, server);
    await waitForText(seen.page, "#datasets", WON.datasetId);
    assert.match(
      await seen.page.locator(`#dataset-${WON.datasetId}`).innerText(),
      /412\s+51\s+53\s+feedback 96\s+history 420/,
    );
  });
});
