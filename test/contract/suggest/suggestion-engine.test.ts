import assert from "node:assert/strict";
import type { CompletionRequest } from "../../../engine/generate/completion.ts";
import { connectEndpoint } from "../../../extension/suggest/endpoint/endpoint-engine.ts";
import {
  superviseEngine,
  type EngineState,
  type EngineSupervisor,
} from "../../../extension/suggest/engine-supervisor.ts";
import { adaptedApp, BASE_MODEL, type AdaptedApp } from "../../server/adapted-app.ts";
import { ENGINE_ENTRY as entry } from "../../support/engine-request.ts";

const ROOT = "/home/me/demo";
const EXAMPLES = ["readSettings", "readOptions"].map((name) => ({
  id: name,
  root: ROOT,
  path: `src/${name}.ts`,
  language: "typescript",
  text: `function ${name}(file: string) {\n  const text = readFileSync(file, "utf8").trim();\n  return JSON.parse(text);\n}`,
}));
const NEIGHBOUR = {
  root: ROOT,
  path: "src/files.ts",
  text: "export function readConfigText(file: string) {\n  return readFileSync(file, 'utf8').trim();\n}\n",
};
const RETRIEVE = { language: "typescript", root: ROOT, limit: 3, neighbours: 2 };
const REQUEST: CompletionRequest = {
  prefix: 'import { readFileSync } from "node:fs";\n\nfunction readConfig(file: string) {\n  const text = ',
  suffix: "\n  return JSON.parse(text);\n}\n",
  path: "src/config.ts",
  repository: "demo",
  examples: [],
  maxTokens: 32,
  lines: "block",
};

/** Both ways that suggestions come to the editor, behind one port. */
describe("where suggestions come from", function () {
  this.timeout(240_000);
  let adapted: AdaptedApp;
  const engines = new Map<string, EngineSupervisor>();
  const signal = () => AbortSignal.timeout(60_000);

  before(async () => {
    adapted = await adaptedApp();
    const { app, url } = adapted.running;
    const opened = async (name: string, open: (onState: (state: EngineState) => void) => EngineSupervisor) => {
      const ready = Promise.withResolvers<void>();
      const engine = open((state) => state === "ready" && ready.resolve());
      engines.set(name, engine);
      await ready.promise;
      await engine.useExamples(EXAMPLES);
      await engine.useNeighbours([NEIGHBOUR]);
      await engine.serveWith({ version: adapted.version, dir: adapted.adapterDir });
    };
    const log = (): void => {};
    await opened("the engine in the editor", (onState) =>
      superviseEngine({ process: { entry, modelDir: BASE_MODEL, threads: 1 }, onState, log }),
    );
    await opened("a model server", (onState) =>
      connectEndpoint({
        url: new URL(url),
        model: "",
        protocol: "auto",
        key: () => Promise.resolve(app.token),
        entry,
        onState,
        log,
        deadlineMs: 60_000,
      }),
    );
  });
  after(async () => {
    for (const engine of engines.values()) engine[Symbol.dispose]();
    await adapted[Symbol.asyncDispose]();
  });

  for (const name of ["the engine in the editor", "a model server"]) {
    describe(name, () => {
      const engine = () => engines.get(name)!;

      it("is ready, and says which model it is", () => {
        assert.equal(engine().state, "ready");
        assert.ok(engine().model!.name.length > 0);
        assert.ok(engine().starts >= 1);
      });

      it("completes, and says what the suggestion was made with", async () => {
        const made = await engine().complete(REQUEST, signal(), RETRIEVE);
        assert.ok(made);
        assert.ok(made.nTokens > 0 && made.nPromptTokens > 50);
        assert.equal(made.adapter, adapted.version);
        assert.match(engine().model!.sha256, /^[0-9a-f]{64}$/);
        assert.ok(made.exampleIds.length > 0 && made.exampleIds.every((id) => EXAMPLES.some((one) => one.id === id)));
        assert.ok(made.meanLogProbability < 0 && made.doubt!.lowest <= made.meanLogProbability);
        assert.ok(made.nExamplesUsed >= made.exampleIds.length);
      });

      it("uses no example where none is asked for", async () => {
        const made = await engine().complete(REQUEST, signal(), { ...RETRIEVE, limit: 0, neighbours: 0 });
        assert.deepEqual([made!.exampleIds, made!.neighbours], [[], []]);
      });

      it("shows nothing for a request that is cancelled before, or while it runs", async () => {
        assert.equal(await engine().complete(REQUEST, AbortSignal.abort(), RETRIEVE), null);
        const abort = new AbortController();
        const asked = engine().complete({ ...REQUEST, maxTokens: 200 }, abort.signal, RETRIEVE);
        setImmediate(() => abort.abort());
        assert.equal(await asked, null);
        assert.ok(await engine().complete(REQUEST, signal(), RETRIEVE));
      });

      it("answers only the newest of requests that come at once", async () => {
        const asked = ["const a = ", "const b = ", "const c = "].map((prefix) =>
          engine().complete({ ...REQUEST, prefix: REQUEST.prefix + prefix }, signal(), RETRIEVE),
        );
        const made = await Promise.all(asked);
        assert.ok(made[2] !== null);
        assert.ok(made[1] === null);
      });
    });
  }

  const REQUESTS: Record<string, CompletionRequest> = {
    "a block": REQUEST,
    "a line": { ...REQUEST, lines: "single" },
    "the middle of a word": { ...REQUEST, prefix: `${REQUEST.prefix}readF` },
    "a file that has more above": { ...REQUEST, head: 'import { parse } from "./parse.ts";\n' },
  };
  for (const [name, request] of Object.entries(REQUESTS)) {
    it(`${name}: the same suggestion from both, made with the same examples`, async () => {
      const [embedded, served] = [
        await engines.get("the engine in the editor")!.complete(request, signal(), RETRIEVE),
        await engines.get("a model server")!.complete(request, signal(), RETRIEVE),
      ];
      assert.ok(embedded && served);
      assert.equal(served.text, embedded.text);
      assert.deepEqual(served.exampleIds, embedded.exampleIds);
      assert.deepEqual(served.neighbours, embedded.neighbours);
      assert.equal(served.nPromptTokens, embedded.nPromptTokens);
    });
  }
});
