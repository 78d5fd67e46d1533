import assert from "node:assert/strict";
import path from "node:path";
import { loadCheckpoint } from "../../engine/checkpoint/checkpoint.ts";
import { writeGgufLora } from "../../engine/export/gguf-lora.ts";
import { writeGgufModel } from "../../engine/export/gguf-model.ts";
import { openDecoderSessions } from "../../engine/generate/decoder-sessions.ts";
import { createTokenReader } from "../../engine/generate/token-reader.ts";
import { readAdapter } from "../../engine/lora/adapter.ts";
import { readTokenizerFile } from "../../engine/tokenizer/tokenizer-definition.ts";
import { loadTokenizer } from "../../engine/tokenizer/tokenizer.ts";
import { connectEndpoint } from "../../extension/suggest/endpoint/endpoint-engine.ts";
import type { EngineSupervisor } from "../../extension/suggest/engine-supervisor.ts";
import { openConnectionLog } from "../../server/egress/connection-log.ts";
import { openEgress } from "../../server/egress/egress.ts";
import { serveLora } from "../../server/integrations/llama-cpp/lora-adapters.ts";
import { BASE_MODEL, writeRandomAdapter } from "../server/adapted-app.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { ENGINE_ENTRY as entry } from "../support/engine-request.ts";
import { freePort, pythonEnvironment, startRealServer, type RealServer } from "./real-server.ts";

const TEXT = 'import { readFileSync } from "node:fs";\n\nfunction readConfig(file: string) {\n  const text = ';

describe("llama.cpp's server (xllamacpp 2026.10.11549)", function () {
  this.timeout(300_000);
  let server: RealServer;
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  const base = loadCheckpoint(BASE_MODEL);
  before(async () => {
    folder = await tempFolder();
    const at = (name: string) => path.join(folder.dir, name);
    writeRandomAdapter(at("adapter"), BASE_MODEL);
    const weight = (name: string) => base.weights.get(name)!;
    const tokenizer = readTokenizerFile(BASE_MODEL).definition;
    writeGgufModel(at("base.gguf"), { name: "kept-base", config: base.config, weight, tokenizer }, "F32");
    writeGgufLora(at("base-0123abcd.gguf"), "random", base.config, readAdapter(at("adapter"), base.config));
    const bin = pythonEnvironment(["xllamacpp==2026.10.11549"]);
    const port = await freePort();
    server = await startRealServer({
      command: path.join(bin, "python"),
      args: [
        path.join(import.meta.dirname, "llama-server.py"),
        "-m",
        at("base.gguf"),
        "--lora",
        at("base-0123abcd.gguf"),
        "--port",
        String(port),
        "--wait",
        "stdin",
      ],
      port,
      health: "/health",
    });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const llama = () => {
    const url = new URL(server.url);
    const permit = { purpose: "model-server", origin: url.origin, mayBePrivate: true, redirects: "none" } as const;
    const egress = openEgress({
      permits: () => [permit],
      log: openConnectionLog(path.join(folder.dir, "egress.jsonl")),
    });
    return { egress, url, signal: AbortSignal.timeout(60_000) };
  };

  /** Natural-log probabilities of the token after a text, of the likeliest ones. */
  async function theirs(ids: readonly number[]): Promise<Map<number, number>> {
    const answer = await fetch(`${server.url}/completion`, {
      method: "POST",
      body: JSON.stringify({ prompt: ids, n_predict: 1, temperature: 0, n_probs: 200, cache_prompt: false }),
    });
    const { completion_probabilities: tokens } = (await answer.json()) as {
      completion_probabilities: { top_logprobs: { id: number; logprob: number }[] }[];
    };
    return new Map(tokens[0]!.top_logprobs.map(({ id, logprob }) => [id, logprob]));
  }

  /** Logits (V) of our own graph in float32, with or without the adapter. */
  async function ours(ids: readonly number[], adapted: boolean): Promise<Float32Array> {
    await using sessions = await openDecoderSessions(base.config, base.weights, {
      threads: 1,
      precision: "float32",
      nParameters: base.nParameters,
      provider: "cpu",
      sha256: base.sha256,
    });
    const adapter = adapted ? readAdapter(path.join(folder.dir, "adapter"), base.config) : null;
    const reader = createTokenReader(base.config, await sessions.decoderFor(adapter));
    return Float32Array.from((await reader.prefill(ids, AbortSignal.timeout(60_000)))!);
  }

  for (const adapted of [false, true]) {
    it(`computes the logits of ours to 1e-3, ${adapted ? "with the exported adapter" : "without it"}`, async () => {
      await serveLora(llama(), "base-0123abcd.gguf", adapted ? 1 : 0);
      const tokenizer = loadTokenizer(BASE_MODEL);
      let worst = 0;
      let nCompared = 0;
      for (const end of [20, 45, TEXT.length]) {
        const ids = [...tokenizer.startOfText, ...tokenizer.encode(TEXT.slice(0, end))];
        const logits = await ours(ids, adapted);
        const likely = await theirs(ids);
        assert.ok(likely.size >= 100);
        // Differences of log probabilities are differences of logits.
        const first = [...likely.keys()][0]!;
        for (const [id, logProbability] of likely) {
          const difference = logProbability - likely.get(first)! - (logits[id]! - logits[first]!);
          worst = Math.max(worst, Math.abs(difference));
          nCompared += 1;
        }
      }
      assert.ok(worst < 1e-3, `${worst} over ${nCompared} logits`);
    });
  }

  it("says what it has not, and takes no adapter that it was not started with", async () => {
    await assert.rejects(serveLora(llama(), "other.gguf", 1), { code: "not-found" });
  });

  for (const protocol of ["auto", "suffix", "markers"] as const) {
    it(`gives the editor suggestions, asked by ${protocol}, with examples in the prompt`, async () => {
      await serveLora(llama(), "base-0123abcd.gguf", 0);
      const ready = Promise.withResolvers<void>();
      const said: string[] = [];
      using engine: EngineSupervisor = connectEndpoint({
        url: new URL(server.url),
        model: protocol === "auto" ? "" : "qwen2.5-coder",
        protocol,
        key: () => Promise.resolve(null),
        entry,
        onState: (state) => state === "ready" && ready.resolve(),
        log: (message) => said.push(message),
        deadlineMs: 60_000,
      });
      await ready.promise;
      await engine.useExamples([
        {
          id: "one",
          root: "/demo",
          path: "src/read.ts",
          language: "typescript",
          text: 'function readSettings(file: string) {\n  const text = readFileSync(file, "utf8");\n}',
        },
      ]);
      const made = await engine.complete(
        {
          prefix: TEXT,
          suffix: "\n  return JSON.parse(text);\n}\n",
          path: "src/config.ts",
          repository: "demo",
          examples: [],
          maxTokens: 24,
          lines: "single",
        },
        AbortSignal.timeout(60_000),
        { language: "typescript", root: "/demo", limit: 3 },
      );
      assert.ok(made, said.join("\n"));
      assert.deepEqual(made.exampleIds, ["one"]);
      assert.ok(made.nTokens > 0 && made.nPromptTokens > 40, JSON.stringify(made));
      assert.ok(!made.text.includes("\n"));
      assert.ok(made.meanLogProbability < 0);
    });
  }
});
