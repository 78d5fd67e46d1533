import { launchChromium } from "../browser/chromium.ts";
import type { CodeServer } from "./code-server.ts";
import type { Browser, Locator, Page } from "playwright-core";

/** A person at the editor: keys, clicks, and what is on the screen. */
export interface EditorPage extends AsyncDisposable {
  readonly page: Page;
  /** Open a file of the folder through quick open, and wait for its text. */
  openFile(name: string): Promise<void>;
  /** Press keys one by one, as a hand does. */
  type(text: string): Promise<void>;
  press(key: string): Promise<void>;
  /** Until the keys go to the text of the editor in front. */
  focusText(): Promise<void>;
  /** Put the cursor at the end of a line (1-based) of the file on screen. */
  goToLine(line: number): Promise<void>;
  /** Run a command by its title through the command palette. */
  command(title: string): Promise<void>;
  /** The text of the ghost, once there is one; null when none comes in time. */
  ghostText(deadlineMs?: number): Promise<string | null>;
  /** Resolves when no ghost text is on the screen. */
  noGhostText(deadlineMs?: number): Promise<void>;
  /** What the status item says. */
  statusText(): Promise<string>;
}

export const GHOST = ".ghost-text-decoration, .ghost-text";
const KEY_DELAY_MS = 40;
/** A page with the extension active takes 10 to 28 s. */
const READY_DEADLINE_MS = 90_000;
const GHOST_DEADLINE_MS = 15_000;
const OPEN_ATTEMPTS = 4;
const FOCUS_DEADLINE_MS = 5_000;

export interface EditorPageOptions {
  /** Pixels of a screenshot for each of the page's. */
  readonly scale?: number;
  /** Runs in the page before the editor does. */
  readonly init?: () => void;
}

/** `extension` is its source folder, or null where it is installed. */
export async function openEditorPage(
  server: CodeServer,
  folder: string,
  extension: string | null,
  { scale = 2, init }: EditorPageOptions = {},
): Promise<EditorPage> {
  const browser: Browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1180, height: 640 }, deviceScaleFactor: scale });
    if (init) await page.addInitScript(init);
    await page.goto(server.address({ folder, ...(extension === null ? {} : { extension }) }));
    await page.locator(".monaco-workbench").waitFor({ timeout: READY_DEADLINE_MS });
    const status = page.locator(".statusbar-item", { hasText: "Kept" }).first();
    await status.waitFor({ timeout: READY_DEADLINE_MS });
    return editorPage(browser, page, status);
  } catch (error) {
    await browser.close();
    throw error;
  }
}

function editorPage(browser: Browser, page: Page, status: Locator): EditorPage {
  const press = (key: string) => page.keyboard.press(key);
  const quickInput = page.locator(".quick-input-widget input[type=text]");

  const choose = async (opener: string, text: string) => {
    await press(opener);
    await quickInput.waitFor({ timeout: GHOST_DEADLINE_MS });
    await quickInput.fill(opener === "F1" ? `>${text}` : text);
    await page
      .locator(".quick-input-list .monaco-list-row.focused", { hasText: lastPart(text) })
      .first()
      .waitFor({ timeout: GHOST_DEADLINE_MS });
    await press("Enter");
    await page.locator(".quick-input-widget").waitFor({ state: "hidden", timeout: GHOST_DEADLINE_MS });
  };
  /** What has just opened or closed may take the focus back: it is asked for until it is there. */
  const focusText = async () => {
    const focused = page.locator(".editor-instance .monaco-editor.focused");
    for (let attempt = 1; ; attempt += 1) {
      await press("Control+1");
      try {
        await focused.first().waitFor({ timeout: FOCUS_DEADLINE_MS });
        return;
      } catch (error) {
        if (attempt === OPEN_ATTEMPTS) throw error;
      }
    }
  };

  return {
    async goToLine(line) {
      await press("Control+G");
      await quickInput.waitFor({ timeout: GHOST_DEADLINE_MS });
      // Keys could come before the box has the focus.
      await quickInput.fill(`:${line}`);
      await press("Enter");
      await page.locator(".quick-input-widget").waitFor({ state: "hidden", timeout: GHOST_DEADLINE_MS });
      await focusText();
      await page
        .locator(".statusbar-item", { hasText: new RegExp(`^Ln ${line},`) })
        .first()
        .waitFor({ timeout: GHOST_DEADLINE_MS });
      await press("End");
    },
    page,
    focusText,
    async openFile(name) {
      // The editor lists a file that was just written after a while, and asks its index only once a search.
      for (let attempt = 1; ; attempt += 1) {
        try {
          await choose("Control+P", name);
          break;
        } catch (error) {
          if (attempt === OPEN_ATTEMPTS) throw error;
          await press("Escape");
        }
      }
      await page.locator(".tab.active", { hasText: lastPart(name) }).waitFor({ timeout: GHOST_DEADLINE_MS });
      await focusText();
    },
    type: (text) => page.keyboard.type(text, { delay: KEY_DELAY_MS }),
    press,
    command: (title) => choose("F1", title),
    async ghostText(deadlineMs = GHOST_DEADLINE_MS) {
      const ghost = page.locator(GHOST);
      try {
        await ghost.first().waitFor({ timeout: deadlineMs });
      } catch {
        return null;
      }
      // A decoration inside another one would be read twice: only the outermost are.
      const texts = await ghost.evaluateAll(
        (nodes, selector) =>
          nodes.filter((node) => !node.parentElement?.closest(selector)).map((node) => node.textContent ?? ""),
        GHOST,
      );
      return texts.join("").replaceAll("\u00a0", " ");
    },
    async noGhostText(deadlineMs = GHOST_DEADLINE_MS) {
      await page.locator(GHOST).first().waitFor({ state: "detached", timeout: deadlineMs });
    },
    statusText: async () => (await status.getAttribute("aria-label")) ?? (await status.innerText()),
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

const lastPart = (name: string): string => name.split("/").at(-1) ?? name;
