import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { DatasetRow } from "../../../core/dataset-row.ts";
import { systemClock } from "../../../server/clock.ts";
import { collectTask } from "../../../server/datasets/collect.ts";
import { feedbackRows, readFeedback } from "../../../server/datasets/feedback-rows.ts";
import { pairRows } from "../../../core/datasets/views.ts";
import { historyRows } from "../../../server/datasets/history-rows.ts";
import { readSnapshot, writeSnapshot, type SnapshotOrigin } from "../../../server/datasets/snapshot.ts";
import { openStore, readStore } from "../../../server/store/store.ts";
import { sampleSession, shownWith } from "../../server/sample-events.ts";
import { storeEvents } from "../../server/store-events.ts";
import { FIXED_AFTER_MS, makeFixedRepository } from "../../support/fixed-repository.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { v7 as uuidv7 } from "uuid";

const ORIGIN: SnapshotOrigin = { eventWatermark: 9, labelVersion: "1", workspaces: [], seed: 1, codeVersion: "test" };

const row = (i: number, more: Partial<DatasetRow> = {}): DatasetRow => ({
  id: `r${i}`,
  suggestionId: null,
  source: i % 2 === 0 ? "feedback" : "history",
  root: "/projects/demo",
  path: `src/file-${i}.ts`,
  language: "typescript",
  prefix: `import { thing${i} } from "./thing-${i}.ts";\nconst name${i * 31} = `,
  suffix: "",
  examples: [],
  completion: `build${i * 17}(thing${i}, ${i * 13});`,
  good: true,
  weight: 0.5,
  writtenAt: 1_000 + i * 10,
  group: `c${i}`,
  ...more,
});

describe("dataset snapshots", () => {
  const rows = Array.from({ length: 40 }, (_, i) => row(i));

  it("give the same bytes for the same rows in another order", async () => {
    await using a = await tempFolder();
    await using b = await tempFolder();
    const first = writeSnapshot(a.dir, rows, ORIGIN);
    const second = writeSnapshot(b.dir, rows.toReversed(), ORIGIN);
    assert.deepEqual(second, first);
    for (const name of ["rows.jsonl", "manifest.json"]) {
      assert.deepEqual(
        readFileSync(path.join(a.dir, first.sha256, name)),
        readFileSync(path.join(b.dir, second.sha256, name)),
      );
    }
  });

  it("have another name when anything of their origin is other", async () => {
    await using folder = await tempFolder();
    const names = [
      ORIGIN,
      { ...ORIGIN, eventWatermark: 10 },
      { ...ORIGIN, seed: 2 },
      { ...ORIGIN, labelVersion: "2" },
      { ...ORIGIN, workspaces: [{ root: "/a", head: "c" }] },
    ].map((origin) => writeSnapshot(folder.dir, rows, origin).sha256);
    assert.equal(new Set(names).size, names.length);
    assert.equal(readdirSync(folder.dir).length, names.length);
  });

  it("come back as they were written, split by time", async () => {
    await using folder = await tempFolder();
    const {
      sha256,
      rows: counts,
      sources,
    } = writeSnapshot(folder.dir, [...rows, row(99, { good: false, writtenAt: 1 })], ORIGIN);
    const parts = readSnapshot(folder.dir, sha256);
    assert.deepEqual(
      { train: parts.train.length, validation: parts.validation.length, test: parts.test.length },
      counts,
    );
    assert.equal(counts.train > counts.test && counts.test > 0, true);
    const newest = Math.max(...parts.train.map(({ writtenAt }) => writtenAt));
    assert.equal(
      parts.test.every(({ writtenAt }) => writtenAt > newest),
      true,
    );
    assert.equal(
      Object.values(sources).reduce((a, b) => a + b),
      counts.train + counts.validation + counts.test,
    );
    const known = new Map(rows.map((one) => [one.id, one]));
    for (const one of parts.train) assert.deepEqual(one, known.get(one.id));
  });

  it("are refused when a byte was changed", async () => {
    await using folder = await tempFolder();
    const { sha256 } = writeSnapshot(folder.dir, rows, ORIGIN);
    appendFileSync(path.join(folder.dir, sha256, "rows.jsonl"), "\n");
    assert.throws(() => readSnapshot(folder.dir, sha256), /damaged/);
  });
});

