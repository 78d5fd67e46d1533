import type { EditorUnderTest } from "./editor-under-test.ts";
import type { KeptEvent } from "../../../protocol/events.ts";
import type { Answer, LogEntry, Meaning, Place } from "./log.ts";
import { shownNow } from "./truth.ts";

/**
 * Plays steps in the editor with real keys and clicks, one step a line:
 *
 *     type "text"        keys, one by one            paste "text"       through the clipboard's way, one change
 *     press Control+Z    one chord                   command id         a command of the editor
 *     slip "text"        its last key taken back at once
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
  open(name: string, place: Place, text: string, answers: readonly Answer[]): Promise<void>;
  play(step: string): Promise<void>;
  /** Every event of Kept, once none has come for a while: its last decision is held back for a moment. */
  stored(): Promise<KeptEvent[]>;
  /** Another file may be in front: bring this one back. */
  back(name: string): Promise<void>;
  /** Until a first suggestion has stood on the page: a cold editor loads much of itself for that. */
  warmUp(): Promise<void>;
  /** Ends what is still up, by leaving for another file. */
  leave(): Promise<void>;
  /** What the extension host wrote down since the last file was opened, for the search of a mistake. */
  told(): string;
  readonly log: readonly LogEntry[];
}

const STEP_DEADLINE_MS = 15_000;
const WARM_DEADLINE_MS = 45_000;
const POLL_MS = 15;
/** A new editor has the focus for good once it had it for so long. */
const FOCUS_HELD_MS = 150;
const FOCUS_EDITOR = "workbench.action.focusActiveEditorGroup";
const FOCUS_COMMAND: Readonly<Partial<Record<Place, string>>> = { notebook: "notebook.cell.edit" };
/** The editor's own delay and Kept's, before a request at a new place, with time for the answer. */
const SETTLE_MS = 350;
/** Longer than an event stands in memory only, and than the chain holds an ending back. */
const STORED_AFTER_MS = 400;
const STEP = /^(?:(?<means>typed-over|typed-through|ignored|superseded|none): )?(?<verb>\S+)(?: (?<rest>.*))?$/s;

