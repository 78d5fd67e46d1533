import type { ForgetWish } from "../../../extension/sync/forget-request.ts";
import { filesWith } from "../../support/canary-search.ts";
import { createRepository, type TestRepository } from "../tracker/repository.ts";
import { openStoredWindow } from "./stored-window.ts";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

const HOUR_MS = 3_600_000;
/** One function, with a word that stands nowhere else. */
const code = (canary: string) =>
  `export function ${canary}(first: number): number {\n  return first * ${canary}Rate;\n}\n`;

/** What was accepted before the restart, by its word. */
const CODES = {
  canaryOne: { file: "src/one.ts", agoMs: 0, of: "here" },
  canaryTwo: { file: "src/two.ts", agoMs: 0, of: "here" },
  canaryOld: { file: "src/old.ts", agoMs: 2 * HOUR_MS, of: "here" },
  canaryAway: { file: "src/away.ts", agoMs: 0, of: "elsewhere" },
} as const;
type Canary = keyof typeof CODES;
const ALL = Object.keys(CODES) as Canary[];

describe("forgetting after a restart", function () {
  this.timeout(60_000);
  let storage = "";
  let here: TestRepository;
  let elsewhere: TestRepository;
  const ids = new Map<Canary, string>();

  const rootOf = (canary: Canary) => (CODES[canary].of === "here" ? here : elsewhere).root;
  const acceptAll = async () => {
    for (const root of [here.root, elsewhere.root]) {
      const window = await openStoredWindow(storage, root);
      for (const canary of ALL.filter((one) => rootOf(one) === root)) {
        const { file, agoMs } = CODES[canary];
        const id = uuidv7({ msecs: Date.now() - agoMs });
        ids.set(canary, id);
        await window.accept({ id, file, text: code(canary) });
      }
      // Code that was accepted stands above the next suggestion.
      if (root === here.root) {
        const id = uuidv7({ msecs: Date.now() - 2 * HOUR_MS });
        await window.accept({ id, file: "src/later.ts", text: "later();\n", prefix: code("canaryOne") });
      }
      await window.close();
    }
  };
  /** Words that any file but the requests still holds, in its bytes or its name. */
  const found = () => ALL.filter((canary) => filesWith(storage, [canary]).some((one) => !one.startsWith("forget")));

  beforeEach(async () => {
    storage = mkdtempSync(path.join(tmpdir(), "kept-forgetting-"));
    here = await createRepository();
    elsewhere = await createRepository();
    for (const repository of [here, elsewhere]) await repository.commit("start", { "readme.txt": "start\n" });
    await acceptAll();
  });
  afterEach(async () => {
    await here[Symbol.asyncDispose]();
    await elsewhere[Symbol.asyncDispose]();
    rmSync(storage, { recursive: true, force: true });
  });

  const check = (name: string, wish: () => ForgetWish, kept: readonly Canary[]) =>
    it(name, async () => {
      for (const folder of ["outbox", "journal", "survival", "retention", "examples.json"])
        assert.ok(
          filesWith(storage, ["canaryOne"]).some((one) => one.startsWith(folder)),
          folder,
        );
      const window = await openStoredWindow(storage, here.root);
      await window.forget(wish());
      assert.deepEqual(found(), kept);
      await window.close();
      assert.deepEqual(found(), kept);
    });
  check(
    "a suggestion goes from every file, and copies of it go too",
    () => ({ kind: "suggestions", ids: [ids.get("canaryOne")!] }),
    ["canaryTwo", "canaryOld", "canaryAway"],
  );
  check("a file", () => ({ kind: "file", root: here.root, path: "src/one.ts" }), [
    "canaryTwo",
    "canaryOld",
    "canaryAway",
  ]);
  check("a folder", () => ({ kind: "folder", root: here.root }), ["canaryAway"]);
  check("the last hour, in folders that no window has open too", () => ({ kind: "last", ms: HOUR_MS }), ["canaryOld"]);
  it("in one window goes from the memory of another on the same folder, which writes none of it again", async () => {
    const [one, two] = [await openStoredWindow(storage, here.root), await openStoredWindow(storage, here.root)];
    const wish: ForgetWish = { kind: "suggestions", ids: [ids.get("canaryOne")!] };
    await one.forget(wish);
    await two.hear();
    await two.accept({ id: uuidv7(), file: "src/last.ts", text: code("canaryLast") });
    await here.commit("last", { "src/last.ts": code("canaryLast"), "src/one.ts": code("canaryOne") });
    await one.close();
    await two.close();
    assert.deepEqual(found(), ["canaryTwo", "canaryOld", "canaryAway"]);
    assert.deepEqual(
      filesWith(storage, [ids.get("canaryOne")!]).filter((name) => !name.startsWith("forget")),
      [],
    );
  });

  check("everything", () => ({ kind: "everything" }), []);
});
