import assert from "node:assert/strict";
import { startEngineProcess, type EngineProcess } from "../../engine/process/host.ts";
import type { CompletionRequest } from "../../engine/generate/completion.ts";
import { examplePage } from "../../protocol/api.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import { textCompletion } from "../../protocol/openai.ts";
import { makeEndpointKey } from "../../server/endpoint-key.ts";
import { ENGINE_ENTRY } from "../support/engine-request.ts";
import { adaptedApp, BASE_MODEL, type AdaptedApp } from "./adapted-app.ts";
import { sampleSession } from "./sample-events.ts";
import OpenAI from "openai";

const PREFIX = 'import { readFileSync } from "node:fs";\n\nfunction readConfig(file: string) {\n  const text = ';
const SUFFIX = "\n  return JSON.parse(text);\n}\n";
const never = new AbortController().signal;
const ROOT = "/home/me/demo";
/** Suggestions that were taken and praised: the server makes examples of them. */
function feedback(): KeptEvent[] {
  const session = sampleSession();
  return ["readSettings", "readOptions", "readProfile"].flatMap((name, i) => {
    const id = `00000000-0000-7000-8000-00000000000${i}`;
    const shown = session.of("shown", id, {
      context: {
        root: ROOT,
        path: `src/${name}.ts`,
        language: "typescript",
        line: 1,
        column: 2,
        prefix: `function ${name}(file: string) {\n  `,
        suffix: "\n  return JSON.parse(text);\n}\n",
        examples: [],
      },
      completion: 'const text = readFileSync(file, "utf8").trim();',
    });
    return [shown, session.of("accepted", id), session.of("rated", id, { verdict: "up" })];
  });
}

