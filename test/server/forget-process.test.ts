import { forgetPage, type ForgetOperation } from "../../protocol/api.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import { filesWith } from "../support/canary-search.ts";
import { sampleSession, shownWith } from "./sample-events.ts";
import { runCli, startServerProcess, until, type ServerProcess } from "./server-process.ts";
import { tempFolder } from "./temp-folder.ts";
import assert from "node:assert/strict";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

/** Longest wait for a request that goes on after a restart, milliseconds. */
const FINISH_MS = 30_000;
const CANARY = `canary_${uuidv7().slice(-12)}`;

function stories(n: number, root: string, text: string): KeptEvent[] {
  const session = sampleSession(Date.now() - 600_000);
  return Array.from({ length: n }, (_, i) => {
    const id = uuidv7();
    const shown = shownWith(session, id, {
      root,
      path: `src/${text}-${i}.ts`,
      prefix: `// ${text}\n${`const ${text}${i} = 1;\n`.repeat(40)}`,
      completion: `${text}(${i});`,
    });
    return [shown, session.of("accepted", id), session.of("typed-instead", id, { text: `${text}.typed(${i})` })];
  }).flat();
}

async function ask(server: ServerProcess, method: string, target: string, body?: unknown): Promise<unknown> {
  const response = await fetch(server.url + target, {
    method,
    headers: { Authorization: `Bearer ${server.runtime.token}`, "Content-Type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(FINISH_MS),
  });
  return response.json();
}

describe("forget, with a server of its own", function () {
  this.timeout(120_000);

  it("is finished after kill -9 at any moment, and others' events are whole", async () => {
    await using folder = await tempFolder();
    const start = () =>
      startServerProcess(folder.dir, ["--model-dir", path.join(folder.dir, "no-model"), "--log", "file"]);
    let server = await start();
    const others = stories(20, "/projects/other", "stays");
    for (let batch = 0; batch < 4; batch += 1)
      await ask(server, "POST", "/v1/events", { events: stories(50, "/projects/gone", CANARY) });
    await ask(server, "POST", "/v1/events", { events: others });
    await ask(server, "POST", "/v1/datasets", {});
    const request = {
      id: uuidv7(),
      requestedAtMs: Date.now(),
      scope: { kind: "folders", roots: ["/projects/gone"] },
    };
    // Each life of the server is ended a little later than the one before it.
    for (let afterMs = 0; afterMs <= 30; afterMs += 10) {
      const asked = ask(server, "POST", "/v1/forget", request).catch(() => null);
      await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, afterMs))]);
      server.child.kill("SIGKILL");
      await server.ended;
      await asked;
      server = await start();
    }
    await ask(server, "POST", "/v1/forget", request);
    const { operations } = forgetPage.parse(await ask(server, "GET", "/v1/forget"));
    assert.deepEqual(
      operations.map(({ state, suggestions, events }) => [state, suggestions, events]),
      [["done", 200, 600]],
    );
    assert.deepEqual(filesWith(folder.dir, [CANARY, "/projects/gone"]), []);
    const { count } = (await ask(server, "GET", "/v1/events")) as { count: number };
    assert.equal(count, others.length);
    server.child.kill("SIGTERM");
    await server.ended;
    assert.deepEqual(filesWith(folder.dir, [CANARY]), []);
  });

  it("by the command line, after a yes", async () => {
    await using folder = await tempFolder();
    const server = await startServerProcess(folder.dir, ["--model-dir", path.join(folder.dir, "no-model")]);
    const kept = (...args: string[]) => runCli(["--data-dir", folder.dir, ...args]);
    const root = path.join(folder.dir, "project");
    const [first, second] = [stories(1, root, CANARY), stories(2, root, CANARY)];
    await ask(server, "POST", "/v1/events", { events: [...first, ...second] });

    const unsure = await kept("forget", "everything");
    assert.deepEqual([unsure.code, unsure.stdout], [2, ""]);
    assert.match(unsure.stderr, /--yes/);

    const one = await kept("forget", "suggestion", first[0]!.suggestionId, "--yes", "--json");
    assert.equal(one.code, 0, one.stderr);
    assert.equal((JSON.parse(one.stdout) as ForgetOperation).events, 3);

    const file = await kept("forget", "file", `src/${CANARY}-1.ts`, "--root", root, "--yes", "--json");
    assert.equal((JSON.parse(file.stdout) as ForgetOperation).suggestions, 1);
    assert.equal((await kept("forget", "last", "soon", "--yes")).code, 2);
    const hour = await kept("forget", "last", "1h", "--yes");
    assert.match(hour.stdout, /suggestions +1/);
    const list = await kept("forget", "list", "--json");
    assert.deepEqual(
      forgetPage
        .parse(JSON.parse(list.stdout))
        .operations.map(({ kind }) => kind)
        .sort(),
      ["files", "suggestions", "time"],
    );
    await until(() => (filesWith(folder.dir, [CANARY]).length === 0 ? true : null), FINISH_MS);
    server.child.kill("SIGTERM");
    await server.ended;
  });
});
