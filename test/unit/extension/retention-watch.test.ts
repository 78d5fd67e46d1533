import {
  retentionSchedule,
  RETENTION_SCHEDULE_MS,
  watchRetention,
  type RetentionCheck,
} from "../../../extension/observe/retention-watch.ts";
import assert from "node:assert/strict";

const CODE = "const total = prices.reduce((sum, price) => sum + price, 0);";
const FILE = `import { prices } from "./prices.ts";\n\n${CODE}\n\nconsole.log(total);\n`;

/** Accepts CODE in FILE, edits the text, and resolves with the first checks of a real, short schedule. */
async function watch(
  edit: (text: string) => { text: string | null; changes: { offset: number; deleted: number; text: string }[] },
): Promise<RetentionCheck[]> {
  let text: string | null = FILE;
  const done = Promise.withResolvers<RetentionCheck[]>();
  const checks: RetentionCheck[] = [];
  const retention = watchRetention(
    [20, 40],
    () => text,
    (check) => {
      checks.push(check);
      if (checks.length === 2) done.resolve(checks);
    },
  );
  const start = FILE.indexOf(CODE);
  retention.follow({
    suggestionId: "s1",
    document: "a.ts",
    region: { start, end: start + CODE.length },
    text: CODE,
    acceptedAt: performance.now(),
  });
  const after = edit(FILE);
  text = after.text;
  retention.changed("a.ts", after.changes);
  const found = await done.promise;
  retention[Symbol.dispose]();
  return found;
}

describe("retention watch", () => {
  it("looks twice, in order, and finds untouched code whole", async () => {
    const checks = await watch((text) => ({ text, changes: [] }));
    assert.deepEqual(
      checks.map(({ tokens, strictTokens }) => [tokens, strictTokens]),
      [
        [1, 1],
        [1, 1],
      ],
    );
    assert.ok(checks[0]!.afterMs < checks[1]!.afterMs);
  });

  it("finds it under text typed above", async () => {
    const [check] = await watch((text) => ({
      text: `// a\n// b\n// c\n// d\n// e\n${text}`,
      changes: [{ offset: 0, deleted: 0, text: "// a\n// b\n// c\n// d\n// e\n" }],
    }));
    assert.equal(check?.tokens, 1);
  });

  it("finds nothing of deleted code", async () => {
    const offset = FILE.indexOf(CODE);
    const [check] = await watch((text) => ({
      text: text.replace(CODE, ""),
      changes: [{ offset, deleted: CODE.length, text: "" }],
    }));
    assert.equal(check?.tokens, 0);
  });

  it("finds most of it after a small edit", async () => {
    const offset = FILE.indexOf("total =");
    const [check] = await watch((text) => ({
      text: text.replace("total =", "amount ="),
      changes: [{ offset, deleted: 5, text: "amount" }],
    }));
    assert.ok(check?.tokens && check.tokens > 0.8 && check.tokens < 1, String(check?.tokens));
  });

  it("is censored when the document is closed", async () => {
    const checks = await watch(() => ({ text: null, changes: [] }));
    assert.deepEqual(
      checks.map(({ tokens }) => tokens),
      [null, null],
    );
  });

  it("censors what is due when the window goes", () => {
    const checks: RetentionCheck[] = [];
    const retention = watchRetention(
      [60_000],
      () => FILE,
      (check) => checks.push(check),
    );
    retention.follow({
      suggestionId: "s1",
      document: "a.ts",
      region: { start: 0, end: 5 },
      text: "const",
      acceptedAt: performance.now(),
    });
    retention[Symbol.dispose]();
    assert.deepEqual(
      checks.map(({ tokens }) => tokens),
      [null],
    );
  });

  it("knows where the newest accepted code of a document stands", () => {
    const retention = watchRetention(
      [60_000],
      () => FILE,
      () => {},
    );
    const follow = (suggestionId: string, acceptedAt: number) =>
      retention.follow({ suggestionId, document: "a.ts", region: { start: 4, end: 9 }, text: "hello", acceptedAt });
    follow("s1", 1);
    follow("s2", 2);
    retention.changed("a.ts", [{ offset: 0, deleted: 0, text: "ab" }]);
    assert.deepEqual(retention.newestIn("a.ts"), { suggestionId: "s2", region: { start: 6, end: 11 } });
    assert.equal(retention.newestIn("b.ts"), null);
    retention[Symbol.dispose]();
  });

  it("takes a shorter schedule from the environment only", () => {
    assert.equal(retentionSchedule({}), RETENTION_SCHEDULE_MS);
    assert.deepEqual(retentionSchedule({ KEPT_RETENTION_SCHEDULE_MS: "900,300" }), [300, 900]);
    assert.equal(retentionSchedule({ KEPT_RETENTION_SCHEDULE_MS: "soon" }), RETENTION_SCHEDULE_MS);
  });
});
