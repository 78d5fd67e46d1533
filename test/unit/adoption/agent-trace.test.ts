import assert from "node:assert/strict";
import { parseTraces, rangesOf } from "../../../server/adoption/agent-trace.ts";
import { cutIntoPieces } from "../../../core/survival/pieces.ts";
import fc from "fast-check";

const record = (fields: Record<string, unknown> = {}) => ({
  version: "0.1.0",
  id: "550e8400-e29b-41d4-a716-446655440000",
  timestamp: "2026-01-23T14:30:00Z",
  vcs: { type: "git", revision: "a".repeat(40) },
  tool: { name: "cursor", version: "2.4.0" },
  files: [
    {
      path: "src/a.ts",
      conversations: [
        {
          url: "https://example.org/c/1",
          contributor: { type: "ai", model_id: "anthropic/opus" },
          ranges: [
            { start_line: 4, end_line: 6, content_hash: "murmur3:9f2e8a1b" },
            { start_line: 9, end_line: 9, contributor: { type: "human" } },
            { start_line: 11, end_line: 12, contributor: { type: "mixed" } },
          ],
        },
        { ranges: [{ start_line: 20, end_line: 21 }] },
      ],
    },
  ],
  metadata: { "dev.cursor": { anything: [1, 2] } },
  ...fields,
});
const only = (text: string) => {
  const parsed = parseTraces(text);
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.reason);
  return parsed;
};

describe("parseTraces", () => {
  it("gives the ranges that an AI had a part in", () => {
    const [first] = only(JSON.stringify(record())).records;
    assert.ok(first);
    assert.deepEqual(
      rangesOf(first).map((range) => [range.path, range.first, range.last, range.model]),
      [
        ["src/a.ts", 4, 6, "anthropic/opus"],
        ["src/a.ts", 11, 12, null],
      ],
    );
  });

  it("reads one record, an array, and JSON lines", () => {
    const one = JSON.stringify(record());
    assert.equal(only(one).records.length, 1);
    assert.equal(only(`[${one},${one}]`).records.length, 2);
    assert.equal(only(`${one}\n\n${one}\n`).records.length, 2);
    assert.equal(only(JSON.stringify(record(), null, 2)).records.length, 1);
  });

  it("names the records that it refuses and keeps the others", () => {
    const lines = [record({ version: "2.0" }), record(), record({ files: [{ path: "../x", conversations: [] }] })];
    const { records, refused } = only(`${lines.map((line) => JSON.stringify(line)).join("\n")}\n{"broken`);
    assert.equal(records.length, 1);
    assert.deepEqual(
      refused.map(({ at, reason }) => [at, reason.split(":")[0]]).sort(([a], [b]) => Number(a) - Number(b)),
      [
        [1, "version"],
        [3, "files.0.path"],
        [4, "it is not JSON"],
      ],
    );
  });

  const refuses = (what: string, text: string, reason: RegExp): void => {
    it(`refuses ${what}`, () => {
      const parsed = parseTraces(text);
      assert.ok(!parsed.ok);
      assert.match(parsed.reason, reason);
    });
  };
  refuses("nothing", "", /there is no record/);
  refuses("other text", "hello", /not JSON/);
  refuses("deep nesting", "[".repeat(100_000), /nests deeper/);
  refuses(
    "an end before its start",
    JSON.stringify(record({ files: [{ path: "a", conversations: [{ ranges: [{ start_line: 3, end_line: 2 }] }] }] })),
    /end_line is before/,
  );
  refuses(
    "a line 0",
    JSON.stringify(record({ files: [{ path: "a", conversations: [{ ranges: [{ start_line: 0, end_line: 2 }] }] }] })),
    /start_line/,
  );
  refuses(
    "an absolute path",
    JSON.stringify(record({ files: [{ path: "/etc/passwd", conversations: [] }] })),
    /relative/,
  );
});

describe("cutIntoPieces", () => {
  it("leaves a short text whole", () => assert.deepEqual(cutIntoPieces("a\nb\n"), [{ text: "a\nb\n", line: 0 }]));

  it("cuts at blank lines", () => {
    const text = "one\ntwo\n\nthree\nfour\nfive\n";
    assert.deepEqual(
      cutIntoPieces(text, { maxLines: 4, maxChars: 100 }).map((piece) => [piece.line, piece.text]),
      [
        [0, "one\ntwo\n\n"],
        [3, "three\nfour\nfive\n"],
      ],
    );
  });

  it("loses nothing, keeps its limits, and knows its lines", () => {
    const line = fc.oneof(
      fc.constant(""),
      fc.string({ maxLength: 30 }).map((text) => text.replaceAll("\n", " ")),
    );
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 40 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 4, max: 60 }),
        (lines, maxLines, maxChars) => {
          const text = lines.join("\n");
          const pieces = cutIntoPieces(text, { maxLines, maxChars });
          assert.equal(pieces.map((piece) => piece.text).join(""), text);
          let before = "";
          for (const piece of pieces) {
            assert.ok(piece.text.length <= maxChars && piece.text.split("\n").length <= maxLines + 1);
            assert.equal(piece.line, before.split("\n").length - 1);
            before += piece.text;
          }
        },
      ),
    );
  });
});
