import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { Browser } from "playwright-core";
import type { DatasetRow } from "../../protocol/api.ts";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import { dialogFindings } from "../support/browser/dialog-findings.ts";
import { type KeptServer, startKeptServer } from "../support/browser/kept-server.ts";
import { visit, waitForCount, waitForText } from "../support/browser/visit.ts";

const SECRET_IDEA = "chargeTwiceForTheFerryman(orders)";

describe("dashboard: forget", function () {
  this.timeout(90_000);
  let browser: Browser;
  let server: KeptServer;
  let ids: string[];
  before(async function () {
    this.timeout(LAUNCH_DEADLINE_MS + 60_000);
    server = await startKeptServer();
    ids = await server.post(
      { completion: SECRET_IDEA, path: "src/ferry.ts", then: [{ kind: "accepted", visibleMs: 900 }] },
      { completion: "return total;", path: "src/total.ts", then: [{ kind: "accepted", visibleMs: 900 }] },
    );
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  /** Files of the data folder that hold the text. */
  const holders = (text: string): string[] =>
    readdirSync(server.dataDir, { recursive: true, encoding: "utf8" }).filter((name) => {
      const file = path.join(server.dataDir, name);
      return statSync(file).isFile() && readFileSync(file).includes(text);
    });

  it("explains a suggestion, and after a question deletes everything of it", async () => {
    const dataset = (await server.ask("POST", "/v1/datasets", {})) as DatasetRow;
    assert.ok(holders(SECRET_IDEA).length > 0);
    await using seen = await visit(browser, server);
    const { page } = seen;
    await page.getByRole("button", { name: `Why ${SECRET_IDEA}` }).click();
    await waitForText(page, "#why", "accepted");
    await page.locator("#why").getByRole("button", { name: "Forget" }).click();
    const dialog = page.getByRole("dialog", { name: "Forget this suggestion?" });
    assert.deepEqual(await dialogFindings(page), []);
    await dialog.getByRole("button", { name: "Keep as it is" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal(await seen.rows(), 2);

    await page.locator("#why").getByRole("button", { name: "Forget" }).click();
    await dialog.getByRole("button", { name: "Forget it" }).click();
    await waitForText(page, "#suggestions .said", "Forgotten: 2 events, with 1 dataset.");
    await waitForCount(page, ".why-button", 1);
    await waitForCount(page, "#why", 0);
    await waitForText(page, `#dataset-${dataset.id}`, "forgotten");
    await waitForText(page, "#system", /Last .*: 1 suggestion,\s+2 events/);
    assert.match(
      await page.locator("#system").innerText(),
      /✓ stores events[\s\S]*protocol 1, store \d+, Node v?24[\s\S]*new labels/,
    );
    assert.deepEqual(holders(SECRET_IDEA), []);
    await assert.rejects(server.ask("GET", `/v1/suggestions/${ids[0]}/why`), /404/);
    assert.deepEqual(await seen.problems(), []);
  });

  it("says so when nothing could be forgotten", async () => {
    await using seen = await visit(browser, server, {
      query: `?suggestion=${ids[1]}`,
      prepare: (page) => page.route("**/v1/forget", (route) => route.fulfill({ status: 507, body: "{}" })),
    });
    await seen.page.locator("#why").getByRole("button", { name: "Forget" }).click();
    await seen.page.locator("dialog[open]").getByRole("button", { name: "Forget it" }).click();
    await waitForText(seen.page, "#why .notice", "Nothing was forgotten");
    assert.equal(await seen.rows(), 1);
  });
});
