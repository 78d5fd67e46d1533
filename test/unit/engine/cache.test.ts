import assert from "node:assert/strict";
import fc from "fast-check";
import { buildInferenceGraph } from "../../../engine/architectures/inference-graph.ts";
import { createTokenReader, type TokenReader } from "../../../engine/generate/token-reader.ts";
import { warmUp } from "../../../engine/generate/warm-up.ts";
import { compileGraph, type GraphSession } from "../../../engine/graph/session.ts";
import { randomWeights, TINY } from "../../support/tiny-decoder.ts";

const never = new AbortController().signal;
/** A sum in another order can round an activation to its neighbour among the 127 steps of int8, in each layer. */
const INT8_STEP = 2 / 127;
const CONFIG = { ...TINY, headDim: 16, contextTokens: 192 };

describe("the token reader", () => {
  const sessions: GraphSession[] = [];
  const open = async (precision: "float32" | "int8"): Promise<() => TokenReader> => {
    const graph = buildInferenceGraph(CONFIG, randomWeights(CONFIG), { precision, adapters: "none" });
    const session = await compileGraph(graph, { threads: 1, prepack: true });
    sessions.push(session);
    return () => createTokenReader(CONFIG, { session, adapterFeeds: {} });
  };
  let fresh: () => TokenReader;
  let freshInt8: () => TokenReader;
  before(async () => {
    fresh = await open("float32");
    freshInt8 = await open("int8");
  });
  after(() => Promise.all(sessions.map((session) => session.release())));

  const tokens = fc.array(fc.integer({ min: 0, max: CONFIG.vocabSize - 1 }), { minLength: 1, maxLength: 60 });
  const assertClose = (actual: Float32Array, expected: Float32Array, tolerance: number) => {
    const distance = Math.hypot(...actual.map((value, i) => value - expected[i]!)) / Math.hypot(...expected);
    assert.ok(distance <= tolerance, `relative distance ${distance}`);
  };

  it("reads in chunks of any size what it reads at once", () =>
    fc.assert(
      fc.asyncProperty(tokens, fc.constantFrom(32, 64, 128), fc.boolean(), async (ids, chunkTokens, isInt8) => {
        const open = isInt8 ? freshInt8 : fresh;
        const chunked = open();
        chunked.chunkTokens = chunkTokens / 8;
        const logits = await chunked.prefill(ids, never);
        assertClose(logits!, (await open().readAll(ids, 1))[0]!, isInt8 ? INT8_STEP : 1e-5);
      }),
      { numRuns: 40 },
    ));

  it("goes on from what two prompts share", () =>
    fc.assert(
      fc.asyncProperty(fc.array(tokens, { minLength: 2, maxLength: 5 }), fc.nat(40), async (prompts, nShared) => {
        const reader = fresh();
        let last: readonly number[] = [];
        for (const prompt of prompts) {
          const ids = [...last.slice(0, nShared), ...prompt];
          assertClose((await reader.prefill(ids, never))!, (await fresh().readAll(ids, 1))[0]!, 1e-5);
          last = ids;
        }
      }),
      { numRuns: 20 },
    ));

  it("forgets guesses that were wrong", async () => {
    const reader = fresh();
    await reader.prefill([1, 2, 3], never);
    await reader.readAfter(3, [4, 9, 9, 9]);
    const [after] = await reader.readAfter(4, [5]);
    assertClose(after!, (await fresh().readAll([1, 2, 3, 4, 5], 1))[0]!, 1e-5);
  });

  it("gives the logits of the last positions of a long text", async () => {
    const ids = Array.from({ length: 180 }, (_, i) => (i * 7) % CONFIG.vocabSize);
    const last = await fresh().readAll(ids, 3);
    assert.equal(last.length, 3);
    for (const [i, logits] of last.entries())
      assertClose(logits, (await fresh().readAll(ids.slice(0, 178 + i), 1))[0]!, 1e-5);
  });

  it("keeps what was read when it is cancelled, and goes on from there", async () => {
    const reader = fresh();
    reader.chunkTokens = 8;
    const ids = Array.from({ length: 50 }, (_, i) => i % CONFIG.vocabSize);
    const controller = new AbortController();
    const cancelled = reader.prefill(ids, controller.signal);
    controller.abort();
    assert.equal(await cancelled, null);
    assertClose((await reader.prefill(ids, never))!, (await fresh().readAll(ids, 1))[0]!, 1e-5);
  });

  it("drops what it read with another adapter", async () => {
    const graph = buildInferenceGraph(CONFIG, randomWeights(CONFIG, 2), { precision: "float32", adapters: "none" });
    const session = await compileGraph(graph, { threads: 1, prepack: true });
    sessions.push(session);
    const other = { session, adapterFeeds: {} };
    const reader = fresh();
    const before = await reader.prefill([1, 2, 3], never);
    reader.use(other);
    const expected = await createTokenReader(CONFIG, other).prefill([1, 2, 3], never);
    const after = await reader.prefill([1, 2, 3], never);
    assertClose(after!, expected!, 1e-6);
    assert.notDeepEqual(after, before);
  });

  it("is warm with a size of runs that it can read", async () => {
    const reader = fresh();
    await warmUp(reader);
    assert.ok([32, 64, 128, 256].includes(reader.chunkTokens));
    assertClose((await reader.prefill([5, 6], never))!, (await fresh().readAll([5, 6], 1))[0]!, 1e-6);
  });
});
