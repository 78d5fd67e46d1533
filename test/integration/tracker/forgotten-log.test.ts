import { forgottenTexts, namesInLog, removeForgotten } from "../../../tracker/forgotten-log.ts";
import { filesWith } from "../../support/canary-search.ts";
import { BASKET, DEADLINE_MS, followRepository, SNIPPET } from "./followed-repository.ts";
import assert from "node:assert/strict";
import { appendFile, readdir } from "node:fs/promises";
import path from "node:path";

const OTHER = `export function averageWeight(parcels: readonly Parcel[]): number {
  let weight = 0;
  for (const parcel of parcels) weight += parcel.weight;
  return weight / parcels.length;
}
`;
const CANARIES = ["forgotten-one", "src/secret-plan.ts", "totalPrice"];

describe("forgetting in the logs of a tracker", function () {
  this.timeout(DEADLINE_MS * 2);

  const followed = async () => {
    const repository = await followRepository();
    await repository.accept("forgotten-one", "src/secret-plan.ts", SNIPPET);
    await repository.accept("kept-one", "a.ts", OTHER);
    await repository.commit("both", { "src/secret-plan.ts": SNIPPET, "a.ts": BASKET + OTHER });
    assert.equal((await repository.see("forgotten-one")).tok, 1);
    return repository;
  };

  it("leaves no byte of it, its id or its file's name, and goes on with the rest", async () => {
    await using repository = await followed();
    for (const canary of CANARIES) assert.notDeepEqual(filesWith(repository.storage, [canary]), []);
    await repository.tracker.close();
    assert.ok(filesWith(repository.storage, ["src/secret-plan.ts"]).some((file) => file.startsWith("tips.json")));
    const named = (await namesInLog(repository.storage)).filter(({ file }) => file === "src/secret-plan.ts");
    const gone = new Set(named.map(({ sid }) => sid));
    assert.deepEqual(await forgottenTexts(repository.storage, gone), [SNIPPET]);
    await removeForgotten(repository.storage, gone);
    assert.deepEqual(filesWith(repository.storage, CANARIES), []);

    await repository.restart();
    await repository.commit("half", { "a.ts": BASKET + OTHER.replace("weight += parcel.weight", "weight += 1") });
    const { tok, state } = await repository.see("kept-one");
    assert.equal(state.kind, "alive");
    assert.ok(tok !== null && tok < 1 && tok > 0.5, String(tok));
    assert.deepEqual([...repository.tracker.state.keys()], ["kept-one"]);
    assert.deepEqual(filesWith(repository.storage, CANARIES), []);
  });

  it("takes a line that a crash cut with it", async () => {
    await using repository = await followed();
    await repository.tracker.close();
    const [segment = ""] = (await readdir(repository.storage)).filter((name) => name.endsWith(".jsonl"));
    await appendFile(path.join(repository.storage, segment), '{"v":1,"kind":"accept","text":"totalPrice');
    await removeForgotten(repository.storage, new Set(["forgotten-one"]));
    assert.deepEqual(filesWith(repository.storage, CANARIES), []);
    await repository.restart();
  });

  it("finds nothing where nothing is of it, and removes a log that has nothing left", async () => {
    await using repository = await followed();
    assert.deepEqual(await forgottenTexts(repository.storage, new Set(["another"])), []);
    assert.deepEqual(await namesInLog(path.join(repository.storage, "nowhere")), []);
    await repository.tracker.close();
    const gone = new Set((await namesInLog(repository.storage)).map(({ sid }) => sid));
    assert.equal(gone.size, 2);
    await removeForgotten(repository.storage, gone);
    await assert.rejects(readdir(repository.storage), { code: "ENOENT" });
    await repository.restart();
  });

  it("lets a tracker that has the log open write on beside what another window left of it", async () => {
    await using repository = await followed();
    await removeForgotten(repository.storage, new Set(["forgotten-one"]));
    await repository.accept("later-one", "b.ts", OTHER.replaceAll("weight", "volume"));
    await repository.restart();
    assert.deepEqual([...repository.tracker.state.keys()].sort(), ["kept-one", "later-one"]);
  });
});
