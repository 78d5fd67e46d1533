import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parquetReadObjects } from "hyparquet";
import type { DatasetRow } from "../../../core/dataset-row.ts";
import { exportDataset } from "../../../server/datasets/export.ts";
import { EXPORT_FORMATS, type ExportFormat } from "../../../server/datasets/export-formats.ts";
import { type Snapshot, writeSnapshot } from "../../../server/datasets/snapshot.ts";
import { tempFolder } from "../../server/temp-folder.ts";

const BASE = path.resolve(import.meta.dirname, "../../../models/base");
const N_ROWS = 450;

/** Every third place was suggested wrongly first. */
function sampleRows(): DatasetRow[] {
  return Array.from({ length: N_ROWS }, (_, at) => {
    const row: DatasetRow = {
      id: `r${at}`,
      suggestionId: null,
      source: "feedback",
      root: "/projects/orders",
      path: `src/part-${at % 90}.ts`,
      language: "typescript",
      prefix: `import { item${at} } from "./item-${at}.ts";\nconst field${at * 31} = `,
      suffix: `;\nuse${at * 7}(field${at * 31});\n`,
      examples: at % 2 === 0 ? [{ path: "src/earlier.ts", text: `earlier(${at});` }] : [],
      completion: `build${at * 17}(item${at}, "ä${at * 13}")`,
      good: true,
      weight: 0.25 + (at % 3) / 4,
      writtenAt: 1_700_000_000_000 + at * 60_000,
      group: `g${at}`,
    };
    return at % 3 === 0 ? [row, { ...row, id: `${row.id}:bad`, completion: `wrong${at}()`, good: false }] : [row];
  }).flat();
}

