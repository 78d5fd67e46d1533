import assert from "node:assert/strict";
import { AppError } from "../../../server/errors.ts";
import { describedModel } from "../../../server/models/frozen-model.ts";
import { modelConfigSchema } from "../../../server/models/model-config.ts";
import { idOfManifest, readVersionRecord } from "../../../server/models/version-record.ts";

const described = (base: string, workspaces: readonly string[]) =>
  describedModel({
    file: "/home/anna/team/models/team/config.yaml",
    sha256: "0".repeat(64),
    config: modelConfigSchema.parse({ name: "team", base, dataset: { workspaces } }),
  });

describe("what a version says of the model's file", () => {
  it("names folders as the file sees them, and nobody's machine", () => {
    const { file, config } = described("/home/anna/models/base", ["/home/anna/team", "/home/anna/other", "/srv/code"]);
    assert.equal(file, "team/config.yaml");
    assert.equal(config.base, "../../../models/base");
    assert.deepEqual(config.dataset.workspaces, ["../..", "../../../other", "code"]);
    assert.equal(JSON.stringify(described("base", ["/home/anna/team"])).includes("anna"), false);
  });

  it("leaves names of bases as they are", () => {
    assert.equal(described("base", []).config.base, "base");
    assert.equal(described("Qwen/Qwen2.5-Coder-0.5B", []).config.base, "Qwen/Qwen2.5-Coder-0.5B");
  });
});

describe("the record that travels with a version", () => {
  const manifest = {
    base: "b".repeat(64),
    runId: "run",
    datasetId: "ds",
    hyperParameters: { rank: 4 },
    model: described("base", []),
    files: [{ name: "adapter_config.json", sha256: "0".repeat(64), bytes: 2 }],
  };
  const createdAt = "2026-01-01T00:00:00.000Z";
  const record = {
    format: 1,
    id: idOfManifest(manifest),
    createdAt,
    kept: "0.1.0",
    manifest,
    run: { strategy: "lora", createdAt, finishedAt: null },
    dataset: { sha256: "d", createdAt, rows: { train: 1, validation: 0, test: 0 }, sources: {} },
  };
  const read = (value: unknown) =>
    readVersionRecord(Buffer.from(JSON.stringify(value)), (what) => new AppError("remote-invalid", what));

  it("brings the model's file that the version was trained with, and the id that follows from it", () => {
    assert.deepEqual(read(record).manifest.model, JSON.parse(JSON.stringify(manifest.model)));
    assert.equal(read(record).id, record.id);
  });

  it("is not believed when a key of the manifest is another, or one more", () => {
    for (const change of [{ base: "c".repeat(64) }, { hyperParameters: { rank: 8 } }, { model: {} }, { more: 1 }])
      assert.throws(() => read({ ...record, manifest: { ...manifest, ...change } }), { code: "remote-invalid" });
  });
});
