import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { readRuntimeFile } from "../../../server/runtime-file.ts";
import { runCli, until } from "../../server/server-process.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { createRepository, type TestRepository } from "../tracker/repository.ts";

const CODE =
  "export function total(items) {\n  const chosen = items.filter((item) => item.count > 0);\n  return chosen.map((item) => item.price * item.count);\n}\n";
/** A look at git, on a busy machine. */
const SOON_MS = 60_000;

describe("kept watch", () => {
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  let repo: TestRepository;
  beforeEach(async () => {
    folder = await tempFolder();
    repo = await createRepository();
    await repo.commit("Begin", { "README.md": "# Demo\n" });
  });
  afterEach(async () => {
    await repo[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  const data = () => path.join(folder.dir, "data");
  const kept = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(["--data-dir", data(), ...args]);
    return { code, stderr, lines: stdout.split("\n").filter((line) => line !== "") };
  };
  const news = (lines: readonly string[]): Record<string, unknown>[] => lines.map((line) => JSON.parse(line));

  it("takes reports by HTTP and tells what becomes of the code", async () => {
    const cli = path.resolve("server/cli.ts");
    const child = spawn(process.execPath, [cli, "--data-dir", data(), "watch", repo.root, "--json"]);
    let out = "";
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(child, "exit");
    try {
      await until(() => (said.includes("Watching") ? true : null), SOON_MS);
      const runtime = readRuntimeFile(path.join(data(), "server.json"));
      assert.ok(runtime);
      await repo.write("src/total.js", CODE);
      const response = await fetch(`http://127.0.0.1:${runtime.port}/v1/generations`, {
        method: "POST",
        headers: { Authorization: `Bearer ${runtime.token}`, "Content-Type": "application/json" },
        body: JSON.stringify({
          generations: [{ tool: "claude", root: repo.root, path: "src/total.js", line: 1, text: CODE, id: "1" }],
        }),
      });
      assert.equal(response.status, 200, await response.text());
      const seen = (test: (one: Record<string, unknown>) => boolean) =>
        until(() => news(out.split("\n").slice(0, -1)).find(test) ?? null, SOON_MS);
      await seen(({ event }) => event === "following");
      await seen(({ event, tokens }) => event === "survived" && tokens === 1);
      await repo.commit("Add totals");
      const reverted = await repo.commit("fix: count nothing", { "src/total.js": "export const total = () => 0;\n" });
      const lost = await seen(({ cause }) => cause !== null && cause !== undefined);
      assert.equal(lost["commit"], reverted);
    } finally {
      child.kill("SIGINT");
    }
    assert.deepEqual((await ended)[0], 130);
    const report = await kept("survival", "--json", "--no-baseline");
    const { all, groups } = JSON.parse(report.lines.join("\n"));
    assert.deepEqual([all.nSnippets, all.nEnded, groups[0].name], [1, 1, "claude"]);
  });

  it("looks once and ends, and goes on where it stopped", async () => {
    await repo.write("src/total.js", CODE);
    const file = path.join(repo.root, "src/total.js");
    assert.equal((await kept("generation", "add", "--file", file, "--tool", "aider")).code, 0);
    const first = await kept("watch", repo.root, "--once", "--json");
    assert.equal(first.code, 0, first.stderr);
    assert.deepEqual(
      news(first.lines).map(({ event, state, tokens }) => [event, state, tokens]),
      [
        ["following", undefined, undefined],
        ["survived", "alive", 1],
      ],
    );
    await repo.commit("Add totals");
    await repo.commit("Drop", { "src/total.js": null });
    const second = await kept("watch", repo.root, "--once", "--json");
    assert.equal(second.code, 0, second.stderr);
    assert.deepEqual(
      news(second.lines)
        .map(({ event, state }) => [event, state])
        .at(-1),
      ["survived", "dead"],
    );
    assert.deepEqual(news((await kept("watch", repo.root, "--once", "--json")).lines), []);
  });

  it("changes nothing in the repository", async () => {
    await repo.write("src/total.js", CODE);
    const before = await repo.git("status", "--porcelain", "--ignored");
    const refs = await repo.git("for-each-ref");
    assert.equal((await kept("watch", repo.root, "--once")).code, 0);
    assert.deepEqual(
      [await repo.git("status", "--porcelain", "--ignored"), await repo.git("for-each-ref")],
      [before, refs],
    );
  });

  it("says when there is nothing to watch", async () => {
    const { code, stderr } = await kept("watch", folder.dir);
    assert.equal(code, 1);
    assert.match(stderr, /git-unavailable/);
  });
});
