import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { deployment } from "../../protocol/api.ts";
import { canaryPage } from "../../protocol/canary.ts";
import { drawnSuggestion } from "../server/drawn-suggestions.ts";
import { sampleSession } from "../server/sample-events.ts";
import { until } from "../server/server-process.ts";
import { LAUNCH_DEADLINE_MS, launchChromium } from "../support/browser/chromium.ts";
import { dialogFindings } from "../support/browser/dialog-findings.ts";
import type { KeptServer } from "../support/browser/kept-server.ts";
import { PAST, startSeededServer } from "../support/browser/seeded-server.ts";
import { visit, waitForText } from "../support/browser/visit.ts";

const [CHAMPION, CANDIDATE] = PAST;
/** The promise: evidence to the end of the trial, milliseconds. */
const DECIDED_MS = 60_000;

describe("dashboard: trials", function () {
  this.timeout(180_000);
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

  const deployed = async () => deployment.parse(await server.ask("GET", "/v1/deployment"));
  const newest = async () => canaryPage.parse(await server.ask("GET", "/v1/canary?limit=1")).canaries[0]!;
  /** A developer who takes what the candidate makes, and nothing else; or the other way round. */
  const use = async (takes: "candidate" | "champion", n: number): Promise<void> => {
    const session = sampleSession();
    const events = Array.from({ length: n }, (_, at) => {
      const arm = at % 2 === 0 ? "candidate" : "champion";
      const adapter = arm === "candidate" ? CANDIDATE.versionId : CHAMPION.versionId;
      return drawnSuggestion(session, { adapter, taken: arm === takes, completion: "return left + right + carry;" });
    }).flat();
    await server.ask("POST", "/v1/events", { events });
  };
  const begin = async (page: Awaited<ReturnType<typeof visit>>["page"], share: string): Promise<void> => {
    await page.getByRole("button", { name: `Try version ${CANDIDATE.versionId}` }).click();
    const dialog = page.getByRole("dialog", { name: `Try ${CANDIDATE.versionId}?` });
    await dialog.getByLabel(/Share of the suggestions/).fill(share);
    await dialog.getByRole("button", { name: "Try it" }).click();
    await waitForText(page, "#versions .trial", "makes");
  };

  it("begin on the page, reach what editors fetch, show their evidence with its interval, and end by hand", async () => {
    await using seen = await visit(browser, server);
    const { page } = seen;
    await begin(page, "50");
    await waitForText(page, "#versions [role=status]", "is on trial");
    const { canary, adapter } = await deployed();
    assert.deepEqual(
      [canary?.adapter.version, canary?.share, adapter?.version],
      [CANDIDATE.versionId, 0.5, CHAMPION.versionId],
    );
    assert.equal(await page.getByRole("button", { name: `Try version ${CANDIDATE.versionId}` }).isDisabled(), true);
    await waitForText(page, "#overview", "makes 50 % of the suggestions");

    await use("candidate", 6);
    await waitForText(page, "#versions .trial", /28\.0 of 3 against\s+0\.0 of 3/);
    assert.match(
      await page.locator("#versions .trial").innerText(),
      /Difference \+28\.0 characters, 95 % interval at any time −\d+\.\d … \+60\.0/,
    );

    await page.locator("#versions").getByRole("button", { name: "Take it back" }).click();
    await page.locator("dialog[open]").getByRole("button", { name: "Take it back" }).click();
    await waitForText(page, "#versions [role=status]", "was taken back");
    assert.equal((await deployed()).canary, undefined);
    const { state, reason, difference } = await newest();
    assert.deepEqual([state, reason], ["rolled-back", "Ended by hand."]);
    assert.ok(difference!.low < 0 && difference!.mean > 0);
    assert.deepEqual(await seen.problems(), []);
  });

  it("end by their evidence, and the page follows", async () => {
    await using seen = await visit(browser, server);
    await begin(seen.page, "50");
    await use("champion", 80);
    await until(async () => ((await newest()).state === "running" ? null : true), DECIDED_MS);
    await waitForText(seen.page, "#versions .trial", "The last trial ended: the candidate was taken back.");
    await waitForText(seen.page, "#versions .trial", "Worse in use");
    assert.equal((await newest()).state, "rolled-back");
    assert.equal((await deployed()).canary, undefined);
    await begin(seen.page, "50");
    await use("candidate", 80);
    const ended = await until(async () => ((await newest()).state === "running" ? null : await newest()), DECIDED_MS);
    assert.equal(ended.state, "promoted", ended.reason);
    await waitForText(seen.page, "#champion", CANDIDATE.versionId);
    assert.ok((await newest()).difference!.low > 0);
  });

  it("are not begun when the question is left", async () => {
    await using seen = await visit(browser, server);
    const before = await newest();
    await seen.page
      .getByRole("button", { name: /^Try version / })
      .first()
      .click();
    await seen.page.locator("dialog[open]").waitFor();
    assert.deepEqual(await dialogFindings(seen.page), []);
    await seen.page.keyboard.press("Escape");
    await seen.page.locator("dialog[open]").waitFor({ state: "detached" });
    assert.deepEqual(await newest(), before);
  });
});
