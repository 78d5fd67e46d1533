import assert from "node:assert/strict";
import fc from "fast-check";
import { framesIn, parseErrorEvents } from "../../../server/signals/error-events.ts";
import { parseJunit } from "../../../server/signals/junit.ts";
import { parseLcov } from "../../../server/signals/lcov.ts";
import { declarationLines, parseMeasurements } from "../../../server/signals/measurements.ts";
import { parseReview } from "../../../server/signals/reviews.ts";
import { treePaths } from "../../../server/signals/tree-paths.ts";

const invalid = { code: "report-invalid" };

describe("a JUnit report", () => {
  it("tells what passed, failed and erred, and leaves out what did not run", () => {
    const tests = parseJunit(`<testsuite>
      <testcase name="a"/><testcase name="b"><failure/></testcase><testcase classname="C" name="c"><error>x</error></testcase>
      <testcase name="d"><skipped/></testcase><testcase name="a"><failure/></testcase>
      <testcase name="e"><system-out><![CDATA[<failure/>]]></system-out></testcase></testsuite>`);
    assert.deepEqual(
      tests.map(({ name, passed }) => `${name}:${passed}`),
      ["a:false", "b:false", "C c:false", "e:true"],
    );
  });

  for (const [what, text] of [
    [
      "entities that grow",
      '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>',
    ],
    [
      "an entity of a file",
      '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&a;"/></testsuite>',
    ],
    ["a document that ends early", "<testsuite><testcase name='a'>"],
    ["a page of HTML", "<!doctype html><html><body><p>no</body></html>"],
    ["XML without a suite", "<a/>"],
    ["nothing", ""],
  ] as const) {
    it(`is refused with ${what}`, () => assert.throws(() => parseJunit(text), invalid));
  }
});

describe("an lcov tracefile", () => {
  it("tells the lines that ran, by test and file", () => {
    const coverage = parseLcov(
      "TN:one\nSF:a.js\nDA:1,2\nDA:2,0\nDA:3,1,hash\nLF:3\nend_of_record\r\nTN:\nSF:b.js\nDA:9,1\nend_of_record\n",
    );
    assert.deepEqual(
      [...coverage],
      [
        ["one", [{ file: "a.js", lines: [1, 3] }]],
        ["", [{ file: "b.js", lines: [9] }]],
      ],
    );
  });

  for (const [what, text] of [
    ["without a file", "TN:\n"],
    ["that ends early", "SF:a.js\nDA:1,1\n"],
    ["with a line that is no number", "SF:a.js\nDA:x,1\nend_of_record\n"],
    ["with a line before any file", "DA:1,1\n"],
  ] as const) {
    it(`is refused ${what}`, () => assert.throws(() => parseLcov(text), invalid));
  }
});

describe("a stack trace", () => {
  it("of V8, Firefox, Safari and Python gives its frames, innermost first", () => {
    assert.deepEqual(
      framesIn(
        "Error: a (b:1:2)\n    at f (/a/b.js:3:4)\n    at async Promise.all (index 0)\n    at file:///a/c.mjs:5:6\n    at node:fs:7:8",
      ),
      [
        { file: "/a/b.js", line: 3 },
        { file: "/a/c.mjs", line: 5 },
      ],
    );
    assert.deepEqual(framesIn("f@http://x/a.js:3:4\n@file:///b.js:5:6"), [
      { file: "http://x/a.js", line: 3 },
      { file: "/b.js", line: 5 },
    ]);
    assert.deepEqual(
      framesIn(
        'Traceback (most recent call last):\n  File "/app/main.py", line 9, in <module>\n    run()\n  File "/app/run.py", line 2, in run\nValueError: no',
      ),
      [
        { file: "/app/run.py", line: 2 },
        { file: "/app/main.py", line: 9 },
      ],
    );
  });

  it("names its error, and never the message", () => {
    const events = parseErrorEvents(
      [
        "TypeError: 4711 is no name\n at a.js:1:1",
        'Traceback (most recent call last):\n File "a.py", line 1\nmy.ValueError: 4711',
      ]
        .map((stack) => JSON.stringify({ stack }))
        .join("\n\n"),
    );
    assert.deepEqual(
      events.map(({ name }) => name),
      ["TypeError", "my.ValueError"],
    );
  });

  it("of any text is read in little time", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2_000 }), (text) => {
        framesIn(text);
      }),
    );
    const started = process.cpuUsage();
    framesIn(`at ${"(".repeat(20_000)}:1:`);
    framesIn(" at a".repeat(5_000));
    assert.ok(process.cpuUsage(started).user < 2_000_000);
  });

  it("is refused as JSON that is none, and without frames", () => {
    assert.throws(() => parseErrorEvents("{"), invalid);
    assert.throws(() => parseErrorEvents('{"name":"x"}'), invalid);
    assert.throws(() => parseErrorEvents('{"frames":[{"file":"a","line":0}]}'), invalid);
  });
});

describe("a declaration", () => {
  const SCRIPT = [
    "import x from 'y';",
    "",
    "export async function first(",
    "  a,",
    ") {",
    "  return a;",
    "}",
    "",
    "class Shape {",
    "  area() {",
    "    return first(1);",
    "  }",
    "}",
    "const third = () =>",
    "  3;",
    "",
  ].join("\n");

  it("ends where its block does", () => {
    assert.deepEqual(declarationLines(SCRIPT, "first"), { first: 3, last: 7 });
    assert.deepEqual(declarationLines(SCRIPT, "Shape"), { first: 9, last: 13 });
    assert.deepEqual(declarationLines(SCRIPT, "area"), { first: 10, last: 12 });
    assert.deepEqual(declarationLines(SCRIPT, "third"), { first: 14, last: 15 });
    assert.deepEqual(declarationLines("def f(x):\n    return x\n\n\ny = f(1)\n", "f"), { first: 1, last: 2 });
    assert.equal(declarationLines(SCRIPT, "fourth"), null);
    assert.equal(declarationLines(SCRIPT, "a(b"), null);
  });
});

describe("a file that another machine names", () => {
  const paths = treePaths("/home/me/demo", ["src/a/index.ts", "src/b/index.ts", "lib/one.ts", "one.ts", "only.ts"]);
  for (const [named, path] of [
    ["/home/me/demo/src/a/index.ts", "src/a/index.ts"],
    ["./src/b/index.ts", "src/b/index.ts"],
    ["/ci/builds/demo/src/b/index.ts", "src/b/index.ts"],
    ["C:\\ci\\demo\\src\\a\\index.ts", "src/a/index.ts"],
    ["webpack:///src/a/index.ts?1f2e", "src/a/index.ts"],
    ["/ci/index.ts", null],
    ["/ci/lib/one.ts", "lib/one.ts"],
    ["/deep/only.ts", "only.ts"],
    ["/ci/node_modules/x/only.ts", null],
    ["nowhere.ts", null],
  ] as const) {
    it(`${named} is ${path ?? "nobody's"}`, () => assert.equal(paths.find(named), path));
  }
});

describe("measurements and reviews", () => {
  it("that are none are refused", () => {
    for (const text of [
      "",
      "[]",
      '{"measurements":[]}',
      '{"measurements":[{"name":"a","path":"../a","lines":"1","before":1,"after":1}]}',
    ])
      assert.throws(() => parseMeasurements(text), invalid);
    for (const text of ["", "{}", "[]", '[{"path":"a","line":0,"state":"approved"}]'])
      assert.throws(() => parseReview(text), invalid);
  });
});
