import { openEditorSession, type EditorSession } from "./editor-session.ts";
import { storedEvents, until } from "./server-database.ts";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";

const STEP_MS = 60_000;

/** What a person sees of Kept before doing anything. */
describe("first start", function () {
  this.timeout(STEP_MS * 4);
  let session: EditorSession | null = null;
  afterEach(async () => {
    await session?.[Symbol.asyncDispose]();
    session = null;
  });

  const isSaid = (what: RegExp) =>
    until(`the status ${String(what)}`, STEP_MS, async () => what.test(await session!.editor.statusText()));
  /**
   * The questions of Kept in the notification centre, which is opened: an editor under test shows no toasts. The
   * model is ready long after the start: what was to be asked was asked.
   */
  const questions = async () => {
    await isSaid(/model ready.*server connected/);
    const { editor } = session!;
    await editor.command("Notifications: Show Notifications");
    await editor.page.locator(".notifications-center.visible").waitFor({ timeout: STEP_MS });
    return editor.page.locator(".notifications-center .notification-list-item", { hasText: "Kept can learn" });
  };
  /** A person's answer outlives the page once the browser's own store has it. */
  const isRemembered = (level: string) =>
    until(`the answer ${level} in the browser's store`, STEP_MS, () =>
      session!.editor.page.evaluate(async (answer) => {
        const opened = (name: string) =>
          new Promise<IDBDatabase>((resolve, reject) => {
            const request = indexedDB.open(name);
            request.onsuccess = () => resolve(request.result);
            request.onerror = () => reject(new Error(`${name} cannot be opened`));
          });
        for (const { name } of await indexedDB.databases()) {
          if (name === undefined) continue;
          const db = await opened(name);
          try {
            for (const table of db.objectStoreNames) {
              const values = await new Promise<unknown[]>((resolve) => {
                const request = db.transaction(table).objectStore(table).getAll();
                request.onsuccess = () => resolve(request.result);
                request.onerror = () => resolve([]);
              });
              if (values.some((value) => String(value).includes("kept.consent:") && String(value).includes(answer)))
                return true;
            }
          } finally {
            db.close();
          }
        }
        return false;
      }, `"${level}"`),
    );
  const startAgain = async () => {
    const { page } = session!.editor;
    await page.reload();
    await page
      .locator(".statusbar-item", { hasText: "Kept" })
      .first()
      .waitFor({ timeout: STEP_MS * 2 });
  };

  it("records nothing in a folder that is not trusted, and says so", async () => {
    session = await openEditorSession({ isTrusted: false, settings: { "kept.feedback.codeLens": false } });
    // The editor writes a setting where it found it: on the side of the browser, or of the extensions.
    const files = ["User", "Machine"].map((side) => path.join(session!.runDir, "ud", side, "settings.json"));
    await until("the setting in the words of today", STEP_MS, () =>
      files.some((file) => /"kept\.feedback\.codeLens": "off"/.test(readFileSync(file, "utf8"))),
    );
    await isSaid(/not learning: the workspace is not trusted/);
    const { page } = session.editor;
    await page.locator(".activitybar .action-label[aria-label='Kept']").click({ timeout: STEP_MS });
    await page.locator(".welcome-view-content", { hasText: "not trusted" }).waitFor({ timeout: STEP_MS });
  });

  it("asks exactly once, records nothing before the answer, and after a no neither asks nor records", async () => {
    session = await openEditorSession({ environment: { KEPT_CONSENT: "" } });
    const { editor, dataDir } = session;
    const asked = await questions();
    await asked.first().waitFor({ timeout: STEP_MS });
    assert.equal(await asked.count(), 1);
    await isSaid(/not learning from this folder/);
    assert.deepEqual(storedEvents(dataDir), []);
    await asked.getByRole("button", { name: "Not now" }).click({ timeout: STEP_MS });
    await until("the question's end", STEP_MS, async () => (await asked.count()) === 0);
    await isRemembered("off");

    await startAgain();
    assert.equal(await (await questions()).count(), 0);
    await isSaid(/not learning from this folder/);
    assert.deepEqual(storedEvents(dataDir), []);
    await editor.press("Escape");
  });

  it("learns from a yes on, and does not ask again", async () => {
    session = await openEditorSession({ environment: { KEPT_CONSENT: "" } });
    const asked = await questions();
    await asked.getByRole("button", { name: "Outcomes and code" }).click({ timeout: STEP_MS });
    await until("the question's end", STEP_MS, async () => (await asked.count()) === 0);
    await isSaid(/(?<!not )learning from this folder/);
    await isRemembered("code");

    await startAgain();
    assert.equal(await (await questions()).count(), 0);
    await isSaid(/(?<!not )learning from this folder/);
  });
});
