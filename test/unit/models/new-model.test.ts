import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readModelFile, resolveModelFile } from "../../../server/models/model-file.ts";
import { writeNewModel, type NewModel } from "../../../server/models/new-model.ts";
import { tempFolder } from "../../server/temp-folder.ts";

const model = (over: Partial<NewModel> = {}): NewModel => ({
  name: "team",
  base: "base",
  languages: ["typescript", "python"],
  problemType: "completion",
  at: { minute: 5, hour: 23 },
  workflows: ["github", "forgejo"],
  ...over,
});

describe("a new model", () => {
  it("is a folder whose file is right, and a pair of workflows for each host", async () => {
    await using folder = await tempFolder();
    assert.deepEqual(writeNewModel(folder.dir, model()), [
      "models/team/config.yaml",
      "models/team/labeling.xml",
      "models/team/README.md",
      ".github/workflows/train.yaml",
      ".github/workflows/deploy.yaml",
      ".forgejo/workflows/train.yaml",
      ".forgejo/workflows/deploy.yaml",
    ]);
    const { config } = readModelFile(resolveModelFile("team", folder.dir));
    assert.deepEqual([config.name, config.base, config.languages], ["team", "base", ["typescript", "python"]]);
    assert.deepEqual(config.dataset.workspaces, [folder.dir]);
    assert.equal(config.ci.cron, "5 23 * * *");
    const later = readFileSync(path.join(folder.dir, ".forgejo/workflows/deploy.yaml"), "utf8");
    assert.match(later, /- cron: "5 0 \* \* \*"/);
  });

  it("overwrites nothing, and writes nothing when something is there", async () => {
    await using folder = await tempFolder();
    mkdirSync(path.join(folder.dir, "models/team"), { recursive: true });
    writeFileSync(path.join(folder.dir, "models/team/README.md"), "mine");
    assert.throws(() => writeNewModel(folder.dir, model()), {
      code: "invalid",
      message: /already models\/team\/README\.md/,
    });
    assert.equal(readFileSync(path.join(folder.dir, "models/team/README.md"), "utf8"), "mine");
    assert.equal(existsSync(path.join(folder.dir, "models/team/config.yaml")), false);
    assert.equal(existsSync(path.join(folder.dir, ".github")), false);
  });

  it("leaves the workflows of another model alone", async () => {
    await using folder = await tempFolder();
    writeNewModel(folder.dir, model({ workflows: ["github"] }));
    const files = writeNewModel(folder.dir, model({ name: "other", workflows: ["github"] }));
    assert.ok(files.includes(".github/workflows/train-other.yaml"), files.join());
    assert.match(readFileSync(path.join(folder.dir, ".github/workflows/train.yaml"), "utf8"), /^name: Train team$/m);
  });

  for (const [what, over] of [
    ["a name with capitals", { name: "Team" }],
    ["a name that leads elsewhere", { name: "../team" }],
    ["a language with spaces", { languages: ["Type Script"] }],
    ["a base that is not there", { base: "../nowhere" }],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await using folder = await tempFolder();
      assert.throws(() => writeNewModel(folder.dir, model(over)), { code: "invalid" });
      assert.equal(existsSync(path.join(folder.dir, "models")), false);
    });
  }
});
