import { createDriver } from "../bench/labels/driver.ts";
import { openEditorUnderTest } from "../bench/labels/editor-under-test.ts";
import { BEHAVIOURS, judgeAll, playAll, type Judged } from "../bench/labels/scripted.ts";

/**
 * The behaviours that others have got wrong, and one of each outcome, with real keys in a real editor;
 * `npm run bench -- labels` plays all of them, and random walks. Each is told here by name.
 */
const CHOSEN: readonly string[] = [
  "Tab",
  "Tab after 10 s is one accept (Continue)",
  "Tab after typing into a bracket that the editor closes",
  "Tab, then the cursor moves (Cody 7483)",
  "Tab with three cursors",
  "Tab after an edit above",
  "Tab in an untitled document",
  "Tab in a cell of a notebook",
  "Undo and redo of the accept",
  "Two words",
  "One line",
  "A word, then Escape",
  "Typed to the end (Cody 1204)",
  "Typed along, then over",
  "Escape",
  "Escape, and it does not come back by itself",
  "The cursor goes up",
  "Another file",
  "An entry is chosen instead (Cody 1206)",
  "Another provider's suggestion is accepted (git-ai)",
  "Another provider's suggestion is rejected",
];
/** A cold editor on two busy cores, and a minute of keys. */
const RUN_DEADLINE_MS = 150_000;

async function play(): Promise<Judged[]> {
  const chosen = BEHAVIOURS.filter(({ name }) => CHOSEN.includes(name));
  await using editor = await openEditorUnderTest({});
  const driver = createDriver(editor);
  const played = await playAll(driver, chosen, AbortSignal.timeout(RUN_DEADLINE_MS));
  // Awaited here: the editor closes when this function ends.
  return await judgeAll(driver, played);
}

const run: Judged[] | Error = await play().catch((error: unknown) => error as Error);

describe("outcomes of suggestions, by hand in a real editor", () => {
  it("were played", () => {
    if (run instanceof Error) throw run;
    const missing = CHOSEN.filter((name) => !run.some((one) => one.name === name));
    if (missing.length > 0) throw new Error(`There is no behaviour called ${missing.join(", ")}.`);
  });

  if (run instanceof Error) return;
  for (const { name, problems } of run) {
    it(name, () => {
      if (problems.length > 0) throw new Error(problems.join("; "));
    });
  }
});
