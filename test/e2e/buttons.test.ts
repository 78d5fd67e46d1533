import type { KeptEvent } from "../../protocol/events.ts";
import { commitAll, openEditorSession, type EditorSession } from "./editor-session.ts";
import { storedEvents, until } from "./server-database.ts";
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Locator } from "playwright-core";

/** A busy machine of two cores. */
const STEP_MS = 60_000;

/**
 * The buttons as a person finds them: on the screen of a real VS Code, by mouse and by keyboard. What
 * they do is told by the events in the server's store.
 */
describe("buttons on the screen", function () {
  this.timeout(STEP_MS * 2);
  this.bail(true);

  let session: EditorSession;
  let accepted = "";
  const page = () => session.editor.page;
  const lens = (icon: string): Locator =>
    page()
      .locator(".codelens-decoration a", { has: page().locator(`.codicon-${icon}`) })
      .first();
  const row = (text: string): Locator => page().locator(".pane-body .monaco-list-row", { hasText: text }).first();
  const rating = (id: string, what: string, isWanted: (event: KeptEvent & { kind: "rated" }) => boolean) =>
    until(`the rating ${what}`, STEP_MS, () => {
      const last = storedEvents(session.dataDir, id)
        .filter((event) => event.kind === "rated")
        .at(-1);
      return last !== undefined && isWanted(last);
    });
  /** A menu that has just opened lets the first Escape pass. */
  const closeMenu = () =>
    until("the menu is closed", STEP_MS / 4, async () => {
      if ((await page().locator(".monaco-menu").count()) === 0) return true;
      await page().keyboard.press("Escape");
      return false;
    });
  /** The newest suggestion at a line, once the server has heard of it. */
  const newestShown = (line: number) =>
    until(`a shown event of line ${line}`, STEP_MS, () =>
      storedEvents(session.dataDir)
        .findLast((event) => event.kind === "shown" && event.context.line === line - 1)
        ?.suggestionId.toString(),
    );

  before(async function () {
    this.timeout(STEP_MS * 3);
    session = await openEditorSession();
    page().setDefaultTimeout(STEP_MS / 2);
    await until("the model and the server", STEP_MS, async () =>
      /model ready.*server connected/.test(await session.editor.statusText()),
    );
  });

  afterEach(async function () {
    const dir = process.env["KEPT_SCREENSHOTS"];
    if (this.currentTest?.state !== "failed" || !session || !dir) return;
    mkdirSync(dir, { recursive: true });
    await page().screenshot({ path: path.join(dir, "buttons-failed.png") });
  });

  after(() => session?.[Symbol.asyncDispose]());

  it("an empty view says what to do", async () => {
    await page().locator(".activitybar .action-label[aria-label='Kept']").click();
    await page().locator(".welcome-view-content", { hasText: "No suggestion was shown yet" }).waitFor();
  });

  it("the light bulb is there while a suggestion is up, and rates it", async () => {
    const { editor } = session;
    await editor.openFile("point.ts");
    await editor.goToLine(11);
    // Behind a space at the end of a line the editor shows no bulb at all.
    for (const text of ["  return", " {", " x: a.x"]) {
      await editor.type(text);
      if (((await editor.ghostText(6_000)) ?? "").trim() !== "") break;
    }
    await page().locator(".lightBulbWidget, .codicon-gutter-lightbulb, .codicon-light-bulb").first().waitFor();
    await editor.press("Control+.");
    await page().locator(".action-widget .monaco-list-row", { hasText: "Kept: good suggestion" }).click();
    await page().locator(".statusbar-item", { hasText: "Rated up · Undo" }).waitFor();
  });

  it("a click on the status item takes the rating back", async () => {
    const undo = page().locator(".statusbar-item", { hasText: "Rated up · Undo" });
    // The offer stands for a few seconds: it is taken before anything else is looked at.
    await undo.locator("a").click();
    accepted = await newestShown(11);
    await rating(accepted, "withdrawn", ({ verdict }) => verdict === "withdrawn");
    const verdicts = storedEvents(session.dataDir, accepted).flatMap((event) =>
      event.kind === "rated" ? [event.verdict] : [],
    );
    assert.deepEqual(verdicts, ["up", "withdrawn"]);
  });

  it("the chord rates what is on the screen, and leaves the suggestion there", async () => {
    const { editor } = session;
    await session.editor.focusText();
    await editor.goToLine(11);
    for (const key of ["Shift+Home", "Shift+Home", "Delete"]) await editor.press(key);
    await editor.goToLine(15);
    for (const text of ["  return ", "{ x: a.x ", "* "]) {
      await editor.type(text);
      if (((await editor.ghostText(6_000)) ?? "").trim() !== "") break;
    }
    await editor.press("Control+Alt+K");
    await editor.press("u");
    accepted = await newestShown(15);
    await rating(accepted, "by the chord", ({ verdict }) => verdict === "up");
    assert.notEqual(await editor.ghostText(), null);
    await editor.press("Control+Alt+K");
    await editor.press("Backspace");
    await rating(accepted, "withdrawn by the chord", ({ verdict }) => verdict === "withdrawn");
  });

  it("thumbs stand over the accepted code, and a thumb down asks for the reason", async () => {
    const { editor } = session;
    await editor.press("Tab");
    await lens("thumbsdown").click();
    const picker = page().locator(".quick-input-widget");
    await picker.locator(".monaco-list-row", { hasText: "Outdated API" }).waitFor();
    await picker.locator("input[type=text]").fill("insec");
    await picker.locator(".monaco-list-row.focused", { hasText: /insecure/i }).waitFor();
    await editor.press("Enter");
    await rating(accepted, "down, insecure", ({ verdict, reason }) => verdict === "down" && reason === "insecure");
  });

  it("until it is rated: then the thumbs over the code go", async () => {
    await page().locator(".codelens-decoration .codicon-thumbsdown").first().waitFor({ state: "detached" });
  });

  it("the title shows the rating, and its filled thumb withdraws it", async () => {
    const withdraw = page().locator(".editor-actions .codicon-thumbsdown-filled").first();
    await withdraw.waitFor();
    await withdraw.click();
    await rating(accepted, "withdrawn in the title", ({ verdict }) => verdict === "withdrawn");
    await lens("thumbsup").waitFor();
  });

  it("the menu of the line number has the thumbs, on accepted code only", async () => {
    const number = (line: number) =>
      page().locator(".margin-view-overlays .line-numbers", { hasText: new RegExp(`^${line}$`) });
    const menu = page().locator(".monaco-menu .action-label", { hasText: "Rate Suggestion Up" });
    await number(16).click({ button: "right" });
    await page().locator(".monaco-menu .action-label").first().waitFor();
    assert.equal(await menu.count(), 0);
    await closeMenu();
    // A menu ignores clicks in its first tenth of a second, which only a program makes: Enter on the hovered entry.
    const isUp = () => {
      const last = storedEvents(session.dataDir, accepted).findLast((event) => event.kind === "rated");
      return last?.kind === "rated" && last.verdict === "up";
    };
    for (let tries = 0; tries < 4; tries += 1) {
      await number(15).click({ button: "right" });
      if (tries % 2 === 1) await menu.click();
      else {
        await menu.hover();
        await page().locator(".monaco-menu .action-item.focused", { hasText: "Rate Suggestion Up" }).waitFor();
        await page().keyboard.press("Enter");
      }
      const came = await until("the rating of the menu", STEP_MS / 8, isUp).then(
        () => true,
        () => false,
      );
      if (came) break;
      await closeMenu();
    }
    await rating(accepted, "beside the line number", ({ verdict }) => verdict === "up");
  });

  it("the view's row says what became of it: outcome, retention, survival, rating, model", async () => {
    await session.editor.focusText();
    await session.editor.press("Control+S");
    await page().locator(".tab.active:not(.dirty)", { hasText: "point.ts" }).waitFor();
    await until("retention", STEP_MS, () =>
      storedEvents(session.dataDir, accepted).some(({ kind }) => kind === "retained"),
    );
    await commitAll(session.folder, "Multiply points");
    await row("alive on main").waitFor({ timeout: STEP_MS });
    const text = (await row("alive on main").innerText()).replaceAll("\n", " ");
    assert.match(text, /point\.ts:15.*accepted · 100 % after \d+ s · alive on main · rated up · base model/);
    const label = await row("alive on main").getAttribute("aria-label");
    assert.match(label ?? "", /^point\.ts:15, accepted · 100 %.*alive on main, base model, rated up/);
  });

  it("the view's buttons rate a row, and its menu has the rest", async () => {
    await row("alive on main").hover();
    await row("alive on main").locator(".codicon-thumbsdown").click();
    const picker = page().locator(".quick-input-widget");
    await picker.locator(".monaco-list-row", { hasText: "Outdated API" }).waitFor();
    await picker.locator("input[type=text]").fill("uses the wrong operator");
    await picker.locator(".monaco-list-row.focused", { hasText: "Say: uses the wrong operator" }).waitFor();
    await session.editor.press("Enter");
    await rating(
      accepted,
      "with a comment typed into the picker",
      ({ verdict, reason, comment }) =>
        verdict === "down" && reason === "other" && comment === "uses the wrong operator",
    );
    await row("rated down").click({ button: "right" });
    for (const label of [
      "Show Code of Suggestion",
      "Why This Suggestion?",
      "Rate Down with a Reason…",
      "Comment on Suggestion…",
      "Withdraw Rating",
      "Copy Suggestion Id",
    ])
      await page().locator(".monaco-menu .action-label", { hasText: label }).first().waitFor();
    await closeMenu();
  });

  it("a row is reached and opened by keyboard alone", async () => {
    const { editor } = session;
    await editor.goToLine(1);
    await editor.command("Kept: Show Suggestions");
    await page().locator(".pane-body .monaco-list:focus, .pane-body .monaco-list :focus").first().waitFor();
    await page().keyboard.press("Home");
    await page().keyboard.press("ArrowDown");
    await page().keyboard.press("Enter");
    await page()
      .locator(".statusbar-item", { hasText: /^Ln 1[15],/ })
      .waitFor();
  });

  it("the menu of the status item has everything, by keyboard", async () => {
    await session.editor.press("Control+Alt+K");
    await session.editor.press("m");
    const rows = page().locator(".quick-input-widget .monaco-list-row");
    await rows.filter({ hasText: "Pause learning for an hour" }).waitFor();
    const labels = (await rows.allInnerTexts()).join("\n");
    for (const label of ["Rate the last suggestion up", "Show suggestions", "Choose what is recorded"])
      assert.ok(labels.includes(label), `${label} in ${labels}`);
    await page().locator(".quick-input-widget input[type=text]").fill("copy diag");
    await page()
      .locator(".quick-input-list .monaco-list-row.focused", { hasText: /copy diagnostics/i })
      .waitFor();
    await page().keyboard.press("Enter");
    await page().locator(".statusbar-item", { hasText: "Diagnostics copied" }).waitFor();
  });

  it("the walkthrough has five steps with pictures", async () => {
    // The picture stands beside the steps only where there is room.
    await session.editor.press("Control+B");
    await session.editor.command("Kept: Open Walkthrough");
    for (const title of [
      "Let Kept learn from this folder",
      "Accept a suggestion",
      "Rate it",
      "See what became of it",
      "Train your adapter",
    ])
      await page().locator(".getting-started-step", { hasText: title }).first().waitFor();
    await page().locator(".getting-started-media").first().waitFor();
  });
});