describe("feedback rows", () => {
  const check = async (stories: string[], expected: string[]) => {
    await using folder = await tempFolder();
    using store = openStore(path.join(folder.dir, "kept.db"));
    const session = sampleSession();
    for (const kinds of stories) storeEvents(store, session.story(kinds));
    const found = feedbackRows(store).map(({ completion, good }) => `${good ? "+" : "-"} ${completion}`);
    assert.deepEqual(found, expected);
  };

  it("a good suggestion is a good row", () => check(["shown accepted"], ["+ return a + b;"]));
  it("nothing is known of an ignored one", () => check(["shown ignored"], []));
  it("a bad one is a bad row", () => check(["shown read rejected"], ["- return a + b;"]));
  it("what was typed instead is a good row beside the bad one", () =>
    check(["shown read rejected typed-instead"], ["+ return b + a;", "- return a + b;"]));
  it("what was typed instead of an unread one counts too", () => check(["shown typed-instead"], ["+ return b + a;"]));
  it("rows come in the order in which suggestions were shown", () =>
    check(
      ["shown accepted", "shown read rejected", "shown rated"],
      ["+ return a + b;", "- return a + b;", "+ return a + b;"],
    ));

  it("carry the prompt as it was and a group of one file in one hour", async () => {
    await using folder = await tempFolder();
    using store = openStore(path.join(folder.dir, "kept.db"));
    const session = sampleSession();
    const id = uuidv7();
    const shown = shownWith(session, id, { path: "src/a.ts" });
    storeEvents(store, [shown, session.of("accepted", id)]);
    const [found] = feedbackRows(store);
    {
      // As a worker reads them, while the server has the store open.
      using reader = readStore(path.join(folder.dir, "kept.db"));
      assert.deepEqual(readFeedback(reader), { rows: [found], eventWatermark: 2, labelVersion: "3" });
      assert.throws(() => reader.events.note({ accepted: 1, duplicate: 0, rejected: 0 }), { code: "SQLITE_READONLY" });
    }
    assert.equal(found!.prefix, shown.context.prefix);
    assert.equal(found!.suggestionId, id);
    assert.equal(found!.group.startsWith(`${session.sessionId}:src/a.ts:`), true);
    const request = { workspaces: ["/b", "/a", "/b"], seed: 1, config: null };
    const task = collectTask({ store, database: "kept.db", clock: systemClock }, request);
    assert.equal(task.workspaces.join(), "/a,/b");
  });
});

describe("history rows", () => {
  it("are what a repository's commits wrote, at a lower weight, with the commit as their group", async () => {
    await using folder = await tempFolder();
    const repo = path.join(folder.dir, "repo");
    mkdirSync(repo);
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", "-C", repo, ...args], {
        stdio: "pipe",
      });
    git("init", "-q");
    for (let i = 0; i < 3; i++) {
      appendFileSync(path.join(repo, "a.ts"), `export function add${i}(left: number) {\n  return left + ${i};\n}\n`);
      git("add", ".");
      git("commit", "-qm", `Add ${i}`);
    }
    const mined = await historyRows(repo, AbortSignal.timeout(20_000));
    assert.equal(mined.head, git("rev-parse", "HEAD").toString().trim());
    assert.equal(mined.rows.length > 0, true);
    for (const { source, weight, group, good, suggestionId } of mined.rows) {
      assert.deepEqual({ source, good, suggestionId }, { source: "history", good: true, suggestionId: null });
      assert.equal(weight < 1 && weight > 0, true);
      assert.match(group, /^[0-9a-f]{40}$/);
    }
  });

  it("are bad where the code was reverted or fixed soon, with what was written instead, and as old as that is known", async () => {
    await using folder = await tempFolder();
    const { dir, added, fixed, fixedAt, wrong, right, git } = makeFixedRepository(path.join(folder.dir, "repo"));
    const mined = await historyRows(dir, AbortSignal.timeout(20_000));

    const bad = mined.rows.filter(({ good }) => !good);
    assert.ok(bad.length > 0);
    for (const { loss, writtenAt, group, completion, weight } of bad) {
      assert.deepEqual(loss, { cause: "fix", afterMs: FIXED_AFTER_MS, commit: fixed });
      assert.deepEqual([writtenAt, group], [fixedAt, fixed]);
      assert.ok(wrong.includes(completion) && weight > 0 && weight < 0.3);
    }
    const pairs = pairRows(mined.rows);
    // Of a point inside a line that begins otherwise now, nothing was written in its place.
    assert.ok(pairs.length > 0 && pairs.every((pair) => bad.includes(pair.bad)));
    for (const { good, bad: refused } of pairs) {
      assert.ok(right.includes(good.completion), good.completion);
      assert.equal(good.writtenAt, refused.writtenAt);
    }
    // What is bad is good nowhere, and no example for what came later.
    const badPlaces = new Set(bad.map(({ id }) => id.split(":")[0]));
    assert.equal(
      mined.rows.some(({ id, good }) => good && badPlaces.has(id)),
      false,
    );
    const shown = mined.rows.flatMap(({ examples }) => examples.map(({ text }) => text));
    for (const { completion } of bad)
      assert.equal(
        shown.some((text) => text.endsWith(completion)),
        false,
      );
    // The same commit gives the same rows, whatever else came.
    git("branch", "other", added);
    assert.deepEqual((await historyRows(dir, AbortSignal.timeout(20_000))).rows, mined.rows);
  });

  it("a folder without a repository is an error", async () => {
    await using folder = await tempFolder();
    writeFileSync(path.join(folder.dir, "a.ts"), "export {};\n");
    await assert.rejects(historyRows(folder.dir, AbortSignal.timeout(20_000)), { name: "GitError" });
  });
});
