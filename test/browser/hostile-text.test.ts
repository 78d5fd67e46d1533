import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import { type KeptServer, startKeptServer } from "../support/browser/kept-server.ts";
import { visit, type Visit, waitForText } from "../support/browser/visit.ts";

/** What may come out of a repository, a model or another client, and what has to be on the page instead. */
const CORPUS: readonly (readonly [name: string, text: string, shown: string])[] = [
  ["an image with a handler", "<img src=x onerror=window.__pwned=1>", "<img src=x onerror=window.__pwned=1>"],
  ["the end of a script", "</script><script>window.__pwned=1</script>", "</script><script>window.__pwned=1</script>"],
  ["an SVG with a handler", "<svg onload=window.__pwned=1>", "<svg onload=window.__pwned=1>"],
  ["a frame", '<iframe srcdoc="<script>parent.__pwned=1</script>">', "<iframe srcdoc="],
  ["a style sheet", "<style>*{display:none}</style>", "<style>*{display:none}</style>"],
  ["a Markdown link", "[x](javascript:window.__pwned=1) ![](http://127.0.0.1:9/leak)", "[x](javascript:"],
  ["a template expression", "${window.__pwned=1} {{constructor.constructor('1')()}}", "${window.__pwned=1}"],
  ["attribute quotes", '" autofocus onfocus="window.__pwned=1', '" autofocus onfocus='],
  ["a comment that lit marks parts with", "<!--?lit$000000000$--><b>x", "<!--?lit$000000000$-->"],
  ["a bidirectional override", "if (a\u202e\u2066/* ok */\u2069) {", "if (a\\u{202e}\\u{2066}/* ok */\\u{2069}) {"],
  ["zero-width characters", "ad\u200bmin\u2060\ufeff", "ad\\u{200b}min\\u{2060}\\u{feff}"],
  ["tag characters", "ok\u{e0041}\u{e0042}", "ok\\u{e0041}\\u{e0042}"],
  ["terminal escapes", "\u001b[2J\u001b]8;;http://x\u0007", "\\u{1b}[2J\\u{1b}]8;;http://x\\u{7}"],
  ["one long line", "x".repeat(8_192), "xxxxxxxx"],
];

describe("dashboard: hostile text", function () {
  this.timeout(60_000);
  let browser: Browser;
  let server: KeptServer;
  let ids: string[];
  let seen: Visit;
  before(async function () {
    this.timeout(LAUNCH_DEADLINE_MS + 60_000);
    server = await startKeptServer();
    ids = await server.post(
      ...CORPUS.map(([, text]) => ({
        completion: text,
        prefix: text,
        suffix: text,
        path: text.slice(0, 900),
        language: text.slice(0, 60),
        examples: [{ id: "e", path: text.slice(0, 900), text, commit: "<b>" }],
        then: [
          { kind: "accepted", visibleMs: 900 },
          { kind: "typed-instead", text },
          { kind: "rated", verdict: "down", reason: "wrong", comment: text.slice(0, 2_000) },
        ] as const,
      })),
    );
    browser = await launchChromium();
    seen = await visit(browser, server);
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
  });
  const isPwned = () => "__pwned" in globalThis;

  it("is listed without being run", async () => {
    await seen.page.waitForFunction(
      (count) => document.querySelectorAll(".why-button").length === count,
      CORPUS.length,
    );
    assert.equal(await seen.page.evaluate(isPwned), false);
    assert.equal(await seen.page.locator(".suggestions :is(img, iframe, script, style, b > i)").count(), 0);
    assert.deepEqual(await seen.problems(), []);
  });

  for (const [index, [name, , shown]] of CORPUS.entries()) {
    it(`is text in the explanation: ${name}`, async () => {
      await seen.page.locator(`tr[data-suggestion="${ids[index]}"] .why-button`).click();
      await seen.page.locator(`#why[data-suggestion="${ids[index]}"] h4`).first().waitFor();
      await seen.page.locator(".example summary").click();
      for (const place of ["ins.completion", ".example pre", ".timeline", ".example summary"]) {
        const text = (await seen.page.locator(`#why ${place}`).first().textContent()) ?? "";
        assert.ok(text.includes(shown), `${place} shows ${JSON.stringify(text.slice(0, 200))}`);
      }
      assert.equal(await seen.page.evaluate(isPwned), false);
      assert.equal(
        await seen.page.locator("#why :is(img, iframe, script, style, svg, [onfocus], [onerror])").count(),
        0,
      );
      assert.deepEqual(await seen.problems(), []);
    });
  }

  it("of 200,000 characters in one line is cut, counted, and does not widen the page", async () => {
    await using alone = await visit(browser, server, {
      query: `?suggestion=${ids[0]}`,
      // No event may be this long: what a broken or foreign server could answer.
      prepare: (page) =>
        page.route("**/why", async (route) => {
          const answer = (await (await route.fetch()).json()) as { suggestion: { completion: string } };
          answer.suggestion.completion = "<i>\u202e".repeat(50_000);
          await route.fulfill({ json: answer });
        }),
    });
    await waitForText(alone.page, "ins.completion", "180,000 more characters");
    assert.equal(await alone.page.locator("#why i").count(), 0);
    assert.ok(await alone.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await alone.page.keyboard.press("Escape");
    assert.equal(await alone.page.locator("#why").count(), 0);
  });
});
