import assert from "node:assert/strict";
import fc from "fast-check";
import type { Browser } from "playwright-core";
import { diffWords } from "../../media/dashboard/line-diff.ts";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import type { KeptServer } from "../support/browser/kept-server.ts";
import { PAST, startSeededServer } from "../support/browser/seeded-server.ts";
import { visit, waitForCount, waitForText } from "../support/browser/visit.ts";

const [WON, LOST] = PAST;

describe("differences of lines", () => {
  const check = (kept: string, written: string, expected: string) =>
    assert.equal(
      diffWords(kept, written)
        .map(({ kind, text }) => (kind === "same" ? text : kind === "added" ? `+[${text}]` : `-[${text}]`))
        .join(""),
      expected,
    );

  it("marks nothing in equal lines", () => check("a + b", "a + b", "a + b"));
  it("marks the words that differ", () => check("sum + row.price", "sum + row.count", "sum + row.-[price]+[count]"));
  it("marks what was left out", () => check("f(a, b)", "f(a)", "f(a-[, b])"));
  it("marks all of it when one is empty", () => {
    check("", "f()", "+[f()]");
    check("f()", "", "-[f()]");
  });
  it("keeps both texts, whatever they are", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 60 });
    fc.assert(
      fc.property(text, text, (kept, written) => {
        const pieces = diffWords(kept, written);
        const without = (kind: string) => pieces.flatMap((piece) => (piece.kind === kind ? [] : [piece.text])).join("");
        assert.deepEqual([without("added"), without("missing")], [kept, written]);
      }),
    );
  });
  it("takes a line of any length", () => {
    const long = Array.from({ length: 5_000 }, (_, i) => `w${i}`).join(" ");
    assert.equal(diffWords(long, `${long}!`).length <= 3, true);
  });
});

describe("dashboard: before and after", function () {
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

  it("shows what was written before and after beside what was kept, with the differences marked", async () => {
    await using seen = await visit(browser, server, { query: `?run=${WON.runId}` });
    await waitForCount(seen.page, ".sample-list > li", 2);
    await waitForText(seen.page, "#samples .card-head", "2 places of 180 cases");
    const first = seen.page.locator(".sample-list > li").first();
    const [before, after] = await first.locator(".sample-sides > div").all();
    assert.match(await before!.innerText(), /Before: the base model\s+another line/);
    assert.equal(await before!.locator("ins").innerText(), "count");
    assert.equal(await before!.locator("del").innerText(), "price");
    assert.match(await after!.innerText(), /After: this run\s+✓ the line that was kept/);
    assert.equal(await after!.locator("ins, del").count(), 0);
    assert.equal(await first.locator(".completion").innerText(), "rows.reduce((sum, row) => sum + row.price, 0);");
    assert.deepEqual(await seen.problems(), []);
  });

  it("shows code as text, hidden characters as escapes, and that nothing was written", async () => {
    await using seen = await visit(browser, server, { query: `?run=${WON.runId}` });
    await waitForCount(seen.page, ".sample-list > li", 2);
    const text = await seen.page.locator(".sample-list > li").nth(1).innerText();
    for (const part of ["<img src=x onerror=alert(1)>", "<b>1</b>;", "It wrote nothing."])
      assert.ok(text.includes(part), part);
    const written = await seen.page.locator(".sample-list > li").nth(1).locator("ins").allInnerTexts();
    assert.match(written.join(" "), /script.*\\u\{202e\}/s);
    assert.equal(await seen.page.locator("#samples img, #samples script, #samples b").count(), 0);
    assert.deepEqual(await seen.problems(), []);
  });

  it("says why there are none, and follows the choice of a run", async () => {
    await using seen = await visit(browser, server, { query: `?run=${LOST.runId}` });
    await waitForText(seen.page, "#samples", "No sample is kept of this test");
    await seen.page.locator(`#run-${WON.runId} button`).press("Enter");
    await waitForCount(seen.page, ".sample-list > li", 2);
    await seen.page.locator("#samples pre.code").first().focus();
    assert.equal(
      await seen.page.evaluate(() => document.activeElement?.ariaLabel),
      "Place 1: code around what was kept",
    );
  });
});