describe("the official openai client", function () {
  this.timeout(240_000);
  let adapted: AdaptedApp;
  let client: OpenAI;
  before(async () => {
    adapted = await adaptedApp(feedback());
    client = new OpenAI({
      baseURL: `${adapted.running.url}/v1`,
      apiKey: makeEndpointKey(adapted.running.app.places.endpointKey),
      maxRetries: 0,
    });
  });
  after(() => adapted[Symbol.asyncDispose]());

  const create = (change: Partial<OpenAI.CompletionCreateParamsNonStreaming> = {}) =>
    client.completions.create({ model: "kept", prompt: PREFIX, suffix: SUFFIX, max_tokens: 24, ...change });

  it("lists what can be asked for, and finds each by its name", async () => {
    const ids: string[] = [];
    for await (const model of client.models.list()) {
      ids.push(model.id);
      assert.equal(model.object, "model");
      assert.equal((await client.models.retrieve(model.id)).id, model.id);
    }
    assert.deepEqual(ids, ["kept", "kept-base", adapted.version]);
  });

  it("completes at a cursor, and says what it took", async () => {
    const answer = await create();
    textCompletion.parse(answer);
    assert.match(answer.id, /^cmpl-/);
    assert.equal(answer.object, "text_completion");
    assert.equal(answer.model, "kept");
    assert.ok(Math.abs(answer.created - Date.now() / 1_000) < 60);
    assert.equal(answer.choices.length, 1);
    const [choice] = answer.choices;
    assert.equal(choice!.index, 0);
    assert.equal(choice!.logprobs, null);
    assert.ok(choice!.text.length > 0 && !choice!.text.includes("<|"));
    const { prompt_tokens: read, completion_tokens: written, total_tokens: all } = answer.usage!;
    assert.ok(read > 20 && written > 0 && written <= 24 && all === read + written);
  });

  it("looks at the suffix", async () => {
    const ask = (suffix: string | null) => create({ model: "kept-base", suffix, logprobs: 0 });
    const [alone, before] = [await ask(null), await ask(SUFFIX)];
    assert.ok(before.usage!.prompt_tokens > alone.usage!.prompt_tokens);
    const [a, b] = [alone, before].map(({ choices }) => choices[0]!.logprobs!.token_logprobs!);
    assert.ok(a!.length > 0 && b!.length > 0);
    assert.notDeepEqual(a, b);
  });

  it("streams the same text, ends with the reason, the usage and [DONE]", async () => {
    for (const prompt of [PREFIX, "function sum(values: number[]) {\n"]) {
      const whole = await create({ prompt, suffix: "", max_tokens: 60 });
      const stream = await client.completions.create({
        model: "kept",
        prompt,
        suffix: "",
        max_tokens: 60,
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = "";
      const reasons: unknown[] = [];
      const usages: unknown[] = [];
      for await (const chunk of stream) {
        assert.equal(chunk.object, "text_completion");
        for (const choice of chunk.choices) {
          text += choice.text;
          reasons.push(choice.finish_reason);
        }
        usages.push(chunk.usage);
      }
      assert.equal(text, whole.choices[0]!.text);
      assert.equal(reasons.at(-1), whole.choices[0]!.finish_reason);
      assert.ok(reasons.slice(0, -1).every((reason) => reason === null));
      assert.deepEqual(usages.at(-1), whole.usage);
      assert.ok(usages.slice(0, -1).every((usage) => usage === null));
    }
    const raw = await fetch(`${adapted.running.url}/v1/completions`, {
      method: "POST",
      headers: { Authorization: `Bearer ${adapted.running.app.token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: PREFIX, stream: true, max_tokens: 4 }),
    });
    assert.match(raw.headers.get("content-type")!, /^text\/event-stream/);
    assert.match(await raw.text(), /\n\ndata: \[DONE\]\n\n$/);
  });

  it("stops where it is told to, and never longer than it may", async () => {
    const whole = (await create({ suffix: "", max_tokens: 40 })).choices[0]!.text;
    const stop = whole.slice(4, 7);
    const cut = (await create({ suffix: "", max_tokens: 40, stop: ["no such text", stop] })).choices[0]!;
    assert.equal(cut.text, whole.slice(0, whole.indexOf(stop)));
    assert.equal(cut.finish_reason, "stop");
    const short = await create({ suffix: "", max_tokens: 1, prompt: "const values = [1, 2, 3" });
    assert.equal(short.usage!.completion_tokens, 1);
    assert.equal(short.choices[0]!.finish_reason, "length");
  });

  it("writes the same for the same seed, and something else for others", async () => {
    const drawn = (seed: number) => create({ prompt: "function ", suffix: "", temperature: 1.2, top_p: 0.95, seed });
    const [a, b] = [await drawn(7), await drawn(7)];
    assert.equal(a.choices[0]!.text, b.choices[0]!.text);
    const others = new Set<string>();
    for (const seed of [1, 2, 3, 4, 5, 6]) others.add((await drawn(seed)).choices[0]!.text);
    assert.ok(others.size >= 4, [...others].join("\n--\n"));
  });

  it("gives several choices, and an answer for each prompt", async () => {
    const drawn = await create({ n: 3, temperature: 1.2, seed: 1, prompt: "function ", suffix: "" });
    assert.deepEqual(
      drawn.choices.map(({ index }) => index),
      [0, 1, 2],
    );
    assert.ok(new Set(drawn.choices.map(({ text }) => text)).size > 1);
    const best = await create({ n: 3 });
    assert.equal(best.choices[0]!.text, (await create()).choices[0]!.text);
    assert.equal(new Set(best.choices.map(({ text }) => text)).size, best.choices.length);
    const two = await create({ prompt: [PREFIX, "const a = "], suffix: "" });
    assert.deepEqual(
      two.choices.map(({ index }) => index),
      [0, 1],
    );
  });

  it("says how likely each token was", async () => {
    const { choices } = await create({ logprobs: 3 });
    const { text, logprobs } = choices[0]!;
    assert.equal(logprobs!.tokens!.join(""), text);
    const { tokens, token_logprobs: likely, top_logprobs: top, text_offset: offsets } = logprobs!;
    for (const [i, token] of tokens!.entries()) {
      assert.equal(text.slice(offsets![i], offsets![i]! + token.length), token);
      assert.ok(likely![i]! <= 0);
      assert.ok(Object.keys(top![i]!).length >= 1 && Object.keys(top![i]!).length <= 3);
      assert.ok(likely![i]! <= Math.max(...Object.values(top![i]!)) + 1e-6);
    }
  });

  it("accepts what it does not know, and refuses by name what would change the answer", async () => {
    await create({ user: "me", ...({ some_new_field: { deep: [1] } } as object) });
    for (const [field, value] of Object.entries({
      echo: true,
      best_of: 3,
      presence_penalty: 1,
      logit_bias: { "5": 1 },
    })) {
      await assert.rejects(create({ [field]: value }), (error) => {
        assert.ok(error instanceof OpenAI.UnprocessableEntityError);
        assert.equal(error.param, field);
        assert.equal(error.code, "invalid");
        assert.equal(error.type, "invalid_request_error");
        return true;
      });
    }
    await assert.rejects(create({ prompt: [1, 2, 3] }), OpenAI.UnprocessableEntityError);
  });

  it("answers its errors in OpenAI's form", async () => {
    await assert.rejects(create({ model: "gpt-9" }), (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      assert.equal(error.code, "model_not_found");
      return /gpt-9/.test(error.message);
    });
    const stranger = new OpenAI({ baseURL: `${adapted.running.url}/v1`, apiKey: "wrong", maxRetries: 0 });
    await assert.rejects(stranger.models.list(), (error) => {
      assert.ok(error instanceof OpenAI.AuthenticationError);
      return error.code === "unauthorized" && error.type === "authentication_error";
    });
  });

  it("ends the work when nobody waits for it", async () => {
    const abort = new AbortController();
    const asked = client.completions.create(
      { model: "kept", prompt: "function a() {\n", max_tokens: 1_000, temperature: 2, stream: true },
      { signal: abort.signal },
    );
    setImmediate(() => abort.abort());
    await assert.rejects(
      asked.then(async (stream) => {
        for await (const _ of stream);
        throw new Error("ended");
      }),
    );
    // The engine is free again at once.
    assert.equal((await create({ max_tokens: 2 })).choices.length, 1);
  });

  describe("beside the engine of an editor", () => {
    let engine: EngineProcess;
    before(async () => {
      engine = await startEngineProcess({ entry: ENGINE_ENTRY, modelDir: BASE_MODEL, threads: 1 });
      await engine.setAdapter({ version: adapted.version, dir: adapted.adapterDir });
      // As the editor brings them: the server lists the newest first.
      const { body } = await adapted.running.call("GET", `/v1/examples?root=${encodeURIComponent(ROOT)}`);
      const { examples } = examplePage.parse(body);
      assert.equal(examples.length, 3);
      await engine.setExamples(examples.toReversed());
    });
    after(async () => {
      engine[Symbol.dispose]();
      await engine.exited;
    });

    const request = (change: Partial<CompletionRequest> = {}): CompletionRequest => ({
      prefix: PREFIX,
      suffix: SUFFIX,
      path: "src/config.ts",
      repository: "demo",
      examples: [],
      maxTokens: 32,
      lines: "block",
      ...change,
    });
    const CASES: Record<string, Partial<CompletionRequest>> = {
      "the likeliest tokens": {},
      "one line": { lines: "single" },
      "the middle of a word": { prefix: `${PREFIX}readF` },
      "tokens drawn with a seed": { sampling: { temperature: 0.9, topP: 0.9, seed: 42 } },
      "another seed": { sampling: { temperature: 0.9, topP: 0.9, seed: 43 } },
      "examples of its own": { examples: [{ path: "src/other.ts", text: "const text = readAll(file);" }] },
      "the head of a long file": { head: 'import { parse } from "./parse.ts";\n' },
    };
    for (const [name, change] of Object.entries(CASES)) {
      for (const looksUp of change.examples ? [false] : [false, true]) {
        it(`${name}: the same suggestion${looksUp ? ", with examples looked up" : ""}`, async () => {
          const asked = request(change);
          const retrieve = looksUp ? { language: "typescript", root: ROOT, limit: 3 } : undefined;
          const embedded = await engine.complete(asked, never, retrieve);
          const { prefix, suffix, path, repository, head, lines, examples, maxTokens, sampling } = asked;
          const served = await client.completions.create({
            model: "kept",
            prompt: prefix,
            suffix,
            max_tokens: maxTokens,
            ...(sampling ? { temperature: sampling.temperature, top_p: sampling.topP, seed: sampling.seed } : {}),
            ...({
              kept: {
                path,
                repository,
                lines,
                language: "typescript",
                ...(head === undefined ? {} : { head }),
                ...(looksUp ? { root: ROOT } : { examples }),
              },
            } as object),
          });
          const [choice] = textCompletion.parse(served).choices;
          assert.equal(choice!.text, embedded.text);
          assert.equal(choice!.kept!.adapter, adapted.version);
          assert.equal(choice!.kept!.base, engine.model.sha256);
          assert.ok(Math.abs(choice!.kept!.mean_log_probability - embedded.meanLogProbability) < 1e-6);
          assert.deepEqual(choice!.kept!.example_ids, embedded.exampleIds);
          assert.equal(served.usage!.prompt_tokens, embedded.nPromptTokens);
          if (looksUp) assert.ok(embedded.exampleIds.length > 0);
        });
      }
    }
  });
});
