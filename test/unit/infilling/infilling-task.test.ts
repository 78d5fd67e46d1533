import { fillHole, formatCases, parseCases, tasksOf } from "../../bench/infilling/infilling-task.ts";
import fc from "fast-check";
import assert from "node:assert/strict";

const fence = "```";

const markdown = (code: string, name = "one"): string =>
  `# some-file\n\nWhat it holds.\n\n## ${name}\n\n${fence}ts\n${code}\n${fence}\n\n${fence}ts\nassert.ok(one());\n${fence}\n`;

function check(code: string, expected: { kind: string; prefix: string; reference: string; suffix: string }[]): void {
  it(`finds the holes of ${JSON.stringify(code)}`, () => {
    const tasks = tasksOf(parseCases(markdown(code)));
    assert.deepEqual(
      tasks.map(({ kind, prefix, reference, suffix }) => ({ kind, prefix, reference, suffix })),
      expected,
    );
    for (const task of tasks) assert.equal(fillHole(task, task.reference), code.replace(/[«»]/g, "") + "\n");
  });
}

function checkRefused(what: string, text: string): void {
  it(`refuses ${what}`, () => assert.throws(() => tasksOf(parseCases(text)), SyntaxError));
}

describe("infilling cases", () => {
  check("a(\n  «b»\n)", [{ kind: "line", prefix: "a(\n  ", reference: "b", suffix: "\n)\n" }]);
  check("a(\n  b«, c»\n)", [{ kind: "rest", prefix: "a(\n  b", reference: ", c", suffix: "\n)\n" }]);
  check("a(\n  «b,\n  c»\n)", [{ kind: "block", prefix: "a(\n  ", reference: "b,\n  c", suffix: "\n)\n" }]);
  check("a«(»\n«)»", [
    { kind: "rest", prefix: "a", reference: "(", suffix: "\n)\n" },
    { kind: "line", prefix: "a(\n", reference: ")", suffix: "\n" },
  ]);

  it("gives ids and paths", () => {
    const tasks = tasksOf(parseCases(markdown("«a»\n«b»")));
    assert.deepEqual(
      tasks.map(({ id, path }) => [id, path]),
      [
        ["some-file/one#1", "src/some-file/one.ts"],
        ["some-file/one#2", "src/some-file/one.ts"],
      ],
    );
  });

  checkRefused("code without a hole", markdown("a"));
  checkRefused("a hole that is not closed", markdown("«a"));
  checkRefused("a hole in a hole", markdown("«a«b»»"));
  checkRefused("a hole that ends within a line", markdown("«a»b"));
  checkRefused("an empty hole", markdown("«»"));
  checkRefused("a hole with indentation in it", markdown("«  a»"));
  checkRefused("a long hole", markdown("«a\nb\nc\nd\ne»"));
  checkRefused("a name with spaces", markdown("«a»", "two words"));
  checkRefused("a missing block", "# f\n\nAbout.\n\n## a\n\n```ts\n«a»\n```\n");
  checkRefused("a missing title", markdown("«a»").slice(1));
  checkRefused("text between cases", markdown("«a»") + "\nMore.\n");

  const name = fc.stringMatching(/^[a-z0-9]+(-[a-z0-9]+)?$/);
  const line = fc.stringMatching(/^[ \w(){};=+.]*\w$/);
  const code = fc.tuple(line, line, line).map(([before, hole, after]) => `${before}\n«${hole.trim()}»\n${after}`);
  const assertions = fc.array(line, { minLength: 1, maxLength: 3 }).map((lines) => lines.join("\n"));
  const one = fc.tuple(name, code, assertions).map(([name, code, assertions]) => ({ name, code, assertions }));
  const file = fc
    .tuple(name, fc.stringMatching(/^\w[\w .]*$/), fc.array(one, { minLength: 1, maxLength: 4 }))
    .map(([name, about, cases]) => ({ name, about, cases }));
  it("are read back from what is written", () => {
    fc.assert(fc.property(file, (cases) => assert.deepEqual(parseCases(formatCases(cases)), cases)));
  });
});
