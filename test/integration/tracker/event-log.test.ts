import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { PlaceSeen, SurvivalRecord } from "../../../core/survival/survival-record.ts";
import { openEventLog } from "../../../tracker/event-log.ts";

const snap = (sid: string, where: readonly PlaceSeen[]): SurvivalRecord => ({
  v: 1,
  at: Date.UTC(2026, 0, 2),
  kind: "snap",
  sid,
  commit: "c0ffee",
  state: { kind: "alive", in: "head" },
  tok: 1,
  aliveRle: [9],
  where,
  conf: 1,
});

describe("places that snippets share in the log", () => {
  let folder = "";
  const shared: readonly PlaceSeen[] = [{ place: "head", ref: "main", tok: 1, files: ["src/shared-places.ts"] }];
  const own: readonly PlaceSeen[] = [{ place: "head", ref: "main", tok: 1, files: ["src/own-places.ts"] }];
  const records = [snap("one", shared), snap("two", shared), snap("three", own), snap("four", shared)];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "kept-event-log-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const written = async (): Promise<{ file: string; text: string }> => {
    const [name = ""] = await readdir(folder);
    const file = path.join(folder, name);
    return { file, text: await readFile(file, "utf8") };
  };
  const write = async (): Promise<void> => {
    const { log } = await openEventLog(folder);
    await log.append(records);
    await log.close();
  };

  it("are written once, and read back with each", async () => {
    await write();
    const { text } = await written();
    assert.equal(text.split("src/shared-places.ts").length - 1, 1);
    assert.deepEqual((await openEventLog(folder)).records, records);
  });

  it("stay with the others when the snippet that they were written with is forgotten", async () => {
    await write();
    const { log } = await openEventLog(folder);
    await log.rewrite((record) => (record.kind !== "snap" || record.sid !== "one" ? record : null));
    await log.close();
    assert.deepEqual((await openEventLog(folder)).records, records.slice(1));
  });

  it("are not known when their line is damaged, and nothing is made up", async () => {
    await write();
    const { file, text } = await written();
    await writeFile(file, text.replace(/^\{"v":1/, '{"v":'));
    assert.deepEqual(
      (await openEventLog(folder)).records.map((record) => ("sid" in record ? record.sid : "")),
      ["three"],
    );
  });
});
