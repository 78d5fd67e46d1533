import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { nodeVersionProblem } from "../../server/node-version.ts";
import { printable, table } from "../../server/cli/output.ts";
import { writeRuntimeFile } from "../../server/runtime-file.ts";
import { sampleSession, shownWith } from "./sample-events.ts";
import { runCli, startServerProcess, type ServerProcess } from "./server-process.ts";
import { tempFolder } from "./temp-folder.ts";
import { v7 as uuidv7 } from "uuid";

describe("kept command", () => {
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  let server: ServerProcess;
  const suggestionId = uuidv7();
  before(async () => {
    folder = await tempFolder();
    server = await startServerProcess(folder.dir, ["--model-dir", path.join(folder.dir, "no-model")]);
    const session = sampleSession();
    const events = [
      shownWith(session, suggestionId, { completion: "return\u001b[2J\n  evil();" }),
      session.of("accepted", suggestionId),
    ];
    await fetch(`${server.url}/v1/events`, {
      method: "POST",
      headers: { Authorization: `Bearer ${server.runtime.token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ events }),
    });
  });
  after(async () => {
    server.child.kill("SIGTERM");
    await server.ended;
    await folder[Symbol.asyncDispose]();
  });
  const kept = (line: string) => runCli(["--data-dir", folder.dir, ...line.split(" ")]);

  /** Runs a command and compares its exit code; answers what it wrote. */
  async function check(line: string, code: number) {
    const result = await kept(line);
    assert.equal(result.code, code, `${line}: ${result.stdout}${result.stderr}`);
    assert.equal((result.stdout + result.stderr).includes(server.runtime.token), false);
    return result;
  }

  it("status says what the server holds", async () => {
    const { stdout } = await check("status --json", 0);
    const status = JSON.parse(stdout);
    assert.deepEqual([status.events, status.labels.good, status.champion], [2, 1, null]);
    assert.match((await check("status", 0)).stdout, /labels +1 good, 0 bad, 0 unknown/);
  });

  it("every read takes --json and prints one document", async () => {
    for (const line of ["suggestions list", "train list", "models list", "datasets list", `why ${suggestionId}`]) {
      const { stdout, stderr } = await check(`${line} --json`, 0);
      assert.equal(typeof JSON.parse(stdout), "object");
      assert.equal(stderr, "");
    }
  });

  it("shows source text without obeying it", async () => {
    const { stdout } = await check("suggestions list", 0);
    assert.match(stdout, new RegExp(suggestionId));
    assert.equal(stdout.includes("\u001b"), false);
    assert.equal((await check(`why ${suggestionId}`, 0)).stdout.includes("\u001b"), false);
  });

  it("why names the label's reasons and the events", async () => {
    const { stdout } = await check(`why ${suggestionId}`, 0);
    assert.match(stdout, /adapter +base model alone/);
    assert.match(stdout, /1\.00 accepted: accepted/);
    assert.match(stdout, /events +shown accepted/);
  });

  it("dashboard prints an address whose code gives the token once", async () => {
    const { stdout } = await check("dashboard --json", 0);
    const url = new URL(JSON.parse(stdout).url);
    const code = url.hash.replace("#code=", "");
    const login = () =>
      fetch(`${url.origin}/login`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ code }),
      });
    assert.deepEqual(await (await login()).json(), { token: server.runtime.token });
    assert.equal((await login()).status, 401);
  });

  it("exit codes: usage 2, not found 3, failure 1", async () => {
    await check("no-such-command", 2);
    await check("suggestions list --limit 0", 2);
    await check("train start --steps many", 2);
    await check(`why ${uuidv7()}`, 3);
    await check("models promote nope", 3);
    await check("models rollback", 3);
    assert.match((await check("train start", 1)).stderr, /no-model/);
  });

  it("doctor fails with what is wrong and what to do", async () => {
    const result = await kept(`doctor --json --model-dir ${path.join(folder.dir, "no-model")}`);
    assert.equal(result.code, 1);
    const checks = JSON.parse(result.stdout).checks as { name: string; ok: boolean; detail: string }[];
    const byName = new Map(checks.map((one) => [one.name, one]));
    assert.equal(byName.get("base model")?.ok, false);
    assert.match(byName.get("base model")!.detail, /--model-dir/);
    for (const name of ["node", "data folder", "store", "server"]) assert.equal(byName.get(name)?.ok, true, name);
  });

  it("help and version are no failures", async () => {
    assert.match((await check("--help", 0)).stdout, /train/);
    assert.match((await check("--version", 0)).stdout, /^\d+\.\d+\.\d+/);
  });

  it("without a server says how to start one, exit 3", async () => {
    await using empty = await tempFolder();
    const result = await runCli(["--data-dir", empty.dir, "status"]);
    assert.equal(result.code, 3);
    assert.match(result.stderr, /kept serve/);
  });

  it("sends nothing to a program that took the port", async () => {
    await using other = await tempFolder();
    const seen: string[] = [];
    const impostor = createServer((request, response) => {
      seen.push(JSON.stringify([request.url, request.rawHeaders]));
      response.end('{"proof":"0","pid":1,"port":1}');
    });
    await new Promise<void>((resolve) => impostor.listen(0, "127.0.0.1", resolve));
    const { port } = impostor.address() as AddressInfo;
    const token = "the-token-of-a-server-that-has-gone";
    writeRuntimeFile(path.join(other.dir, "server.json"), {
      pid: 1,
      port,
      token,
      version: "0",
      protocol: 1,
      startedAt: "",
    });
    const result = await runCli(["--data-dir", other.dir, "status"]);
    impostor.closeAllConnections();
    await new Promise((resolve) => impostor.close(resolve));
    assert.equal(result.code, 1);
    assert.match(result.stderr, /impostor/);
    assert.equal(seen.length, 1);
    assert.equal(seen[0]!.includes(token), false);
  });
});

describe("command output", () => {
  it("lines columns up", () => {
    assert.equal(table(["a", "long"], [["wide cell", null]]), "a          long\nwide cell  –\n");
  });
  it("shows control and direction characters as dots", () => {
    assert.equal(printable("a\u0007b\u202ec\u001b[31md\ne"), "a·b·cd·e");
  });
});

describe("Node.js version", () => {
  for (const [version, isOld] of [
    ["v20.19.0", true],
    ["v22.12.0", true],
    ["v22.13.0", false],
    ["v24.1.0", false],
    ["v18.0.0", true],
  ] as const) {
    it(`${version} is ${isOld ? "refused" : "taken"}`, () => {
      const problem = nodeVersionProblem(version);
      assert.equal(problem !== null, isOld);
      if (problem !== null) assert.match(problem, /22\.13.*24 is recommended/);
    });
  }
});
