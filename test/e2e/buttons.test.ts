import type { KeptEvent } from "../../protocol/events.ts";
import { openEditorSession, type EditorSession } from "./editor-session.ts";
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
  const rating = (id: string, what: string, isWanted: (event: KeptEvent & { kind: "rated" }) => boolean) =>
    until(`the rating ${what}`, STEP_MS, () => {
      const last = storedEvents(session.dataDir, id)
        .filter((event) => event.kind === "rated")
        .at(-1);
      return last !== undefined && isWanted(last);
    });
  const newestShown = () =>
    until("a shown event", STEP_MS, () =>
      storedEvents(session.dataDir)
        .findLast(({ kind }) => kind === "shown")
        ?.suggestionId.toString(),
    );

  before(async function () {
    this.timeout(STEP_MS * 3);
    session = await openEditorSession();
    page().setDefaultTimeout(STEP_MS / 4);
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
    accepted = await newestShown();
    await rating(accepted, "from the light bulb", ({ verdict }) => verdict === "up");
  });

  it("a click on the status item takes the rating back", async () => {
    const undo = page().locator(".statusbar-item", { hasText: "Rated up · Undo" });
    await undo.waitFor();
    await undo.locator("a").click();
    await rating(accepted, "withdrawn", ({ verdict }) => verdict === "withdrawn");
  });

  it("the chord rates what is on the screen, and leaves the suggestion there", async () => {
    const { editor } = session;
    await page().locator(".editor-instance .monaco-editor .view-lines").first().click();
    await editor.goToLine(11);
    for (const key of ["Shift+Home", "Shift+Home", "Delete"]) await editor.press(key);
    await editor.goToLine(15);
    for (const text of ["  return ", "{ x: a.x ", "* "]) {
      await editor.type(text);
      if (((await editor.ghostText(6_000)) ?? "").trim() !== "") break;
    }
    await editor.press("Control+Alt+K");
    await editor.press("u");
    accepted = await newestShown();
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
    await page().keyboard.type("insec");
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
});
