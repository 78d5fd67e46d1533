import { commitAll, openEditorSession, type EditorSession } from "../../e2e/editor-session.ts";
import { storedEvents, until } from "../../e2e/server-database.ts";
import { smallerPng } from "./smaller-png.ts";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** `take.ts <folder>`: each picture in a light, a dark and a high contrast theme. */
const THEMES = {
  light: { theme: "Light Modern", kind: "vs" },
  dark: { theme: "Dark Modern", kind: "vs-dark" },
  contrast: { theme: "Dark High Contrast", kind: "hc-black" },
} as const;
const STEP_MS = 90_000;

async function take(folder: string, name: keyof typeof THEMES): Promise<void> {
  const { theme, kind } = THEMES[name];
  await using session = await openEditorSession({
    // On a machine that is not set to high contrast the editor would leave such a theme again.
    settings: { "workbench.colorTheme": theme, "window.autoDetectHighContrast": false },
    page: { scale: 1.5 },
  });
  const { editor } = session;
  const { page } = editor;
  const picture = async (subject: string) => {
    // A hover or a badge that comes late belongs to no picture.
    await page.mouse.move(1_000, 560);
    const bytes = await page.screenshot({ animations: "disabled", caret: "initial" });
    writeFileSync(path.join(folder, `${subject}-${name}.png`), smallerPng(bytes));
    process.stderr.write(`${subject}-${name}.png\n`);
  };
  await until("the model and the server", STEP_MS, async () =>
    /model ready.*server connected/.test(await editor.statusText()),
  );
  if (name === "contrast") await chooseTheme(session, theme, kind);
  await page.locator(".activitybar .action-label[aria-label='Kept']").click();
  await editor.openFile("point.ts");

  await ghostAt(session, 11, ["  return ", "{ x: a.x ", "- "]);
  await picture("suggestion");
  await editor.press("Tab");
  await page.locator(".codelens-decoration .codicon-thumbsup").first().waitFor();
  await picture("thumbs");
  await page
    .locator(".codelens-decoration a", { has: page.locator(".codicon-thumbsup") })
    .first()
    .click();

  await ghostAt(session, 15, ["  return ", "{ x: a.x ", "* "]);
  await editor.press("Escape");
  await ghostAt(session, 19, ["  return ", "{ x: a.x ", "/ "]);
  await editor.press("Control+ArrowRight");
  await editor.press("Escape");
  await editor.press("Control+S");
  await until(
    "retention",
    STEP_MS,
    () => storedEvents(session.dataDir).filter(({ kind }) => kind === "retained").length >= 2,
  );
  await page.locator(".tab.active:not(.dirty)", { hasText: "point.ts" }).waitFor();
  await commitAll(session.folder, "Write the other operators");
  const alive = page.locator(".pane-body .monaco-list-row", { hasText: "alive on main" }).first();
  await alive.waitFor({ timeout: STEP_MS });
  await wideSideBar(session);
  await alive.click();
  await picture("suggestions-view");

  await page.locator(".statusbar-item", { hasText: "Kept" }).locator("a").click();
  await page.locator(".quick-input-widget .monaco-list-row", { hasText: "Rate the last suggestion up" }).waitFor();
  await picture("menu");
  await editor.press("Escape");

  // The picture stands beside the steps only where there is room.
  await editor.press("Control+B");
  await editor.command("Kept: Open Walkthrough");
  await page.locator(".getting-started-step", { hasText: "Rate it" }).click();
  await page.locator(".getting-started-media").first().waitFor();
  await page.waitForLoadState("networkidle");
  await picture("walkthrough");
}

/** By hand, as the name in the settings is not taken for a theme of high contrast. */
async function chooseTheme({ editor: { page } }: EditorSession, theme: string, kind: string): Promise<void> {
  await page.keyboard.press("Control+K");
  await page.keyboard.press("Control+T");
  await page.locator(".quick-input-widget input[type=text]").waitFor();
  await page.keyboard.type(theme);
  await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: theme }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".quick-input-widget").waitFor({ state: "hidden" });
  await page.locator(`.monaco-workbench.${kind}`).waitFor();
}

/** Types at a line's end until a suggestion stands there. */
async function ghostAt({ editor }: EditorSession, line: number, attempts: readonly string[]): Promise<void> {
  await editor.page.locator(".editor-instance .monaco-editor .view-lines").first().click();
  await editor.goToLine(line);
  for (const text of attempts) {
    await editor.type(text);
    if (((await editor.ghostText(6_000)) ?? "").trim() !== "") return;
  }
  throw new Error(`No suggestion came on line ${line}.`);
}

/** Room for a whole row of the view. */
async function wideSideBar({ editor: { page } }: EditorSession): Promise<void> {
  const box = await page.locator(".part.sidebar").boundingBox();
  if (!box) throw new Error("There is no side bar.");
  await page.mouse.move(box.x + box.width, 300);
  await page.mouse.down();
  await page.mouse.move(560, 300, { steps: 8 });
  await page.mouse.up();
}

const folder = process.argv[2];
if (!folder) throw new Error("Name the folder of the pictures.");
mkdirSync(folder, { recursive: true });
const wanted = (process.env["KEPT_THEMES"] ?? Object.keys(THEMES).join(",")).split(",");
for (const name of ["light", "dark", "contrast"] as const) if (wanted.includes(name)) await take(folder, name);
