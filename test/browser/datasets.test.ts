import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Browser } from "playwright-core";
import type { DatasetRow } from "../../protocol/api.ts";
import { readTar } from "../../server/archive/tar.ts";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import type { Feedback } from "../support/browser/feedback.ts";
import { type KeptServer, startKeptServer } from "../support/browser/kept-server.ts";
import { makeFixedRepository } from "../support/fixed-repository.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { visit, waitForCount, waitForText } from "../support/browser/visit.ts";

const START_MS = Date.UTC(2026, 0, 5, 9);
const N_PLACES = 60;

/** A developer who takes every third suggestion and writes something else in the place of the others. */
function feedback(): Feedback[] {
  return Array.from({ length: N_PLACES }, (_, at) => ({
    path: `src/part-${at}.ts`,
    prefix: `import { item${at * 7} } from "./item-${at * 7}.ts";\nconst field${at * 31} = `,
    suffix: `;\nuse${at * 13}(field${at * 31});\n`,
    completion: at === 1 ? "<img src=x onerror=alert(1)>\u202e" : `build${at * 17}(item${at * 7})`,
    atMs: START_MS + at * 3_600_000,
    then:
      at % 3 === 0
        ? [
            { kind: "accepted", visibleMs: 900 },
            { kind: "retained", afterMs: 600_000, tokens: 1, strictTokens: 1 },
          ]
        : [
            { kind: "rejected", visibleMs: 1_200 },
            { kind: "typed-instead", text: `written${at * 19}(item${at * 7})` },
          ],
  }));
}

