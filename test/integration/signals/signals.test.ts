import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { runCli, until } from "../../server/server-process.ts";
import { runningApp, type RunningApp } from "../../server/running-app.ts";
import { createRepository, FIRST_COMMIT_SECONDS, type TestRepository } from "../tracker/repository.ts";

const TOTAL =
  "export function total(items) {\n  const chosen = items.filter((item) => item.count > 0);\n  return chosen.map((item) => item.price * item.count);\n}\n";
const JOIN =
  "export function joinWords(words, separator) {\n  const kept = words.filter((word) => word.length > 1);\n  return kept.join(separator);\n}\n";
const PARSE =
  "export function parseNumbers(text) {\n  const parts = text.split(/[,;]/);\n  return parts.map((part) => Number.parseFloat(part));\n}\n";
const BY_HAND = "export const answer = 42;\nexport const question = null;\n";
/** Between the first commit and the second. */
const ACCEPTED_AT = new Date((FIRST_COMMIT_SECONDS + 60) * 1_000).toISOString();
/** Labels of events that were just stored, on a busy machine. */
const SOON_MS = 30_000;

interface Reason {
  readonly signal: string;
  readonly lambda: number;
  readonly detail: string;
}

describe("signals of tests, errors, measurements and reviews", () => {
  let running: RunningApp;
  let repo: TestRepository;
  /** Suggestions by their text. */
  let ids: { total: string; join: string; parse: string };

  const kept = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(["--data-dir", path.join(running.dir, "data"), ...args]);
    return { code, stderr, json: stdout.startsWith("{") ? JSON.parse(stdout) : null };
  };
  const report = async (name: string, text: string): Promise<string> => {
    const file = path.join(running.dir, name);
    await writeFile(file, text);
    return file;
  };
  const accept = async (file: string, line: number, text: string): Promise<string> => {
    const generation = { tool: "agent", root: repo.root, path: file, line, text, at: ACCEPTED_AT };
    const { body } = await running.call("POST", "/v1/generations", { generations: [generation] });
    return body.results[0].suggestionIds[0];
  };
  const reasonsOf = async (id: string): Promise<Reason[]> => {
    const { body } = await running.call("GET", "/v1/labels?limit=100");
    const label = body.labels.find((one: { suggestionId: string }) => one.suggestionId === id);
    return label.reasons.filter(({ signal }: Reason) => signal !== "accepted" && signal !== "survival");
  };
  const signalsOf = async (id: string) => (await reasonsOf(id)).map(({ signal, lambda }) => [signal, lambda]);

  before(async () => {
    running = await runningApp();
    repo = await createRepository();
    await repo.commit("Begin", { "README.md": "# Demo\n" });
    await repo.git("checkout", "-q", "-b", "work");
    ids = {
      total: await accept("src/sums.js", 1, TOTAL),
      join: await accept("src/sums.js", 8, JOIN),
      parse: await accept("src/numbers.js", 1, PARSE),
    };
    await repo.commit("Add sums", { "src/sums.js": TOTAL + "\n" + BY_HAND + JOIN, "src/numbers.js": PARSE });
    // Renamed and moved down, then rebased: no commit of before is in the history of what is reported on.
    await repo.git("mv", "src/sums.js", "lib.js");
    await repo.commit("Move sums", { "lib.js": "// Sums of things.\n\n" + TOTAL + "\n" + BY_HAND + JOIN });
    await repo.git("checkout", "-q", "main");
    await repo.commit("Go on", { "other.js": "export const other = [];\n" });
    await repo.git("rebase", "-q", "main", "work");
  });
  after(async () => {
    await repo[Symbol.asyncDispose]();
    await running[Symbol.asyncDispose]();
  });

  const JUNIT = (totalFails: boolean) =>
    `<?xml version="1.0"?><testsuites><testsuite name="lib" tests="3">
      <testcase classname="lib" name="total adds &amp; multiplies">${totalFails ? '<failure message="3 != 4">secret</failure>' : ""}</testcase>
      <testcase classname="lib" name="join words"/>
      <testcase classname="lib" name="later"><skipped/></testcase>
    </testsuite></testsuites>`;
  // By another machine's path: lines 3 to 6 are `total`, 8 and 9 were written by hand, 10 to 13 are `joinWords`.
  const LCOV = [
    "TN:lib_total_adds_multiplies",
    "SF:/builds/demo/lib.js",
    ...[1, 3, 4, 5, 8].map((line) => `DA:${line},1`),
    "DA:10,0",
    "end_of_record",
    "TN:lib_join_words",
    "SF:/builds/demo/lib.js",
    ...[9, 10, 11, 12].map((line) => `DA:${line},3`),
    "end_of_record",
    "SF:/builds/demo/gone.js",
    "end_of_record",
    "",
  ].join("\n");

  it("lower the label of exactly those who wrote the failing lines, through a rename and a rebase", async () => {
    const junit = await report("junit.xml", JUNIT(true));
    const lcov = await report("lcov.info", LCOV);
    const args = ["signal", "junit", junit, "--coverage", lcov, "--repo", repo.root, "--json"];
    const dry = await kept(...args, "--dry-run");
    assert.deepEqual([dry.code, dry.json?.stored], [0, 0], dry.stderr);
    const told = await kept(...args);
    assert.equal(told.code, 0, told.stderr);
    assert.deepEqual(
      told.json.signals.map(({ verdict, suggestions }: { verdict: string; suggestions: unknown }) => [
        verdict,
        suggestions,
      ]),
      [
        ["test-failed", [{ id: ids.total, share: 1 }]],
        ["test-passed", [{ id: ids.join, share: 1 }]],
      ],
    );
    assert.deepEqual([told.json.stored, told.json.dropped, told.json.followed], [2, 0, 3]);
    await until(async () => ((await signalsOf(ids.join)).length > 0 ? true : null), SOON_MS);
    assert.deepEqual(await signalsOf(ids.total), [["test-failed", -1.5]]);
    assert.deepEqual(await signalsOf(ids.join), [["test-passed", 0.4]]);
    assert.deepEqual(await signalsOf(ids.parse), []);
    const [reason] = await reasonsOf(ids.total);
    assert.equal(reason?.detail, "lib total adds & multiplies: fails");
    assert.equal((await kept(...args)).json.stored, 0, "the same report again says nothing new");
  });

  it("are taken back by a later answer: a test that passes again is fixed", async () => {
    const junit = await report("junit-2.xml", JUNIT(false));
    const lcov = await report("lcov.info", LCOV);
    const told = await kept("signal", "junit", junit, "--coverage", lcov, "--repo", repo.root, "--json");
    assert.equal(told.json?.stored, 1, told.stderr);
    await until(async () => ((await signalsOf(ids.total))[0]?.[0] === "test-fixed" ? true : null), SOON_MS);
    assert.deepEqual(await signalsOf(ids.total), [["test-fixed", 0.8]]);
  });

  it("lay an error at the door of those whose lines its frames went through", async () => {
    const events = await report(
      "errors.jsonl",
      [
        {
          stack:
            "TypeError: Cannot read properties of undefined (reading 'split') of user 4711\n" +
            "    at parseNumbers (file:///app/src/numbers.js:2:22)\n" +
            "    at main (/app/node_modules/runner/lib.js:4:1)\n    at node:internal/main:1:1",
        },
        { name: "RangeError", frames: [{ file: "other.js", line: 1 }] },
        { name: "Error", frames: [{ file: "elsewhere.js", line: 1 }] },
      ]
        .map((one) => JSON.stringify(one))
        .join("\n"),
    );
    const told = await kept("signal", "errors", events, "--repo", repo.root, "--json");
    assert.equal(told.code, 0, told.stderr);
    assert.deepEqual([told.json.stored, told.json.dropped], [1, 1]);
    assert.deepEqual(told.json.unknown, ["/app/node_modules/runner/lib.js", "elsewhere.js"]);
    await until(async () => ((await signalsOf(ids.parse)).length > 0 ? true : null), SOON_MS);
    assert.deepEqual(await signalsOf(ids.parse), [["error", -2]]);
    assert.doesNotMatch(JSON.stringify(await reasonsOf(ids.parse)), /4711/, "no message is stored");
  });

  it("tell a function that became slower, and one that became faster, from noise", async () => {
    const file = await report(
      "bench.json",
      JSON.stringify({
        measurements: [
          { name: "join", path: "lib.js", function: "joinWords", before: 10, after: 14 },
          { name: "total", path: "lib.js", function: "total", before: 10, after: 10.2 },
          {
            name: "parse/s",
            path: "src/numbers.js",
            function: "parseNumbers",
            before: 10,
            after: 20,
            better: "higher",
          },
          { name: "none", path: "lib.js", function: "nothing", before: 10, after: 20 },
        ],
      }),
    );
    const told = await kept("signal", "perf", file, "--repo", repo.root, "--json");
    assert.equal(told.code, 0, told.stderr);
    assert.deepEqual(told.json.unknown, ["lib.js nothing"]);
    await until(async () => ((await signalsOf(ids.parse)).length > 1 ? true : null), SOON_MS);
    assert.deepEqual(await signalsOf(ids.join), [
      ["test-passed", 0.4],
      ["slower", -1],
    ]);
    assert.deepEqual(await signalsOf(ids.parse), [
      ["error", -2],
      ["faster", 0.8],
    ]);
    assert.deepEqual(await signalsOf(ids.total), [["test-fixed", 0.8]]);
  });

  it("share a reviewer's remark by the tokens on its lines, and drop what nobody suggested", async () => {
    const commit = await repo.git("rev-parse", "HEAD");
    const { status, body } = await running.call("POST", "/v1/signals", {
      root: repo.root,
      commit,
      signals: [
        { verdict: "changes-requested", name: "ann", lines: [{ path: "lib.js", first: 3, last: 13 }] },
        { verdict: "approved", name: "bob", lines: [{ path: "lib.js", first: 8, last: 9 }] },
      ],
    });
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual([body.stored, body.dropped, body.followed], [2, 1, 3]);
    const [both, none] = body.signals;
    assert.deepEqual(none, { verdict: "approved", name: "bob", linesWithout: 2, suggestions: [] });
    const shares = new Map<string, number>(
      both.suggestions.map((one: { id: string; share: number }) => [one.id, one.share]),
    );
    assert.deepEqual([...shares.keys()].sort(), [ids.total, ids.join].sort());
    assert.equal(shares.get(ids.total)! + shares.get(ids.join)!, 1);
    await until(async () => ((await signalsOf(ids.total)).length > 1 ? true : null), SOON_MS);
    assert.deepEqual((await signalsOf(ids.total))[1], ["changes-requested", -shares.get(ids.total)!]);
  });

  it("of a commit that is not there are refused with its code, and nothing is stored", async () => {
    const { status, body } = await running.call("POST", "/v1/signals", {
      root: repo.root,
      commit: "0".repeat(40),
      signals: [{ verdict: "error", name: "Error", lines: [{ path: "lib.js", first: 3, last: 3 }] }],
    });
    assert.deepEqual([status, body.code], [422, "commit-missing"]);
    const told = await kept(
      "signal",
      "junit",
      await report("none.xml", "<html></html>"),
      "--coverage",
      "x",
      "--repo",
      repo.root,
    );
    assert.equal(told.code, 1);
    assert.match(told.stderr, /no JUnit report/);
  });
});