describe("exporting a dataset", () => {
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  let snapshot: Snapshot;
  before(async () => {
    folder = await tempFolder();
    snapshot = writeSnapshot(folder.dir, sampleRows(), {
      eventWatermark: 77,
      labelVersion: "3",
      workspaces: [{ root: "/projects/orders", head: "abc" }],
      seed: 1,
      codeVersion: "test",
    });
  });
  after(() => folder[Symbol.asyncDispose]());

  const written = async (format: ExportFormat, name: string = format) => {
    const out = path.join(folder.dir, "out", name);
    const seen: [number, number][] = [];
    const files = await exportDataset({
      datasetsDir: folder.dir,
      dataset: snapshot,
      format,
      modelDir: BASE,
      out,
      signal: AbortSignal.timeout(20_000),
      onProgress: (done, all) => void seen.push([done, all]),
    });
    return { out, files, seen };
  };
  const lines = (out: string, name: string) =>
    readFileSync(path.join(out, name), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it("writes good completions by split, with the prompt as the model reads it", async () => {
    const { out, files, seen } = await written("sft");
    assert.deepEqual(readdirSync(out).sort(), [
      "README.md",
      "manifest.json",
      "test.jsonl",
      "train.jsonl",
      "validation.jsonl",
    ]);
    const { train, validation, test } = snapshot.rows;
    assert.deepEqual(
      [train, validation, test],
      ["train", "validation", "test"].map((split) => lines(out, `${split}.jsonl`).length),
    );
    const first = lines(out, "train.jsonl").find(({ id }) => id === "r2")!;
    assert.deepEqual(Object.keys(first).sort(), [
      "completion",
      "id",
      "language",
      "path",
      "prompt",
      "source",
      "weight",
      "written_at",
    ]);
    assert.equal(
      first["prompt"],
      '<|repo_name|>orders\n<|file_sep|>src/earlier.ts\nearlier(2);\n<|file_sep|>src/part-2.ts\n<|fim_prefix|><|fim_suffix|>;\nuse14(field62);\n<|fim_middle|>import { item2 } from "./item-2.ts";\nconst field62 =',
    );
    // A prompt ends where a token does: the space before the cursor belongs to the next one.
    assert.equal(first["completion"], ' build34(item2, "ä26")');
    const total = train + validation + test;
    assert.deepEqual(
      [seen[0], seen.at(-1)],
      [
        [0, total],
        [total, total],
      ],
    );
    assert.ok(seen.length > 3);
    assert.equal(files.find(({ name }) => name === "train.jsonl")!.rows, train);
    for (const { name, bytes } of files) assert.equal(readFileSync(path.join(out, name)).byteLength, bytes, name);
  });

  it("writes unpaired rows and pairs, bad ones for training alone", async () => {
    const { out: kto } = await written("kto");
    const train = lines(kto, "train.jsonl");
    const bad = train.filter(({ label }) => label === false);
    assert.ok(bad.length > 90);
    assert.equal(train.length - bad.length, snapshot.rows.train);
    assert.ok(lines(kto, "test.jsonl").every(({ label }) => label === true));
    const { out: dpo } = await written("dpo");
    assert.deepEqual(readdirSync(dpo).sort(), ["README.md", "manifest.json", "train.jsonl"]);
    const pairs = lines(dpo, "train.jsonl");
    assert.equal(pairs.length, bad.length);
    for (const { chosen, rejected, id } of pairs) {
      const at = /^r(\d+):bad$/.exec(String(id))![1];
      assert.match(String(chosen), new RegExp(`^ build${Number(at) * 17}\\(item${at},`));
      assert.equal(rejected, ` wrong${at}()`);
    }
  });

  it("writes Parquet that another program reads as the same rows", async () => {
    const { out } = await written("parquet");
    for (const view of ["sft", "kto", "dpo"] as const) {
      const { out: plain } = await written(view, `plain-${view}`);
      for (const split of readdirSync(path.join(out, view)).map((name) => path.parse(name).name)) {
        const bytes = readFileSync(path.join(out, view, `${split}.parquet`));
        const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
        assert.deepEqual(await parquetReadObjects({ file }), lines(plain, `${split}.jsonl`));
      }
    }
  });

  it("writes tasks for Label Studio with the interface that they fit", async () => {
    const { out } = await written("label-studio");
    const tasks = JSON.parse(readFileSync(path.join(out, "tasks.json"), "utf8")) as {
      data: Record<string, string>;
      predictions: { result: { from_name: string; to_name: string; value: { choices: string[] } }[] }[];
    }[];
    assert.ok(tasks.length > N_ROWS);
    const xml = readFileSync(path.join(out, "labeling.xml"), "utf8");
    for (const [, field] of xml.matchAll(/value="\$(\w+)"/g)) assert.ok(field! in tasks[0]!.data, field);
    const [result] = tasks[0]!.predictions[0]!.result;
    assert.ok(xml.includes(`name="${result!.from_name}" toName="${result!.to_name}"`));
    for (const choice of new Set(tasks.map((task) => task.predictions[0]!.result[0]!.value.choices[0])))
      assert.ok(xml.includes(`<Choice value="${choice}"`), choice);
  });

  for (const format of EXPORT_FORMATS)
    it(`has a card that tells where ${format} came from`, async () => {
      const { out, files } = await written(format, `card-${format}`);
      const card = readFileSync(path.join(out, "README.md"), "utf8");
      for (const said of [snapshot.sha256, "sequence 77", "labels of version 3", "`orders` at `abc`"])
        assert.ok(card.includes(said), said);
      for (const { name, rows } of files.filter(({ rows }) => rows > 0))
        assert.ok(card.includes(`| \`${name}\` | ${rows} |`));
      assert.deepEqual(JSON.parse(readFileSync(path.join(out, "manifest.json"), "utf8")), snapshot.manifest);
    });

  it("leaves nothing when it is stopped, and refuses a folder that has something in it", async () => {
    const out = path.join(folder.dir, "out", "stopped");
    const stop = new AbortController();
    const request = { datasetsDir: folder.dir, dataset: snapshot, format: "sft", modelDir: BASE } as const;
    const run = exportDataset({ ...request, out, signal: stop.signal, onProgress: (done) => done > 0 && stop.abort() });
    await assert.rejects(run, { name: "AbortError" });
    assert.deepEqual(
      readdirSync(path.dirname(out)).filter((name) => name.includes("stopped")),
      [],
    );
    const signal = AbortSignal.timeout(20_000);
    await assert.rejects(exportDataset({ ...request, out: folder.dir, signal, onProgress: () => {} }), /is not empty/);
    const missing = { id: "x", sha256: "f".repeat(64) };
    await assert.rejects(exportDataset({ ...request, dataset: missing, out, signal, onProgress: () => {} }), {
      code: "dataset-gone",
    });
    assert.equal(existsSync(out), false);
  });
});
