import { RETRIEVAL } from "../../bench/base/baseline.ts";
import { measureHeldOut } from "../../bench/base/compression.ts";
import { createProgress } from "../../bench/base/progress.ts";
import { measureReplay } from "../../bench/base/replay.ts";
import type { Completion, CompletionRequest } from "../../../engine/generate/completion.ts";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const N_POINTS = 50;
/** Accepted by the baseline at points 44 and 46 of the last ten. */
const BASELINE_KNOWS = new Set([44, 46]);

const completion = (text: string): Completion => {
  const times = { nPromptTokens: 1, nTokens: 1, prefillMs: 0, decodeMs: 0 };
  return { text, finish: "stop", meanLogProbability: -1, adapter: null, nExamplesUsed: 0, ...times };
};

const pointLine = (i: number) =>
  JSON.stringify({
    id: `p-${i}`,
    repo: "o/r",
    commit: `c${i >> 1}`,
    ts: 1_000 + i,
    path: "src/a.ts",
    kind: "line",
    line: 1,
    col: 2,
    prefix: i % 2 === 0 ? "first();\n  " : "let a =",
    suffix: "\n",
    target: `call(${i});`,
    hunk_del: i % 5 === 0 ? 1 : 0,
  });

describe("measuring the base model", () => {
  let folder: string;
  let points: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "kept-replay-"));
    points = path.join(folder, "o+r.jsonl");
    writeFileSync(points, Array.from({ length: N_POINTS }, (_, i) => `${pointLine(i)}\n`).join(""));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const withBaseline = () =>
    writeFileSync(
      path.join(folder, "o+r.baseline-points.tsv"),
      Array.from({ length: N_POINTS }, (_, i) =>
        [`p-${i}`, `c${i >> 1}`, RETRIEVAL, BASELINE_KNOWS.has(i) ? 1 : 0, 0.25].join("\t"),
      ).join("\n"),
    );

  async function measure(limit: number, abortAfter = Infinity) {
    const asked: CompletionRequest[] = [];
    const said: string[] = [];
    const stop = new AbortController();
    // Right at points 40 to 46 of the last ten, which it is asked in order.
    const answers = Array.from({ length: 10 }, (_, i) => (i < 7 ? `call(${40 + i});  \nmore` : "wrong"));
    const complete = async (request: CompletionRequest) => {
      asked.push(request);
      if (asked.length === abortAfter) stop.abort();
      await Promise.resolve();
      return completion(answers[asked.length - 1]!);
    };
    const progress = createProgress(stop.signal, (line) => said.push(line));
    return { asked, said, ...(await measureReplay({ complete }, points, limit, progress)) };
  }

  it("takes the last fifth of the points, and compares at each of them", async () => {
    withBaseline();
    const { figures, details, dataset, asked } = await measure(100);
    assert.equal(dataset, "o+r");
    assert.equal(figures["points"], 10);
    assert.equal(figures["acceptedAtLine"], 0.7);
    assert.equal(figures["retrieval.acceptedAtLine"], 0.2);
    assert.equal(figures["retrieval.editSimilarity"], 0.25);
    assert.equal(figures["difference"], 0.5);
    assert.equal(figures["difference.commits"], 5);
    assert.ok(figures["difference.low"]! < 0.5 && figures["difference.high"]! > 0.5);
    assert.equal(details["rewrites.points"], 2);
    assert.equal(details["midLine.points"], 5);
    assert.equal(details["lineStart.acceptedAtLine"], 0.8);
    assert.equal(asked[0]!.repository, "r");
  });

  it("compares with nothing where there is no baseline, and says so", async () => {
    const { figures, details, said } = await measure(100);
    assert.deepEqual(Object.keys(figures), ["points", "acceptedAtLine", "editSimilarity"]);
    assert.ok(!Object.keys(details).some((name) => name.includes("retrieval")));
    assert.ok(said.some((line) => line.includes("no comparison")));
  });

  it("names another sample when it takes fewer points", async () => {
    const [few, again, all] = [await measure(4), await measure(4), await measure(100)];
    assert.equal(few.figures["points"], 4);
    assert.equal(few.revision, again.revision);
    assert.notEqual(few.revision, all.revision);
  });

  it("stops at once when it is told to", () => assert.rejects(measure(100, 3), { name: "AbortError" }));

  it("counts bits by the bytes that were scored", async () => {
    const row = (name: string, text: string) => JSON.stringify({ repo: "withastro/astro", path: name, text });
    // Two bytes a character, so that bytes and characters cannot be mistaken for each other.
    const shard = path.join(folder, "corpus.jsonl");
    writeFileSync(shard, `${row("long.ts", "éé = é;\n".repeat(400))}\n${row("short.ts", "é = é;\n".repeat(20))}\n`);
    const scored: string[] = [];
    const scorer = {
      info: { contextTokens: 400 },
      tokenizer: { encode: (text: string) => Array.from(text, (_, i) => i) },
      scoreCompletion: async (_: CompletionRequest, text: string) => {
        scored.push(text);
        const nats = 3 * Math.LN2 * Buffer.byteLength(text);
        return { nats, servedNats: nats, nTokens: text.length };
      },
    };
    const progress = createProgress(new AbortController().signal, () => {});
    const { figures } = await measureHeldOut(scorer, [shard], 10, progress);
    assert.equal(figures["files"], 1);
    assert.ok(Math.abs(figures["bitsPerByte"]! - 3) < 1e-9);
    assert.equal(figures["bytes"], Buffer.byteLength(scored[0]!));
    // A model scores no more than half its context.
    assert.ok(scored[0]!.length > 100 && scored[0]!.length <= 200);
    await assert.rejects(measureHeldOut(scorer, [path.join(folder, "none*")], 10, progress), /No file/);
  });
});
