import { fakeClock } from "./fake-clock.ts";
import type { BufferFact } from "../../../core/survival/buffer-follower.ts";
import {
  retentionSchedule,
  RETENTION_SCHEDULE_MS,
  watchRetention,
  type RetentionCheck,
} from "../../../extension/observe/retention-watch.ts";
import type { DiskText } from "../../../extension/survive/text-source.ts";
import assert from "node:assert/strict";

const CODE = "const total = prices.reduce((sum, price) => sum + price, 0);";
const FILE = `import { prices } from "./prices.ts";\n\n${CODE}\n\nconsole.log(total);\n`;
const NAME = "file:///project/a.ts";

/** A window with one file in which CODE was accepted, and what its watch has told. */
function openEditor() {
  const clock = fakeClock();
  const open = new Map([[NAME, FILE]]);
  const disk = new Map([[NAME, FILE]]);
  const checks: RetentionCheck[] = [];
  const facts: BufferFact[] = [];
  let nPending = 0;
  const texts = {
    open: (name: string) => open.get(name) ?? null,
    openFiles: () => [...open.keys()].filter((name) => name.startsWith("file:")),
    read: async (name: string): Promise<DiskText> => {
      const text = disk.get(name);
      if (!name.startsWith("file:")) return { ok: false, reason: "closed" };
      return text === undefined ? { ok: false, reason: "file-missing" } : { ok: true, text };
    },
  };
  const retention = watchRetention(RETENTION_SCHEDULE_MS, texts, clock, {
    onCheck: (check) => checks.push(check),
    onFact: (fact) => facts.push(fact),
    onPending: () => (nPending += 1),
  });
  const accept = (suggestionId = "s", document = NAME) => {
    const start = FILE.indexOf(CODE);
    const region = { start, end: start + CODE.length };
    retention.follow({ suggestionId, document, region, text: CODE, before: "", after: "", acceptedAt: clock.now() });
  };
  const edit = (offset: number, deleted: number, text: string, name = NAME) => {
    const old = open.get(name) ?? "";
    open.set(name, old.slice(0, offset) + text + old.slice(offset + deleted));
    retention.changed(name, [{ offset, deleted, text }], "edit");
  };
  /** Each check as `15s 1`, `30s 0.5 undo` or `2m missed`. */
  const told = () =>
    checks.map(({ afterMs, tokens, censored, cause }) =>
      [`${Math.floor(afterMs / 1_000)}s`, tokens ?? censored, cause].filter((part) => part !== undefined).join(" "),
    );
  return { clock, open, disk, checks, facts, retention, accept, edit, told, nPending: () => nPending };
}

