import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { createLog } from "../../../server/log.ts";
import { tempFolder } from "../../server/temp-folder.ts";

const lines = (file: string): string[] => readFileSync(file, "utf8").split("\n").slice(0, -1);
const numbers = (file: string): number[] => lines(file).map((line) => (JSON.parse(line) as { n: number }).n);

describe("the server's log", () => {
  it("is set aside when it is full; the one that was aside goes, and no line is cut", async () => {
    await using folder = await tempFolder();
    const file = path.join(folder.dir, "server.log");
    const log = createLog({ level: "info", destination: file, maxBytes: 1_000 });
    for (let n = 0; n < 100; n += 1) log.info({ event: "counted", n });
    const [before, now] = [numbers(`${file}.1`), numbers(file)];
    assert.ok(statSync(file).size <= 1_000 && statSync(`${file}.1`).size <= 1_000);
    assert.deepEqual(
      [...before, ...now],
      Array.from({ length: before.length + now.length }, (_, i) => 100 - before.length - now.length + i),
    );
    assert.ok(before.length > 5 && before.length < 30);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(existsSync(`${file}.2`), false);
  });

  it("goes on where an earlier server ended, and counts what that wrote", async () => {
    await using folder = await tempFolder();
    const file = path.join(folder.dir, "server.log");
    createLog({ level: "info", destination: file, maxBytes: 200 }).info({
      event: "counted",
      n: 1,
      pad: "x".repeat(120),
    });
    createLog({ level: "info", destination: file, maxBytes: 200 }).info({
      event: "counted",
      n: 2,
      pad: "x".repeat(120),
    });
    assert.deepEqual([numbers(`${file}.1`), numbers(file)], [[1], [2]]);
  });

  it("has one line longer than its size all the same", async () => {
    await using folder = await tempFolder();
    const file = path.join(folder.dir, "server.log");
    const log = createLog({ level: "info", destination: file, maxBytes: 100 });
    log.info({ event: "counted", n: 1, pad: "x".repeat(300) });
    log.info({ event: "counted", n: 2 });
    assert.deepEqual([numbers(`${file}.1`), numbers(file)], [[1], [2]]);
  });

  it("has no token and no authorization, wherever they stand in a line's fields", async () => {
    await using folder = await tempFolder();
    const file = path.join(folder.dir, "server.log");
    const log = createLog({ level: "debug", destination: file });
    log.info({ event: "x", token: "secret-one", request: { token: "secret-two", authorization: "secret-three" } });
    assert.equal(readFileSync(file, "utf8").includes("secret"), false);
  });
});