export function createDriver(editor: EditorUnderTest): Driver {
  const { page } = editor;
  const log: LogEntry[] = [];
  /** The suggestion that the last `shown` waited for. */
  let known: string | null = null;
  let nParts = 0;

  const refresh = async () => {
    const state = await editor.state(log.length);
    log.push(...state.log);
    return state;
  };
  const target = async () => ((await editor.hasGhost()) ? shownNow((await refresh(), log)) : null);
  const until = async (what: string, look: () => Promise<boolean>, extraMs = 0) => {
    const deadline = performance.now() + STEP_DEADLINE_MS + extraMs;
    while (!(await look())) {
      if (performance.now() > deadline) throw new Error(`Waited in vain until ${what}.`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  };
  const quiet = async (ms: number) => {
    const began = (await refresh()).now;
    await until(`${ms} ms have passed`, async () => (await refresh()).now - began >= ms);
  };
  // An entry of the widget hides the ghost text: what was meant for a suggestion may find it hidden.
  const note = async (name: string, means: Meaning) => {
    await refresh();
    return editor.ask({ kind: "note", entry: { action: { name, means, target: shownNow(log) } } });
  };

  /** Keys pressed before the page has the new editor would go to the old one. */
  const show = async (name: string, place: Place, text: string, answers: readonly Answer[]) => {
    await editor.ask({ kind: "open", name, place, text, answers });
    if (place !== "notebook") await editor.ask({ kind: "command", id: FOCUS_EDITOR, args: [] });
    const cursor = text.split("|", 1)[0]!.length;
    await until("the new editor has its cursor", async () => {
      const state = await refresh();
      return state.cursor === cursor && (place === "untitled" || place === "notebook" || state.document === name);
    });
    // What has just opened may lose the focus to what opened before it; keys would go there.
    let since = performance.now();
    await until("the new editor keeps the focus", async () => {
      if (await hasFocus(place, name)) return performance.now() - since >= FOCUS_HELD_MS;
      await editor.ask({ kind: "command", id: FOCUS_COMMAND[place] ?? FOCUS_EDITOR, args: [] });
      since = performance.now();
      return false;
    });
  };
  const hasFocus = (place: Place, name: string) =>
    page.evaluate(([selector]) => document.hasFocus() && Boolean(document.activeElement?.closest(selector)), [
      onPage(place, name),
    ] as const);

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
      until(
        `it was up for ${ms} ms`,
        async () => {
          const { now } = await refresh();
          const show = log.find((entry) => entry.kind === "show" && entry.id === known);
          return show !== undefined && now - show.at >= Number(ms);
        },
        Number(ms),
      ),
    /** The file's text, as a JSON string. */
    left: (text) => until(`the text is ${text}`, async () => (await refresh()).text === JSON.parse(text)),
    ghost: () => until("ghost text is on the page", () => editor.hasGhost()),
    part: () =>
      until("a part was accepted", async () => {
        await refresh();
        const found = log.filter(({ kind }) => kind === "partial").length;
        if (found <= nParts) return false;
        nParts = found;
        return true;
      }),
    /** The editor asks again after a pause: long enough for that, and for an answer. */
    settle: () => quiet(SETTLE_MS),
    async absent() {
      if (await editor.hasGhost()) throw new Error("A suggestion is up that should not be.");
    },
    gone: () => until("no ghost text is left", async () => !(await editor.hasGhost())),
    none: () => Promise.resolve(),
  };

  const acts: Readonly<Record<string, (rest: string) => Promise<unknown>>> = {
    type: (text) => page.keyboard.type(JSON.parse(text) as string),
    paste: (text) => page.keyboard.insertText(JSON.parse(text) as string),
    press: (chord) => page.keyboard.press(chord),
    async slip(text) {
      await page.keyboard.type(JSON.parse(text) as string);
      await page.keyboard.press("Backspace");
    },
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
    file: () => editor.ask({ kind: "open", name: "another.py", place: "file", text: "c = 3\n|", answers: null }),
    toolbar: (label) =>
      page
        .locator(`.inlineSuggestionsHints .action-label`, { hasText: new RegExp(`^${label}`) })
        .first()
        .click(),
    clickLine: async (line) => {
      const row = page.locator(".monaco-editor .view-line").nth(Number(line));
      await row.click({ position: { x: 2, y: 4 } });
    },
    hover: () => page.locator(".monaco-editor .ghost-text-decoration, .monaco-editor .ghost-text").first().hover(),
  };

  return {
    log,
    async open(name, place, text, answers) {
      await note("leave", "ignored");
      known = null;
      await editor.ask({ kind: "note", entry: { behaviour: name } });
      await show(name, place, text, answers);
    },
    async warmUp() {
      await editor.ask({ kind: "note", entry: { behaviour: "warm_up.py" } });
      await show("warm_up.py", "file", "|", [{ after: "value = ", text: "warm()" }]);
      await page.keyboard.type("value = ");
      await until("the first suggestion is up", () => editor.hasGhost(), WARM_DEADLINE_MS);
    },
    async leave() {
      await note("leave", "ignored");
      await show("rest.py", "file", "|", []);
      await refresh();
    },
    async stored() {
      let events: KeptEvent[] = [];
      await until("Kept has stored everything", async () => {
        await quiet(STORED_AFTER_MS);
        const before = events.length;
        events = await editor.events();
        return before > 0 && events.length === before;
      });
      return events;
    },
    told() {
      const began = log.findLastIndex(({ kind }) => kind === "begin");
      return log
        .slice(began)
        .map(({ at, ...entry }) => `${Math.round(at)} ${JSON.stringify(entry)}`)
        .join("\n");
    },
    async back(name) {
      if ((await refresh()).document === name) return;
      await editor.ask({ kind: "back", name });
      await page.locator(`.tab.active[data-resource-name="${name}"]`).waitFor({ timeout: STEP_DEADLINE_MS });
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

/** What the page shows once the new editor is in front and has the focus. */
function onPage(place: Place, name: string): string {
  const uri =
    place === "notebook" ? '^="vscode-notebook-cell:"' : place === "untitled" ? '^="untitled:"' : `$="/${name}"`;
  return `[data-uri${uri}].focused, [data-uri${uri}] .monaco-editor.focused`;
}
