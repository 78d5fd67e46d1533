import { openForgetQueue, type ForgetQueue } from "../../../extension/sync/forget-queue.ts";
import {
  forgetRequestOf,
  forgottenBy,
  type Forgotten,
  type ForgetWish,
} from "../../../extension/sync/forget-request.ts";
import type { KeptEvent } from "../../../protocol/events.ts";
import { filesWith } from "../../support/canary-search.ts";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

const NOW = Date.now();
const HOUR_MS = 3_600_000;
const hidden = (place: string) => `hidden-${place.replaceAll("\n", "|")}`;
const AT = { root: "/project", path: "src/a.ts" };

/** An event of a suggestion that was made some time ago. */
const event = (agoMs: number, place = AT, eventAgoMs = agoMs): KeptEvent =>
  ({
    id: uuidv7({ msecs: NOW - eventAgoMs }),
    suggestionId: uuidv7({ msecs: NOW - agoMs }),
    wallMs: NOW - eventAgoMs,
    kind: "accepted",
    origin: { folder: hidden(place.root), file: hidden(`${place.root}\n${place.path}`) },
  }) as unknown as KeptEvent;
const forgotten = (wish: ForgetWish) => forgottenBy(forgetRequestOf(wish, uuidv7(), NOW, hidden));

describe("requests to forget", () => {
  const [one, other, elsewhere] = [event(1_000), event(1_000), event(1_000, { root: "/other", path: "b.ts" })];
  const check = (name: string, wish: ForgetWish, expected: readonly boolean[]) =>
    it(name, () => {
      const { event: isGone } = forgotten(wish);
      const later = event(-5_000);
      const old = event(2 * HOUR_MS);
      const oldAndSeenNow = event(2 * HOUR_MS, AT, 1_000);
      assert.deepEqual([one, other, elsewhere, old, oldAndSeenNow, later].map(isGone), expected);
    });
  check("of a suggestion mean it alone", { kind: "suggestions", ids: [one.suggestionId] }, [
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
  check("of a file mean what was recorded in it until now", { kind: "file", ...AT }, [
    true,
    true,
    false,
    true,
    true,
    false,
  ]);
  check("of a folder mean all its files", { kind: "folder", root: "/other" }, [
    false,
    false,
    true,
    false,
    false,
    false,
  ]);
  check("of the last hour mean suggestions and events of that hour", { kind: "last", ms: HOUR_MS }, [
    true,
    true,
    true,
    false,
    true,
    false,
  ]);
  check("of everything mean what was made until now", { kind: "everything" }, [true, true, true, true, true, false]);

  it("know entries by their names, and those without text by their hashes", () => {
    const { suggestion } = forgotten({ kind: "file", ...AT });
    const id = uuidv7({ msecs: NOW - 1_000 });
    assert.equal(suggestion({ id, ...AT }), true);
    assert.equal(suggestion({ id, root: hidden(AT.root), path: hidden(AT.path) }), true);
    assert.equal(suggestion({ id, root: AT.root, path: "src/b.ts" }), false);
    assert.equal(suggestion({ id: uuidv7({ msecs: NOW + 5_000 }), ...AT }), false);
  });
});

describe("forget queue", () => {
  let dir = "";
  let nHeld = 0;
  beforeEach(() => (dir = path.join(mkdtempSync(path.join(tmpdir(), "kept-forget-")), "forget")));
  afterEach(() => rmSync(path.dirname(dir), { recursive: true, force: true }));
  const open = (applied: Forgotten[] = []): ForgetQueue =>
    openForgetQueue({
      dir,
      connection: () => null,
      hidden,
      hold() {
        nHeld += 1;
        return () => (nHeld -= 1);
      },
      apply: (one) => Promise.resolve(void applied.push(one)),
      log: (message) => assert.fail(message),
    });

  it("holds the outbox back while a request may be on its way, and no longer", async () => {
    const queue = open([]);
    const tended = queue.tend();
    assert.equal(nHeld, 1);
    await tended;
    assert.equal(nHeld, 0);
  });

  it("forgets here at once, and waits for the server on disk", async () => {
    const applied: Forgotten[] = [];
    const queue = open(applied);
    await queue.forget({ kind: "file", ...AT });
    assert.equal(applied.length, 1);
    assert.equal(queue.waiting, 1);
    assert.equal(queue.isForgotten({ id: uuidv7({ msecs: NOW - 1_000 }), ...AT }), true);
    assert.equal(queue.isForgotten({ id: uuidv7(), root: "/other", path: "b.ts" }), false);
    assert.equal(filesWith(dir, [AT.path]).length, 1);
  });

  it("is heard by other windows and after a restart, once each", async () => {
    const queue = open();
    await queue.forget({ kind: "everything" });
    await queue.forget({ kind: "suggestions", ids: [uuidv7()] });
    const heard: Forgotten[] = [];
    const other = open(heard);
    await other.tend();
    await other.tend();
    assert.deepEqual(heard.map(({ request }) => request.kind).sort(), ["everything", "suggestions"]);
    assert.equal(other.waiting, 2);
  });

  it("leaves what is no request alone, and goes on", async () => {
    const queue = open();
    await queue.forget({ kind: "everything" });
    const { writeFileSync } = await import("node:fs");
    writeFileSync(path.join(dir, "broken.json"), "{");
    const heard: Forgotten[] = [];
    await open(heard).tend();
    assert.equal(heard.length, 1);
  });
});
