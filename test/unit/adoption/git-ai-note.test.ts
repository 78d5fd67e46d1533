import assert from "node:assert/strict";
import fc from "fast-check";
import { formatAuthorshipLog, parseAuthorshipLog } from "../../../server/adoption/git-ai-note.ts";
import { cutLines, formatLineRanges, joinRanges, parseLineRanges } from "../../../server/adoption/line-ranges.ts";

const agent = (tool: string, model?: string) => ({ agent_id: { tool, id: `${tool}-1`, ...(model ? { model } : {}) } });
const note = (attested: string, meta: Record<string, unknown> = {}): string =>
  `${attested}\n---\n${JSON.stringify({
    schema_version: "authorship/3.0.0",
    base_commit_sha: "a".repeat(40),
    prompts: { abcdef0123456789: agent("cursor", "sonnet"), abcdef0: agent("amp") },
    sessions: { s_0123456789abcd: agent("claude", "opus") },
    humans: { h_0123456789abcd: { author: "Ada <ada@example.org>" } },
    ...meta,
  })}`;

describe("parseAuthorshipLog", () => {
  const check = (what: string, text: string, expected: string): void => {
    it(what, () => {
      const parsed = parseAuthorshipLog(text);
      const found = parsed.ok
        ? parsed.log.files
            .flatMap(({ path, entries }) => [
              path,
              ...entries.map(({ tool, model, ranges }) => `  ${tool} ${model ?? "?"} ${formatLineRanges(ranges)}`),
            ])
            .join("\n")
        : `refused: ${parsed.reason}`;
      assert.equal(found, expected);
    });
  };
  check(
    "reads sessions, older prompts and quoted paths, and passes over humans",
    note(
      'src/a.ts\n  s_0123456789abcd::t_00000000000001 1-3,7\n  h_0123456789abcd 4-6\n"src/my file.ts"\n  abcdef0123456789 2\n  abcdef0 3',
    ),
    "src/a.ts\n  claude opus 1-3,7\nsrc/my file.ts\n  cursor sonnet 2\n  amp ? 3",
  );
  check("reads a note without attestations", note(""), "");
  check("reads Windows line ends", note("a.ts\n  abcdef0 1").replaceAll("\n", "\r\n"), "a.ts\n  amp ? 1");
  check("passes over keys that nothing describes", note("a.ts\n  ffffffffffffffff 1\n  abcdef0 2"), "a.ts\n  amp ? 2");
  check("is not taken in by the names of an object's own parts", note("a.ts\n  abcdef0 1", { prompts: {} }), "");
  check("refuses a note without a divider", "a.ts\n  abcdef0 1", "refused: there is no line of three dashes");
  check("refuses what is not JSON", "a.ts\n---\n{", "refused: the metadata is not JSON");
  check(
    "refuses another version",
    note("", { schema_version: "authorship/4.0.0" }),
    "refused: the metadata: schema_version: it has to be authorship/3.x.y",
  );
  check("refuses JSON that nests too deeply", `---\n${"[".repeat(200_000)}`, "refused: the metadata nests too deeply");
  for (const path of ["../a.ts", "/etc/passwd", "a/../../b", "C:\\a", ".", 'a"b', "a//b"]) {
    check(
      `refuses the path ${path}`,
      note(`${path}\n  abcdef0 1`),
      "refused: line 1: the path is not one inside of the repository",
    );
  }
  for (const entry of [
    "abcdef0 1",
    "  abcdef0 0",
    "  abcdef0 3-1",
    "  abcdef0 2,1",
    "  abcdef0 1, 2",
    "  __proto__ 1",
    "  abcdef0 99999999999",
  ]) {
    const first = entry.startsWith("  ")
      ? "refused: line 2: it is not a key and ascending line ranges below a path"
      : "";
    check(`refuses or passes over the entry ${JSON.stringify(entry)}`, note(`a.ts\n${entry}`), first);
  }
  check(
    "refuses an entry without a path",
    note("  abcdef0 1"),
    "refused: line 1: it is not a key and ascending line ranges below a path",
  );

  it("refuses or reads any text, and never throws", () => {
    const line = fc.constantFrom(
      "a.ts",
      "  abcdef0 1-2",
      "---",
      "{}",
      '{"schema_version":"authorship/3.0.0"}',
      "  x 1",
    );
    fc.assert(fc.property(fc.array(fc.oneof(line, fc.string())), (lines) => void parseAuthorshipLog(lines.join("\n"))));
  });

  it("reads back what it writes", () => {
    const ranges = fc
      .array(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 0, max: 9 })), { minLength: 1, maxLength: 6 })
      .map((pairs) => joinRanges(pairs.map(([first, more]) => ({ first, last: first + more }))));
    const path = fc.stringMatching(/^[a-z][a-z ]{0,8}\/[a-z]{1,8}\.ts$/);
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 4 }), ranges, (paths, lines) => {
        const key = "s_0123456789abcd";
        const text = formatAuthorshipLog({
          base: "b".repeat(40),
          sessions: [{ key, tool: "kept", id: "1", model: "base" }],
          files: paths.map((name) => ({ path: name, entries: [{ key, trace: "t_00000000000001", ranges: lines }] })),
        });
        const parsed = parseAuthorshipLog(text);
        assert.ok(parsed.ok);
        assert.deepEqual(
          parsed.log.files.map((file) => [file.path, file.entries[0]?.tool, file.entries[0]?.ranges]),
          [...paths].sort().map((name) => [name, "kept", lines]),
        );
      }),
    );
  });
});

describe("line ranges", () => {
  it("round-trip", () => {
    for (const text of ["1", "1-4", "1,2,19-222,300"])
      assert.equal(formatLineRanges(parseLineRanges(text) ?? []), text);
  });

  it("are cut from a file with what stands around them", () => {
    assert.deepEqual(cutLines("a\nb\nc", { first: 2, last: 3 }), { before: "a\n", text: "b\nc", after: "" });
    assert.equal(cutLines("a\nb\n", { first: 2, last: 3 }), null);
  });

  it("join when they touch", () =>
    assert.deepEqual(
      joinRanges([
        { first: 4, last: 4 },
        { first: 1, last: 2 },
        { first: 3, last: 3 },
        { first: 9, last: 9 },
      ]),
      [
        { first: 1, last: 4 },
        { first: 9, last: 9 },
      ],
    ));
});
