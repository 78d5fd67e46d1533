import { openEditorSession, type EditorSession } from "./editor-session.ts";
import { until } from "./server-database.ts";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";

const STEP_MS = 60_000;
const root = path.resolve(import.meta.dirname, "../..");
const manifest = (name: string) =>
  JSON.parse(readFileSync(path.join(root, name), "utf8")) as Readonly<Record<string, string>>;

/** An editor whose display language is German: it reads package.nls.de.json and the bundle of l10n. */
describe("German", function () {
  this.timeout(STEP_MS * 3);
  this.bail(true);
  let session: EditorSession;
  before(async () => {
    session = await openEditorSession({ locale: "de", environment: { KEPT_CONSENT: "" } });
  });
  after(() => session?.[Symbol.asyncDispose]());
  const page = () => session.editor.page;

  it("is what the status item speaks", async () => {
    await until("the states", STEP_MS, async () =>
      /Modell bereit.*Server verbunden.*lernt nicht aus diesem Ordner/.test(await session.editor.statusText()),
    );
  });

  it("is what the question about recording is asked in", async () => {
    await session.editor.command("Notifications: Show Notifications");
    const asked = page().locator(".notifications-center .notification-list-item", { hasText: "Kept kann" });
    await asked.first().waitFor({ timeout: STEP_MS });
    for (const name of ["Ergebnisse und Code", "Nur Ergebnisse", "Nicht jetzt"])
      await asked.getByRole("button", { name, exact: true }).waitFor({ timeout: STEP_MS });
    await asked.getByRole("button", { name: "Nur Ergebnisse" }).click();
    await until("the level", STEP_MS, async () => /nur Ergebnisse/i.test(await session.editor.statusText()));
  });

  it("names the commands of the manifest", async () => {
    const [german, english] = [manifest("package.nls.de.json"), manifest("package.nls.json")];
    const rows = page().locator(".quick-input-list .monaco-list-row");
    for (const key of ["command.showLog", "command.openWalkthrough", "command.chooseCaptureLevel"]) {
      assert.notEqual(german[key], english[key]);
      await session.editor.press("F1");
      await page().locator(".quick-input-widget input[type=text]").fill(`>Kept: ${german[key]}`);
      await rows.filter({ hasText: german[key]! }).first().waitFor({ timeout: STEP_MS });
      await session.editor.press("Escape");
      await page().locator(".quick-input-widget").waitFor({ state: "hidden" });
    }
  });

  it("is what the menu of the status item offers", async () => {
    await page().locator(".statusbar-item a", { hasText: "Kept" }).first().click({ timeout: STEP_MS });
    const rows = page().locator(".quick-input-widget .monaco-list-row");
    await rows.filter({ hasText: "Lernen eine Stunde lang anhalten" }).waitFor({ timeout: STEP_MS });
    await session.editor.press("Escape");
  });

  it("is what the view says while it is empty", async () => {
    await page().locator(".activitybar .action-label[aria-label='Kept']").click();
    const welcome = manifest("package.nls.de.json")["welcome.empty"] ?? "";
    const sentence = welcome.split(/[.\n[]/)[0]!.trim();
    assert.notEqual(sentence, "");
    await page().locator(".welcome-view-content", { hasText: sentence }).first().waitFor({ timeout: STEP_MS });
  });
});
