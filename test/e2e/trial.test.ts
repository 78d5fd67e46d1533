import { canaryPage, type CanaryRow } from "../../protocol/canary.ts";
import type { EventOf } from "../../protocol/events.ts";
import { putServedVersions } from "../support/vscode/served-versions.ts";
import { askServer } from "./ask-server.ts";
import { openEditorSession, type EditorSession } from "./editor-session.ts";
import { readRuntime, storedEvents, until } from "./server-database.ts";
import type { Page } from "playwright-core";
import assert from "node:assert/strict";

const STEP_MS = 60_000;
const SHARE = 0.5;
/** Suggestions until both versions were drawn: that one is never drawn in so many has the odds of one in 30,000. */
const MAX_SUGGESTIONS = 16;

type Shown = EventOf<"shown">;

/** A trial begun in the dashboard, in a real editor: who is drawn, what stays together, and how it ends. */
describe("a trial begun in the dashboard", function () {
  this.timeout(STEP_MS * 5);
  this.bail(true);
  let session: EditorSession;
  let versions: { champion: string; candidate: string };
  let dashboard: Page;

  before(async function () {
    this.timeout(STEP_MS * 3);
    session = await openEditorSession({ prepare: (dataDir) => (versions = putServedVersions(dataDir)) });
    const { editor, dataDir } = session;
    await until("the model and the server", STEP_MS, async () =>
      /model ready.*server connected/.test(await editor.statusText()),
    );
    const { code } = (await askServer(dataDir, "POST", "/v1/login-codes", {})) as { code: string };
    dashboard = await editor.page.context().browser()!.newPage();
    await dashboard.goto(`http://127.0.0.1:${readRuntime(dataDir)!.port}/#code=${code}`);
    await dashboard.locator(".connection.live").waitFor();
  });
  after(() => session?.[Symbol.asyncDispose]());

  const shownNow = (): Shown[] =>
    storedEvents(session.dataDir).filter((event): event is Shown => event.kind === "shown");
  const newest = async (): Promise<CanaryRow> =>
    canaryPage.parse(await askServer(session.dataDir, "GET", "/v1/canary")).canaries[0]!;
  /** Writes another method's body until a suggestion stands there; answers what was shown. */
  const suggest = async (): Promise<Shown> => {
    const before = new Set(shownNow().map(({ suggestionId }) => suggestionId));
    const { editor } = session;
    await editor.press("Control+End");
    for (const text of ["\nexport const same = (a: Point) => ", "a.", "x ", "+ "]) {
      await editor.type(text);
      if (((await editor.ghostText(6_000)) ?? "").trim() !== "") break;
    }
    return until("a shown event", STEP_MS, () => shownNow().find(({ suggestionId }) => !before.has(suggestionId)));
  };

  it("is heard of by the editor, which draws who makes a suggestion", async () => {
    await session.editor.openFile("point.ts");
    assert.deepEqual((await suggest()).model.adapter, versions.champion);
    await session.editor.press("Escape");

    await dashboard
      .getByRole("button", { name: /^Try version / })
      .and(dashboard.locator(":enabled"))
      .first()
      .click();
    const dialog = dashboard.getByRole("dialog", { name: /^Try / });
    await dialog.getByLabel(/Share of the suggestions/).fill(String(100 * SHARE));
    await dialog.getByRole("button", { name: "Try it" }).click();
    await dashboard.locator("#versions .trial", { hasText: "makes" }).waitFor();
    assert.equal((await newest()).version, versions.candidate);

    const drawn = new Map<string | null, Shown>();
    for (let n = 0; n < MAX_SUGGESTIONS && drawn.size < 2; n += 1) {
      const shown = await suggest();
      // The first may have been asked for before the editor heard of the trial.
      if (shown.model.drawn !== undefined) drawn.set(shown.model.adapter, shown);
      await session.editor.press("Escape");
    }
    assert.deepEqual(new Set(drawn.keys()), new Set([versions.champion, versions.candidate]));
    for (const { model } of drawn.values()) assert.equal(model.drawn, SHARE);
  });

  it("stays with one version within a chain of partial accepts", async () => {
    const shown = await suggest();
    const before = new Set(shownNow().map(({ suggestionId }) => suggestionId));
    await session.editor.press("Control+ArrowRight");
    await until("the partial accept", STEP_MS, () =>
      storedEvents(session.dataDir).some(
        (event) => event.kind === "partially-accepted" && event.suggestionId === shown.suggestionId,
      ),
    );
    await session.editor.press("Control+ArrowRight");
    await session.editor.press("Escape");
    // The rest of it may be a suggestion of its own, which nobody drew again.
    for (const rest of shownNow().filter(({ suggestionId }) => !before.has(suggestionId))) {
      if (shown.completion.endsWith(rest.completion))
        assert.deepEqual([rest.model.adapter, rest.model.drawn], [shown.model.adapter, undefined]);
    }
  });

  it("shows what came of it with its interval, and ends by hand: the champion makes everything again", async () => {
    await dashboard.locator("#versions .trial", { hasText: /Difference .* 95 % interval at any time/ }).waitFor();
    await dashboard.locator("#versions").getByRole("button", { name: "Take it back" }).click();
    await dashboard.locator("dialog[open]").getByRole("button", { name: "Take it back" }).click();
    await dashboard.locator("#versions [role=status]", { hasText: "was taken back" }).waitFor();
    const ended = await newest();
    assert.deepEqual([ended.state, ended.version], ["rolled-back", versions.candidate]);
    assert.ok(ended.arms.candidate.suggestions > 0 && ended.arms.champion.suggestions > 0);
    await until("a suggestion that was not drawn", STEP_MS * 2, async () => {
      const shown = await suggest();
      await session.editor.press("Escape");
      return shown.model.drawn === undefined && shown.model.adapter === versions.champion;
    });
  });

  it("can be asked why, and be forgotten, in the editor and in the dashboard", async () => {
    const { editor, dataDir } = session;
    const events = (id: string) => storedEvents(dataDir, id).length;
    const accepted = async (): Promise<Shown> => {
      const shown = await suggest();
      await editor.press("Tab");
      await until("the accept", STEP_MS, () =>
        storedEvents(dataDir, shown.suggestionId).some(({ kind }) => kind === "accepted"),
      );
      await dashboard.locator(`tr[data-suggestion="${shown.suggestionId}"]`).waitFor();
      return shown;
    };
    const inEditor = await accepted();
    await editor.command("Kept: Why This Suggestion?");
    await editor.page.locator(".tab", { hasText: "Why this suggestion" }).waitFor();
    await editor.page.locator(".view-line", { hasText: versions.champion }).first().waitFor();
    await editor.press("Control+F4");
    // It is the one on screen, or shown last: after an accept that may be the next one already.
    const known = shownNow().map(({ suggestionId }) => suggestionId);
    assert.ok(known.includes(inEditor.suggestionId));
    await editor.command("Kept: Forget Suggestion");
    const lost = await until("a suggestion without any event", STEP_MS, () => known.find((id) => events(id) === 0));
    await dashboard.locator(`tr[data-suggestion="${lost}"]`).waitFor({ state: "detached" });

    await editor.openFile("point.ts");
    const inBrowser = await accepted();
    await dashboard.locator(`tr[data-suggestion="${inBrowser.suggestionId}"] .why-button`).click();
    await dashboard.locator("#why", { hasText: versions.champion.slice(0, 8) }).waitFor();
    await dashboard.locator("#why").getByRole("button", { name: "Forget" }).click();
    await dashboard.locator("dialog[open]").getByRole("button", { name: "Forget it" }).click();
    await dashboard.locator(`tr[data-suggestion="${inBrowser.suggestionId}"]`).waitFor({ state: "detached" });
    assert.equal(events(inBrowser.suggestionId), 0);
  });
});
