import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { textCompletion } from "../../protocol/openai.ts";
import { dataPlaces } from "../../server/places.ts";
import { withStore } from "../../server/settings.ts";
import { answers, followPage, type FollowedPage } from "../support/followed-page.ts";
import { startPushHub } from "../support/push-hub.ts";
import { startTestS3 } from "../support/test-s3.ts";
import { createTinyModel } from "../support/tiny-model.ts";
import { feedback } from "./idiom-feedback.ts";
import { registerChampion, writeRandomAdapter } from "./adapted-app.ts";
import { runningApp } from "./running-app.ts";
import { tempFolder } from "./temp-folder.ts";

/** Where the pages' person has Kept's data, and a version and a dataset in it. */
const dataOf = (home: string): string => path.join(home, ".local/share/kept");

/** The five-minute starts that need no other program than Kept, as they stand on their pages. */
describe("five minutes with", function () {
  this.timeout(300_000);
  const model = createTinyModel();
  after(() => model[Symbol.dispose]());
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  let page: FollowedPage | null = null;
  beforeEach(async () => void (folder = await tempFolder()));
  afterEach(async () => {
    await page?.[Symbol.asyncDispose]();
    page = null;
    await folder[Symbol.asyncDispose]();
  });

  /** A person who has learned something already: ids of the version and of the dataset. */
  async function learned(home: string): Promise<{ version: string; dataset: string }> {
    const dataDir = dataOf(home);
    mkdirSync(dataDir, { recursive: true });
    writeRandomAdapter(path.join(home, ".trained"), model.dir);
    const version = registerChampion(dataDir, path.join(home, ".trained"), model.dir);
    await using running = await runningApp({ dataDir, modelDir: model.dir });
    const events = feedback(40);
    for (let at = 0; at < events.length; at += 100)
      await running.call("POST", "/v1/events", { events: events.slice(at, at + 100) });
    const { body } = await running.call("POST", "/v1/datasets", { workspaces: [] });
    return { version, dataset: body.id as string };
  }

  it("other editors (openai-endpoints.md)", async () => {
    page = followPage("integrations/openai-endpoints.md", "Five minutes", { home: folder.dir });
    await page.terminal().start(() => answers("http://127.0.0.1:4711/healthz"));
    const said = textCompletion.parse(JSON.parse(await page.terminal().follow()));
    assert.ok(said.choices[0]!.text.length > 0);
    page.end();
  });

  it("Hugging Face (hugging-face.md), against a hub on loopback", async () => {
    const { version, dataset } = await learned(folder.dir);
    await using hub = await startPushHub("hf_test");
    hub.publish("models/Qwen/Qwen2.5-Coder-0.5B", model.dir);
    const env = { KEPT_HUB_URL: hub.url.href, KEPT_MODEL_DIR: model.dir };
    await using _ = await runningApp({ dataDir: dataOf(folder.dir), modelDir: model.dir });
    page = followPage("integrations/hugging-face.md", "Five minutes", { home: folder.dir, env });
    const said = await page.terminal().follow({ "hf_…": "hf_test", "0123abcd": version, "4567cdef": dataset });
    assert.match(said, new RegExp(version));
    assert.deepEqual(readdirSync(path.join(folder.dir, "adapter")).toSorted(), [
      "README.md",
      "adapter_config.json",
      "adapter_model.safetensors",
      "kept-version.json",
    ]);
    for (const name of readdirSync(path.join(folder.dir, "rows")).filter((one) => one.endsWith(".jsonl")))
      assert.deepEqual(
        readFileSync(path.join(folder.dir, "back", name)),
        readFileSync(path.join(folder.dir, "rows", name)),
      );
    const other = path.join(folder.dir, "other-machine");
    assert.equal((await page.terminal(other).follow({ "hf_…": "hf_test" })).trim(), version);
    page.end();
    assert.equal(
      withStore(dataOf(other), (store) => store.versions.alias("candidate")),
      version,
    );
  });

  it("S3 (s3.md), its commands against a bucket on loopback", async () => {
    const { version } = await learned(folder.dir);
    await using bucket = await startTestS3("team", "me");
    const env = {
      AWS_ACCESS_KEY_ID: "me",
      AWS_SECRET_ACCESS_KEY: "secretsecret",
      AWS_ENDPOINT_URL: bucket.url,
      KEPT_S3_BUCKET: "team",
      KEPT_MODEL_DIR: model.dir,
    };
    page = followPage("integrations/s3.md", "Five minutes", { home: folder.dir, env });
    // SeaweedFS and its bucket: `npm run test:integrations` follows those two with the real one.
    page.skip("SeaweedFS");
    page.skip("its bucket");
    const terminal = page.terminal();
    await terminal.follow();
    assert.ok(existsSync(dataPlaces(path.join(folder.dir, "restored")).database));
    assert.match(await terminal.follow({ "0123abcd": version }), new RegExp(version));
    page.end();
  });
});