describe("retention watch", () => {
  it("looks at 15, 30, 120, 300, 600 and 900 s, with one timer", async () => {
    const editor = openEditor();
    editor.accept();
    editor.accept("t", "file:///project/b.ts");
    assert.equal(editor.clock.timers, 1);
    editor.open.set("file:///project/b.ts", FILE);
    await editor.clock.pass(1_000_000);
    const mine = editor.checks.filter(({ suggestionId }) => suggestionId === "s");
    assert.deepEqual(
      mine.map(({ afterMs, tokens }) => [Math.floor(afterMs / 1_000), tokens]),
      [15, 30, 120, 300, 600, 900].map((seconds) => [seconds, 1]),
    );
    assert.equal(editor.clock.timers, 0);
    assert.deepEqual(editor.facts, []);
  });

  it("gives every channel", async () => {
    const editor = openEditor();
    editor.accept();
    await editor.clock.pass(16_000);
    const { suggestionId, afterMs, ...channels } = editor.checks[0]!;
    assert.deepEqual(channels, { tokens: 1, strictTokens: 1, fourGrams: 1, arc: 1 });
    assert.ok(suggestionId === "s" && afterMs >= 15_000);
  });

  it("follows code under text typed above, and says where it stands at once", async () => {
    const editor = openEditor();
    editor.accept();
    const above = "// a\n// b\n// c\n// d\n// e\n";
    editor.edit(0, 0, above);
    const start = FILE.indexOf(CODE) + above.length;
    const region = { start, end: start + CODE.length };
    assert.deepEqual(editor.retention.newestIn(NAME), { suggestionId: "s", region });
    assert.equal(editor.retention.newestIn("file:///project/c.ts"), null);
    await editor.clock.pass(16_000);
    assert.deepEqual(editor.told(), ["15s 1"]);
  });

  it("tells a loss with its cause soon after it, and the cause again with the next check", async () => {
    const editor = openEditor();
    editor.accept();
    await editor.clock.pass(5_000);
    editor.edit(FILE.indexOf(CODE), CODE.length, "");
    await editor.clock.pass(2_000);
    assert.deepEqual(
      editor.facts.map((fact) => (fact.kind === "loss" ? [fact.cause, fact.fraction] : fact.kind)),
      [["undo", 1]],
    );
    await editor.clock.pass(10_000);
    assert.deepEqual(editor.told(), ["15s 0 undo"]);
  });

  it("finds most of it after a small edit", async () => {
    const editor = openEditor();
    editor.accept();
    editor.edit(FILE.indexOf("total ="), 5, "amount");
    await editor.clock.pass(16_000);
    const { tokens, cause } = editor.checks[0]!;
    assert.ok(tokens !== null && tokens > 0.8 && tokens < 1, String(tokens));
    assert.equal(cause, "other");
  });

  it("reads a closed document from disk", async () => {
    const editor = openEditor();
    editor.accept();
    editor.open.delete(NAME);
    editor.retention.closed(NAME, () => FILE);
    await editor.clock.pass(16_000);
    editor.disk.set(NAME, `// more\n${FILE.replace("sum + price, 0", "sum + price")}`);
    await editor.clock.pass(15_000);
    const [first, second] = editor.checks;
    assert.equal(first?.tokens, 1);
    assert.ok((second?.tokens ?? 1) < 1);
  });

  it("is censored, never 0, when the file of a closed document is not there", async () => {
    const editor = openEditor();
    editor.accept();
    editor.open.delete(NAME);
    editor.disk.delete(NAME);
    await editor.clock.pass(31_000);
    assert.deepEqual(editor.told(), ["15s file-missing", "30s file-missing"]);
    assert.deepEqual(editor.facts, []);
    editor.disk.set(NAME, FILE);
    await editor.clock.pass(100_000);
    assert.deepEqual(editor.told().slice(2), ["120s 1"]);
  });

  it("D7: follows a renamed file, and a renamed folder above it", async () => {
    const editor = openEditor();
    editor.accept();
    const moved = "file:///project/new/a.ts";
    editor.open.delete(NAME);
    editor.retention.closed(NAME, () => FILE);
    editor.open.set(moved, FILE);
    editor.retention.opened(moved);
    editor.retention.renamed(NAME, moved);
    editor.edit(0, 0, "// edited at its new place\n", moved);
    await editor.clock.pass(16_000);
    editor.open.set("file:///project/newer/a.ts", editor.open.get(moved)!);
    editor.open.delete(moved);
    editor.retention.renamed("file:///project/new", "file:///project/newer");
    await editor.clock.pass(15_000);
    assert.deepEqual(editor.told(), ["15s 1", "30s 1"]);
    assert.equal(editor.retention.pending()[0]?.document, "file:///project/newer/a.ts");
    assert.deepEqual(editor.facts, []);
  });

  it("D8: tells a loss when the file is deleted, also with its folder, and a gain when that is undone", async () => {
    const editor = openEditor();
    editor.accept();
    await editor.clock.pass(2_000);
    editor.open.delete(NAME);
    editor.disk.delete(NAME);
    editor.retention.deleted("file:///project");
    await editor.clock.pass(15_000);
    assert.deepEqual(
      editor.facts.map((fact) => (fact.kind === "loss" ? `${fact.cause} ${fact.evidence}` : fact.kind)),
      ["refactor file-deleted"],
    );
    assert.deepEqual(editor.told(), ["15s 0 refactor"]);
    assert.equal(editor.retention.newestIn(NAME), null);
    editor.open.set(NAME, FILE);
    editor.retention.opened(NAME);
    await editor.clock.pass(15_000);
    assert.deepEqual(editor.told().slice(1), ["30s 1"]);
    assert.equal(editor.facts.at(-1)?.kind, "gain");
  });

  it("D8: tells the same where the editor closes the document after a look at the deleted file", async () => {
    const editor = openEditor();
    editor.accept();
    await editor.clock.pass(2_000);
    editor.disk.delete(NAME);
    editor.retention.deleted(NAME);
    await editor.clock.pass(5_000);
    editor.open.delete(NAME);
    editor.retention.closed(NAME, () => FILE);
    await editor.clock.pass(10_000);
    assert.deepEqual(
      editor.facts.map((fact) => (fact.kind === "loss" ? `${fact.cause} ${fact.evidence}` : fact.kind)),
      ["refactor file-deleted"],
    );
  });

  for (const order of ["opened first", "closed first"] as const) {
    it(`follows an untitled document that is saved (${order})`, async () => {
      const editor = openEditor();
      const untitled = "untitled:Untitled-1";
      editor.open.clear();
      editor.open.set(untitled, FILE);
      editor.accept("s", untitled);
      await editor.clock.pass(2_000);
      const close = () => {
        editor.open.delete(untitled);
        editor.retention.closed(untitled, () => FILE);
      };
      const open = () => {
        editor.open.set(NAME, FILE);
        editor.retention.opened(NAME);
      };
      for (const step of order === "opened first" ? [open, close] : [close, open]) step();
      await editor.clock.pass(15_000);
      assert.deepEqual(editor.told(), ["15s 1"]);
      assert.equal(editor.retention.pending()[0]?.document, NAME);
    });
  }

  it("censors what a sleeping machine missed, and looks again from then on", async () => {
    const editor = openEditor();
    editor.accept();
    await editor.clock.pass(16_000);
    editor.clock.sleep(400_000);
    await editor.clock.pass(300_000);
    assert.deepEqual(editor.told(), ["15s 1", "30s missed", "120s missed", "416s 1", "600s 1"]);
  });

  it("notices a change that nobody told, such as of line ends", async () => {
    const editor = openEditor();
    editor.accept();
    await editor.clock.pass(2_000);
    editor.open.set(NAME, FILE.replaceAll("\n", "\r\n"));
    editor.retention.touched(NAME);
    await editor.clock.pass(14_000);
    assert.deepEqual(editor.told(), ["15s 1"]);
    assert.equal(editor.retention.newestIn(NAME)?.region.start, FILE.indexOf(CODE) + 2);
  });

  it("starts again with a longer partial accept of the same suggestion", async () => {
    const editor = openEditor();
    editor.accept();
    await editor.clock.pass(10_000);
    editor.accept();
    await editor.clock.pass(10_000);
    assert.deepEqual(editor.told(), []);
    await editor.clock.pass(6_000);
    assert.deepEqual(editor.told(), ["15s 1"]);
  });

  it("keeps what is pending when the window goes, and tells nothing of it", async () => {
    const editor = openEditor();
    editor.accept();
    await editor.clock.pass(16_000);
    editor.retention[Symbol.dispose]();
    await editor.clock.pass(1_000_000);
    assert.deepEqual(editor.told(), ["15s 1"]);
    assert.deepEqual(
      editor.retention.pending().map(({ document, nextIdx }) => [document, nextIdx]),
      [[NAME, 1]],
    );
    assert.ok(editor.nPending() >= 2);
  });

  it("forgets a suggestion", async () => {
    const editor = openEditor();
    editor.accept();
    editor.retention.forget("s");
    await editor.clock.pass(1_000_000);
    assert.deepEqual(editor.told(), []);
    assert.deepEqual(editor.retention.pending(), []);
  });

  it("takes a shorter schedule from the environment only", () => {
    assert.equal(retentionSchedule({}), RETENTION_SCHEDULE_MS);
    assert.deepEqual(retentionSchedule({ KEPT_RETENTION_SCHEDULE_MS: "900,300" }), [300, 900]);
    assert.equal(retentionSchedule({ KEPT_RETENTION_SCHEDULE_MS: "soon" }), RETENTION_SCHEDULE_MS);
  });
});