describe("dashboard: datasets", function () {
  this.timeout(90_000);
  let browser: Browser;
  let server: KeptServer;
  let dataset: DatasetRow;
  before(async function () {
    this.timeout(LAUNCH_DEADLINE_MS + 90_000);
    server = await startKeptServer();
    await server.post(...feedback());
    dataset = (await server.ask("POST", "/v1/datasets", {})) as DatasetRow;
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });

  const ratingOf = async (path: string): Promise<string | null> => {
    const page = (await server.ask("GET", "/v1/suggestions?limit=100")) as {
      suggestions: { path: string; rating: string | null }[];
    };
    return page.suggestions.find((one) => one.path === path)!.rating;
  };

  it("lists what is in a dataset by view and part, what was left out, and each example in its place", async () => {
    await using seen = await visit(browser, server);
    await seen.page.getByRole("button", { name: /Browse dataset/ }).click();
    const card = seen.page.locator("#dataset-browser");
    await waitForText(seen.page, "#dataset-browser caption", "Examples by view and part");
    assert.equal(new URL(seen.page.url()).searchParams.get("dataset"), dataset.id);
    const supervised = await card.locator("tbody tr").first().innerText();
    const { train, validation, test } = dataset.rows;
    assert.deepEqual(supervised.split(/\s+/), ["Supervised", String(train), String(validation), String(test)]);
    assert.match(await card.innerText(), /bad, and as late as what is measured by/);
    await waitForCount(seen.page, "#dataset-browser .example-button", Math.min(50, train));
    await card.locator("#dataset-split").selectOption("test");
    await waitForCount(seen.page, "#dataset-browser .example-button", test);
    await card.locator("#dataset-view").selectOption("dpo");
    await waitForText(seen.page, "#dataset-browser .example-detail", "Written in its place");
    assert.match(await card.locator(".example-detail").innerText(), /written19\(item7\)/);
    // Code is text, whatever is in it; what hides or turns text is shown as an escape.
    assert.match(await card.locator(".completion.refused").innerText(), /<img src=x onerror=alert\(1\)>\\u\{202e\}/);
    assert.equal(await card.locator("img").count(), 0);
    await card.getByRole("button", { name: "Why this suggestion?" }).click();
    await waitForText(seen.page, "#why", "rejected");
    await card.getByRole("button", { name: "Close" }).click();
    await waitForCount(seen.page, "#dataset-browser", 0);
    assert.match(
      (await seen.page.evaluate(() => document.activeElement?.getAttribute("aria-label"))) ?? "",
      /Browse dataset/,
    );
    assert.deepEqual(await seen.problems(), []);
  });

  it("takes one key to correct a label, and one to take that back", async () => {
    await using seen = await visit(browser, server, { query: `?dataset=${dataset.id}` });
    const { page } = seen;
    const card = page.locator("#dataset-browser");
    await card.locator(".example-button").first().focus();
    const first = await card.locator(".example-button[aria-current=true] bdi").innerText();
    await page.keyboard.press("b");
    await waitForText(page, "#dataset-browser [role=status]", "Called bad.");
    await waitForText(page, "#dataset-browser .example-button[aria-current=true]", "you: bad");
    assert.equal(await ratingOf(first), "down");
    await page.keyboard.press("u");
    await waitForCount(page, "#dataset-browser .example-button .yours", 0);
    assert.equal(await ratingOf(first), null);
    // What the developer wrote is no suggestion: nothing to correct.
    await page.keyboard.press("j");
    await waitForText(page, "#dataset-browser .example-detail", "typed in the place of a suggestion");
    assert.equal(await card.getByRole("button", { name: /^Good/ }).isDisabled(), true);
    await page.keyboard.press("g");
    await page.keyboard.press("k");
    await page.keyboard.press("g");
    await waitForText(page, "#dataset-browser [role=status]", "Called good.");
    assert.equal(await ratingOf(first), "up");
    assert.equal(await ratingOf("src/part-1.ts"), null);
    await page.keyboard.press("u");
    await waitForCount(page, "#dataset-browser .example-button .yours", 0);
    assert.deepEqual(await seen.problems(), []);
  });

  it("says why code from git history is bad", async () => {
    await using folder = await tempFolder();
    const { dir, fixed } = makeFixedRepository(path.join(folder.dir, "repo"));
    const mined = (await server.ask("POST", "/v1/datasets", { workspaces: [dir] })) as DatasetRow;
    await using seen = await visit(browser, server, { query: `?dataset=${mined.id}` });
    const card = seen.page.locator("#dataset-browser");
    await card.locator("#dataset-view").selectOption("kto");
    await card.locator(".example-button", { hasText: "let found" }).first().click();
    await waitForText(seen.page, "#dataset-browser .loss", "replaced by a fix");
    const said = await card.locator(".example-detail").innerText();
    for (const part of ["from git history", "2 d", fixed.slice(0, 10), "nobody was asked"])
      assert.ok(said.includes(part), `${part}: ${said}`);
    await card.locator("#dataset-view").selectOption("dpo");
    await card.locator(".example-button", { hasText: "let found" }).first().click();
    await waitForText(seen.page, "#dataset-browser .example-detail", "Written in its place");
    assert.deepEqual(await seen.problems(), []);
  });

  it("downloads an export that holds the rows, the card and the manifest", async () => {
    await using seen = await visit(browser, server, { query: `?dataset=${dataset.id}` });
    const card = seen.page.locator("#dataset-browser");
    await card.getByLabel("Export as").selectOption("kto");
    const [download] = await Promise.all([
      seen.page.waitForEvent("download"),
      card.getByRole("button", { name: "Download" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), `kept-dataset-${dataset.id}-kto.tar`);
    const bytes = readFileSync((await download.path())!);
    const files = new Map<string, string>();
    for await (const entry of readTar(
      (async function* () {
        yield bytes;
      })(),
    )) {
      const pieces: Uint8Array[] = [];
      for await (const piece of entry.read()) pieces.push(Buffer.from(piece));
      files.set(entry.name.split("/").slice(1).join("/"), Buffer.concat(pieces).toString());
    }
    assert.deepEqual([...files.keys()].sort(), [
      "README.md",
      "manifest.json",
      "test.jsonl",
      "train.jsonl",
      "validation.jsonl",
    ]);
    const labels = files
      .get("train.jsonl")!
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { label: boolean }).label);
    assert.ok(labels.includes(true) && labels.includes(false));
    await waitForText(seen.page, "#dataset-browser [role=status]", "It holds source code");
    assert.deepEqual(await seen.problems(), []);
  });

  it("cancels an export, which saves nothing", async () => {
    await using seen = await visit(browser, server, {
      query: `?dataset=${dataset.id}`,
      // Held on its way until it is given up.
      prepare: (page) => page.route("**/export?*", () => {}),
    });
    const card = seen.page.locator("#dataset-browser");
    await card.getByRole("button", { name: "Download" }).click();
    await card.getByRole("button", { name: "Cancel export" }).click();
    await waitForText(seen.page, "#dataset-browser [role=status]", "Cancelled. Nothing was saved.");
    assert.equal(await card.getByRole("button", { name: "Download" }).isEnabled(), true);
  });

  for (const colorScheme of ["light", "dark"] as const)
    it(`axe finds nothing serious in ${colorScheme}`, async () => {
      await using seen = await visit(browser, server, { query: `?dataset=${dataset.id}`, context: { colorScheme } });
      await waitForText(seen.page, "#dataset-browser .example-detail", "weight");
      const folder = process.env["KEPT_SCREENSHOTS"];
      if (folder)
        await seen.page.locator("#dataset-browser").screenshot({ path: `${folder}/dataset-${colorScheme}.png` });
      const { violations } = await new AxeBuilder({ page: seen.page })
        .include("#dataset-browser")
        .setLegacyMode(true)
        .analyze();
      assert.deepEqual(
        violations.map(({ id }) => id),
        [],
      );
    });

  it("says so when the rows are gone", async () => {
    await using seen = await visit(browser, server, { query: "?dataset=nothing" });
    await waitForText(seen.page, "#dataset-browser .notice", "There is no dataset with this id");
  });
});
