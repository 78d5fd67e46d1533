import { openEditorSession, type EditorSession } from "./editor-session.ts";
import { until } from "./server-database.ts";
import { readFileSync } from "node:fs";
import path from "node:path";

const STEP_MS = 60_000;

/** What a person sees of Kept before doing anything. */
describe("first start", function () {
  this.timeout(STEP_MS * 3);
  let session: EditorSession | null = null;
  afterEach(async () => {
    await session?.[Symbol.asyncDispose]();
    session = null;
  });

  it("records nothing in a folder that is not trusted, and says so", async () => {
    session = await openEditorSession({ isTrusted: false, settings: { "kept.feedback.codeLens": false } });
    // The editor writes a setting where it found it: on the side of the browser, or of the extensions.
    const files = ["User", "Machine"].map((side) => path.join(session!.runDir, "ud", side, "settings.json"));
    await until("the setting in the words of today", STEP_MS, () =>
      files.some((file) => /"kept\.feedback\.codeLens": "off"/.test(readFileSync(file, "utf8"))),
    );
    await until("the status", STEP_MS, async () =>
      /not learning: the workspace is not trusted/.test(await session!.editor.statusText()),
    );
    const { page } = session.editor;
    await page.locator(".activitybar .action-label[aria-label='Kept']").click();
    await page.locator(".welcome-view-content", { hasText: "not trusted" }).waitFor();
  });
});
