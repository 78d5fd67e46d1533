import type { EditorUnderTest } from "./editor-under-test.ts";
import type { Answer, LogEntry, Meaning } from "./log.ts";
import { shownNow } from "./truth.ts";

/**
 * Plays steps in the editor with real keys and clicks, one step a line:
 *
 *     type "text"        keys, one by one            paste "text"       through the clipboard's way, one change
 *     press Control+Z    one chord                   command id         a command of the editor
 *     shown              until a suggestion that was not there before is up
 *     again              until a suggestion is up, the same or another
 *     seen 800           until it was up for so many milliseconds
 *     gone               until no ghost text is left
 *     move 3:5           the cursor by a click       widget             the suggest widget, opened and filled
 *     insert 0 "text"    an edit of another place, by the extension host
 *     switch             another file, and back
 *
 * What a step means for the suggestion that is up stands before it: `typed-over: type "x"`. Accepts and
 * rejections need no word: the editor's proposed lifecycle names them.
 */
export interface Driver {
  open(name: string, text: string, answers: readonly Answer[]): Promise<void>;
  play(step: string): Promise<void>;
  /** Ends what is still up, by leaving for another file. */
  leave(): Promise<void>;
  readonly log: readonly LogEntry[];
}

const STEP_DEADLINE_MS = 8_000;
const POLL_MS = 15;
const STEP = /^(?:(?<means>typed-over|typed-through|ignored|superseded|none): )?(?<verb>\S+)(?: (?<rest>.*))?$/s;

export function createDriver(editor: EditorUnderTest): Driver {
  const { page } = editor;
  const log: LogEntry[] = [];
  /** The suggestion that the last `shown` waited for. */
  let known: string | null = null;

  const refresh = async () => {
    const state = await editor.state(log.length);
    log.push(...state.log);
    return state;
  };
  const target = async () => ((await editor.hasGhost()) ? shownNow((await refresh(), log)) : null);
  const until = async (what: string, look: () => Promise<boolean>) => {
    const deadline = performance.now() + STEP_DEADLINE_MS;
    while (!(await look())) {
      if (performance.now() > deadline) throw new Error(`Waited in vain until ${what}.`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  };
  const note = async (name: string, means: Meaning) =>
    editor.ask({ kind: "note", entry: { action: { name, means, target: await target() } } });

  /** Keys pressed before the page has the new editor would go to the old one. */
  const show = async (name: string, text: string, answers: readonly Answer[]) => {
    await editor.ask({ kind: "open", name, text, answers });
    const label =
      name
        .replace(/^untitled:/, "")
        .split("/")
        .at(-1) ?? name;
    await page.locator(`.tab.active[data-resource-name="${label}"]`).waitFor({ timeout: STEP_DEADLINE_MS });
    await page.locator(".editor-instance .monaco-editor.focused").waitFor({ timeout: STEP_DEADLINE_MS });
    const first = text.split("|", 1)[0]!.split("\n").at(-1)!;
    await until(
      "the cursor stands in the new editor",
      async () =>
        (await editor.state(log.length)).cursor === text.split("|", 1)[0]!.length ||
        !text.includes("|") ||
        first === "\0",
    );
  };

  const waits: Readonly<Record<string, (rest: string) => Promise<void>>> = {
    async shown() {
      let up: string | null = null;
      await until("another suggestion is up", async () => (up = await target()) !== null && up !== known);
      known = up;
    },
    again: () =>
      until("a suggestion is up", async () => {
        const up = await target();
        if (up !== null) known = up;
        return up !== null;
      }),
    seen: (ms) =>
      until(`it was up for ${ms} ms`, async () => {
        const { now } = await refresh();
        const show = log.find((entry) => entry.kind === "show" && entry.id === known);
        return show !== undefined && now - show.at >= Number(ms);
      }),
    gone: () => until("no ghost text is left", async () => !(await editor.hasGhost())),
    none: () => Promise.resolve(),
  };

  const acts: Readonly<Record<string, (rest: string) => Promise<unknown>>> = {
    type: (text) => page.keyboard.type(JSON.parse(text) as string),
    paste: (text) => page.keyboard.insertText(JSON.parse(text) as string),
    press: (chord) => page.keyboard.press(chord),
    command: (line) => {
      const [id = "", ...args] = line.split(" ");
      return editor.ask({ kind: "command", id, args: args.map((arg) => JSON.parse(arg) as unknown) });
    },
    insert: (rest) => {
      const [, line = "0", text = '""'] = /^(\d+) (.*)$/s.exec(rest) ?? [];
      return editor.ask({ kind: "insert", line: Number(line), text: JSON.parse(text) as string });
    },
    async widget() {
      await page.keyboard.press("Control+Space");
      await page
        .locator(".suggest-widget.visible .monaco-list-row.focused")
        .first()
        .waitFor({ timeout: STEP_DEADLINE_MS });
    },
    click: (selector) => page.locator(selector).first().click(),
    clickLine: async (line) => {
      const row = page.locator(".monaco-editor .view-line").nth(Number(line));
      await row.click({ position: { x: 2, y: 4 } });
    },
    hover: () => page.locator(".monaco-editor .ghost-text-decoration, .monaco-editor .ghost-text").first().hover(),
  };

  return {
    log,
    async open(name, text, answers) {
      await note("leave", "ignored");
      known = null;
      await editor.ask({ kind: "note", entry: { behaviour: name } });
      await show(name, text, answers);
    },
    async leave() {
      await note("leave", "ignored");
      await show("rest.py", "", []);
      await refresh();
    },
    async play(step) {
      const found = STEP.exec(step.trim())?.groups;
      if (!found) throw new Error(`This is no step: ${step}`);
      const { means, verb = "", rest = "" } = found;
      const wait = waits[verb];
      if (wait) return wait(rest);
      const act = acts[verb];
      if (!act) throw new Error(`This is no step: ${step}`);
      await note(step.trim(), (means as Meaning | undefined) ?? "none");
      await act(rest);
    },
  };
}
