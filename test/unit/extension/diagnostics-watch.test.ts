import { fakeClock } from "./fake-clock.ts";
import {
  diagnosticsWait,
  ERRORS_LEFT_MS,
  watchDiagnostics,
  type DiagnosticsResult,
  type ReportedError,
} from "../../../extension/observe/diagnostics-watch.ts";
import assert from "node:assert/strict";

const NAME = "file:///project/a.ts";
/** Code accepted at 100 to 200. */
const REGION = { start: 100, end: 200 };

const error = (message: string, start: number, end = start + 5, code = "2304"): ReportedError => ({
  source: "ts",
  code,
  message,
  start,
  end,
});

function accept(before: readonly ReportedError[] = []) {
  const clock = fakeClock();
  const results: DiagnosticsResult[] = [];
  let now: readonly ReportedError[] | null = before;
  const watch = watchDiagnostics(
    ERRORS_LEFT_MS,
    () => now,
    clock,
    (result) => results.push(result),
  );
  watch.follow("s", NAME, REGION, before);
  const report = (errors: readonly ReportedError[]) => {
    now = errors;
    watch.reported(NAME, errors);
  };
  const close = () => {
    now = null;
  };
  const counts = () => results.map(({ introduced, fixed, left }) => [introduced, fixed, left]);
  return { clock, results, watch, report, close, counts };
}

describe("errors that a suggestion introduced", () => {
  it("are told after two minutes, those fixed before too", async () => {
    const code = accept();
    await code.clock.pass(3_000);
    code.report([error("no a", 110), error("no b", 150, 155, "2551")]);
    await code.clock.pass(60_000);
    code.report([error("no b", 150, 155, "2551")]);
    await code.clock.pass(50_000);
    assert.equal(code.results.length, 0);
    await code.clock.pass(10_000);
    assert.deepEqual(code.counts(), [[2, 1, 1]]);
    assert.deepEqual(code.results[0]?.checks, [
      { source: "ts", code: "2304" },
      { source: "ts", code: "2551" },
    ]);
    assert.ok(!JSON.stringify(code.results).includes("no a"));
    assert.equal(code.clock.timers, 0);
  });

  it("are those of a language service that reports only at the end", async () => {
    const code = accept();
    await code.clock.pass(119_000);
    code.report([error("no a", 110)]);
    await code.clock.pass(2_000);
    assert.deepEqual(code.counts(), [[1, 0, 1]]);
  });

  it("are not those of before the accept, at that place", async () => {
    const code = accept([error("no a", 98), error("no b", 900)]);
    code.report([error("no a", 104), error("no b", 150), error("no c", 199, 230), error("no d", 200, 210)]);
    await code.clock.pass(121_000);
    assert.deepEqual(code.counts(), [[2, 0, 2]], "b is new here, c begins inside, d is outside");
  });

  it("are not those of code that the developer wrote into it", async () => {
    const code = accept();
    code.watch.changed(NAME, [{ offset: 150, deleted: 0, text: "typo" }]);
    code.watch.changed(NAME, [{ offset: 154, deleted: 0, text: "s" }]);
    code.report([error("no typos", 150), error("no a", 180)]);
    await code.clock.pass(121_000);
    assert.deepEqual(code.counts(), [[1, 0, 1]]);
  });

  it("of a suggestion that is accepted in parts are those of all parts", async () => {
    const code = accept();
    code.report([error("no a", 110)]);
    await code.clock.pass(60_000);
    code.watch.follow("s", NAME, { start: 100, end: 300 }, [error("no a", 110)]);
    code.report([error("no a", 110), error("no b", 250)]);
    await code.clock.pass(121_000);
    assert.deepEqual(code.counts(), [[2, 0, 2]]);
  });

  it("move with edits above", async () => {
    const code = accept();
    code.watch.changed(NAME, [{ offset: 0, deleted: 0, text: "x".repeat(500) }]);
    code.report([error("no a", 610), error("no b", 110)]);
    await code.clock.pass(121_000);
    assert.deepEqual(code.counts(), [[1, 0, 1]]);
  });

  it("are all fixed: that is told too", async () => {
    const code = accept();
    code.report([error("no a", 110)]);
    code.report([]);
    await code.clock.pass(121_000);
    assert.deepEqual(code.counts(), [[1, 1, 0]]);
  });

  it("are not told when there were none, or nobody can look", async () => {
    const none = accept();
    none.report([]);
    await none.clock.pass(121_000);
    assert.deepEqual(none.results, []);
    const closed = accept();
    closed.report([error("no a", 110)]);
    closed.close();
    await closed.clock.pass(121_000);
    assert.deepEqual(closed.results, []);
  });

  it("go with a renamed file, and not with a forgotten suggestion", async () => {
    const code = accept();
    code.watch.renamed("file:///project", "file:///other");
    assert.ok(code.watch.watches("file:///other/a.ts"));
    code.watch.forget("s");
    await code.clock.pass(121_000);
    assert.deepEqual(code.results, []);
    assert.ok(!code.watch.watches("file:///other/a.ts"));
  });

  it("waits less only when the environment says so", () => {
    assert.equal(diagnosticsWait({}), ERRORS_LEFT_MS);
    assert.equal(diagnosticsWait({ KEPT_DIAGNOSTICS_MS: "1500" }), 1_500);
    assert.equal(diagnosticsWait({ KEPT_DIAGNOSTICS_MS: "-1" }), ERRORS_LEFT_MS);
  });
});
