import assert from "node:assert/strict";
import type { DatasetRow } from "../../../core/dataset-row.ts";
import type { RepositoryMemory } from "../../../engine/generate/generator.ts";
import { evenlySpaced } from "../../../core/statistics/evenly-spaced.ts";
import { compareAdapters, type EvaluatedModel } from "../../../server/evaluation/compare.ts";
import type { EvaluationSample } from "../../../protocol/samples.ts";
import { followRememberedCode } from "../../../server/evaluation/remembered.ts";
import { samplesOf } from "../../../server/evaluation/samples.ts";
import {
  forgettingGuard,
  latencyGuard,
  lengthMixGuard,
  secretGuard,
  weightGuard,
} from "../../../server/evaluation/guards.ts";

const rows = (n: number): DatasetRow[] =>
  Array.from({ length: n }, (_, i) => ({
    id: `r${i}`,
    suggestionId: null,
    source: "history",
    root: "/projects/demo",
    path: `src/f${i}.ts`,
    language: "typescript",
    prefix: `const a${i} = `,
    suffix: "",
    examples: [],
    completion: `value${i};`,
    good: true,
    weight: 1,
    writtenAt: i,
    group: `c${i % 10}`,
  }));

/** A model whose adapters are named for the share of cases in which they write what was written. */
function modelThat(log: string[] = [], onMemory: (memory: RepositoryMemory | null) => void = () => {}): EvaluatedModel {
  let skill = 0;
  return {
    async setAdapter(adapter) {
      skill = adapter === null ? 0 : Number(adapter.version);
      log.push(`set ${skill}`);
    },
    async complete(request, _signal, options) {
      onMemory(options?.memory ?? null);
      const i = Number(/a(\d+)/.exec(request.prefix)![1]);
      log.push(`case ${i}`);
      return {
        text: (i * 7) % 10 < skill * 10 ? `value${i};` : `wrong${i};`,
        finish: "stop",
        meanLogProbability: -1,
        nPromptTokens: 10,
        nTokens: 4,
        prefillMs: 5,
        decodeMs: 5,
        adapter: null,
        nExamplesUsed: 0,
      };
    },
    scoreCompletion: async (request, _completion, options) => {
      onMemory(options?.memory ?? null);
      const i = Number(/a(\d+)/.exec(request.prefix)![1]);
      const nats = 4 * (2 - skill + (i % 3) / 100);
      return { nats: nats + 4, servedNats: nats, nTokens: 4 };
    },
  };
}

const decide = (challenger: string, champion: string | null, cases: DatasetRow[], log?: string[]) =>
  compareAdapters(
    modelThat(log),
    {
      challenger: { adapter: { version: challenger, dir: "" } },
      champion: { adapter: champion === null ? null : { version: champion, dir: "" } },
    },
    cases,
    { guards: [], seed: 1, signal: AbortSignal.timeout(10_000) },
  );

describe("evaluation", () => {
  it("keeps five cases for people, evenly over time, with what both sides wrote", async () => {
    let samples: readonly EvaluationSample[] = [];
    const sides = { challenger: { adapter: { version: "1", dir: "" } }, champion: { adapter: null } };
    const wide = rows(41).map((row) => ({ ...row, prefix: "x".repeat(2_000) + row.prefix, suffix: "y".repeat(2_000) }));
    await compareAdapters(modelThat(), sides, wide, {
      guards: [],
      seed: 1,
      signal: AbortSignal.timeout(10_000),
      onSamples: (some) => (samples = some),
    });
    assert.equal(samples.length, 5);
    assert.deepEqual(
      samples.map(({ path }) => Number(/\d+/.exec(path)![0])),
      evenlySpaced([...wide.keys()], 5),
    );
    for (const { path, before, after, kept, champion, challenger } of samples) {
      const i = /\d+/.exec(path)![0];
      assert.equal(kept, `value${i};`);
      assert.deepEqual(challenger, { text: `value${i};`, accepted: true });
      assert.deepEqual(champion, { text: `wrong${i};`, accepted: false });
      assert.ok(before.endsWith(`const a${i} = `) && before.length === 480 && after.length === 240);
    }
  });

  it("keeps no secret that a model wrote, and no half of a character", async () => {
    const secret = ["ghp", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"].join("_");
    const [row] = rows(1);
    const [sample] = samplesOf([
      {
        row: { ...row!, prefix: `😀${"x".repeat(479)}`, suffix: `${"y".repeat(239)}😀` },
        champion: { text: `"${secret}"`, acceptedAtLine: false },
        challenger: { text: "value0;", acceptedAtLine: true },
      },
    ]);
    assert.equal(sample!.champion.text.includes(secret), false);
    assert.match(sample!.champion.text, /github/);
    assert.deepEqual([sample!.before, sample!.after], ["x".repeat(479), "y".repeat(239)]);
  });

  it("promotes an adapter that is better than the base model", async () => {
    const decision = await decide("0.8", null, rows(60));
    assert.equal(decision.verdict, "promote", decision.reason);
    assert.equal(decision.cases, 60);
    assert.equal(Math.abs(decision.acceptedAtLine.challenger - 0.8) < 1e-9, true);
    assert.equal(decision.acceptedAtLine.champion, 0);
  });

  it("refuses an adapter that is worse than the champion", async () => {
    assert.equal((await decide("0.3", "0.6", rows(60))).verdict, "refuse");
  });

  it("refuses an adapter that is the same as the champion", async () => {
    assert.equal((await decide("0.5", "0.5", rows(60))).verdict, "refuse");
  });

  it("refuses when there are too few cases to tell", async () => {
    assert.match((await decide("0.9", null, rows(8))).reason, /enough-cases/);
    assert.equal((await decide("0.9", null, [])).verdict, "refuse");
  });

  it("shows every case to both sides, in turns that change who goes first", async () => {
    const log: string[] = [];
    await decide("1", null, rows(24), log);
    assert.deepEqual(
      log.filter((line) => line.startsWith("set")),
      ["set 0", "set 1", "set 1", "set 0", "set 0", "set 1"],
    );
    for (let i = 0; i < 24; i++) assert.equal(log.filter((line) => line === `case ${i}`).length, 2);
  });

  it("decides by the loss as it is served, and says that of the models alone", async () => {
    const { heldOutLoss, lossAlone } = await decide("0.8", null, rows(60));
    for (const side of ["challenger", "champion"] as const)
      assert.ok(Math.abs(lossAlone![side] - heldOutLoss[side] - 1) < 1e-9);
  });

  it("lets both sides copy what feedback had found good before a turn's cases, and nothing of their group", async () => {
    const feedback = rows(40).map((row, i): DatasetRow => ({ ...row, source: i % 4 === 0 ? "history" : "feedback" }));
    const cases = feedback.slice(20);
    const encode = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0));
    const seen: string[] = [];
    const model = modelThat([], (memory) => {
      const remembers = (i: number): boolean => {
        const code = encode(`const a${i} = value${i}`);
        return memory?.tokens.matches(code).some(({ length }) => length === code.length) ?? false;
      };
      seen.push(feedback.flatMap((_, i) => (remembers(i) ? [i] : [])).join(" "));
    });
    await compareAdapters(
      model,
      { challenger: { adapter: { version: "0.8", dir: "" } }, champion: { adapter: null } },
      cases,
      {
        guards: [],
        remembered: followRememberedCode(feedback, encode),
        seed: 1,
        signal: AbortSignal.timeout(10_000),
      },
    );
    // Turns of 8, of which each case is completed and scored by both sides.
    assert.equal(seen.length, 20 * 4);
    for (let turn = 0; turn * 32 < seen.length; turn++)
      assert.equal(new Set(seen.slice(turn * 32, turn * 32 + 32)).size, 1, "both sides remember the same");
    // Cases of one turn have ten groups less two: what else feedback wrote before the first of them is remembered.
    const upTo = (end: number, groups: readonly number[]): string =>
      feedback.flatMap((_, i) => (i % 4 !== 0 && i < end && !groups.includes(i % 10) ? [i] : [])).join(" ");
    assert.equal(seen[0], upTo(20, [0, 1, 2, 3, 4, 5, 6, 7]));
  });

  it("ends when it is told to", async () => {
    const signal = AbortSignal.abort(new Error("cancelled"));
    const sides = { challenger: { adapter: null }, champion: { adapter: null } };
    await assert.rejects(compareAdapters(modelThat(), sides, rows(3), { guards: [], seed: 1, signal }), /cancelled/);
  });

  it("refuses an adapter that is better but takes noticeably more computing", async function () {
    this.timeout(60_000);
    const model = modelThat();
    let adapted = false;
    const slow: EvaluatedModel = {
      ...model,
      async setAdapter(adapter) {
        adapted = adapter !== null;
        await model.setAdapter(adapter);
      },
      async complete(request, signal) {
        // Processor time, as it is measured: on a busy machine the clock goes on without it.
        const before = process.cpuUsage();
        while (adapted && process.cpuUsage(before).user < 40_000) Math.sqrt(before.user);
        return model.complete(request, signal);
      },
    };
    const decision = await compareAdapters(
      slow,
      { challenger: { adapter: { version: "0.9", dir: "" } }, champion: { adapter: null } },
      rows(30),
      { guards: [], seed: 1, signal: AbortSignal.timeout(60_000) },
    );
    assert.equal(decision.verdict, "refuse");
    assert.match(decision.reason, /latency/);
  });

  it("takes cases from all of the time when there are too many", () => {
    assert.deepEqual(evenlySpaced([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 4), [0, 2, 5, 7]);
    assert.deepEqual(evenlySpaced([1, 2], 4), [1, 2]);
  });
});

describe("guards", () => {
  it("latency: a tenth or less than anyone notices", () => {
    const times = Array.from({ length: 20 }, () => 500);
    const slower = (ms: number) =>
      latencyGuard(
        times.map((time) => time + ms),
        times,
      ).holds;
    assert.deepEqual([slower(0), slower(40), slower(80), slower(-80)], [true, true, false, true]);
    assert.equal(latencyGuard([30], [15]).holds, true);
    assert.equal(latencyGuard([], []).holds, true);
  });

  it("latency: one slow case says nothing", () => {
    assert.equal(latencyGuard([10, 10, 10, 10, 900], [10, 10, 10, 10, 10]).holds, true);
  });

  it("length mix: shorter than what is written fails, nearer to it holds", () => {
    const written = Array.from({ length: 10 }, () => "a line of usual length");
    const short = written.map(() => "}");
    assert.equal(lengthMixGuard({ challenger: short, champion: written, written }).holds, false);
    assert.equal(lengthMixGuard({ challenger: written, champion: short, written }).holds, true);
  });

  for (const [what, values, holds] of [
    ["usual", [0.1, -0.2], true],
    ["not a number", [0.1, Number.NaN], false],
    ["infinite", [Infinity, 0], false],
    ["far too large", [1_000, 0], false],
    ["of a norm of 1e30", [1e30, 1e30], false],
    ["all zero", [0, 0], false],
  ] as const) {
    it(`weights: ${what} ${holds ? "holds" : "fails"}`, () =>
      assert.equal(weightGuard([["layer.lora_A", new Float32Array(values)]]).holds, holds));
  }

  it("forgetting: at most 2 % more loss on general code, and how much an adapter counts", () => {
    const of = (forgetting: number) => forgettingGuard({ forgetting, scale: 0.6 });
    assert.deepEqual(
      [of(-0.1), of(0.02), of(0.021), of(Number.NaN)].map(({ holds }) => holds),
      [true, true, false, false],
    );
    assert.equal(forgettingGuard({ forgetting: 0.04, scale: null }, 0.05).holds, true);
    assert.equal(
      of(0.013).detail,
      "loss on general code +1.3 % over the lowest of any scale, at most +2.0 %; the adapter counts 0.6 times what was trained",
    );
  });

  it("refuses an adapter that writes what looks like a credential, unless the prompt has it", () => {
    // Put together here, so that no scanner takes this file for a leak.
    const key = ["AKIA", "Q3EXAMPLE7ZKJ5WT"].join("");
    const written = `const key = "${key}";`;
    assert.equal(secretGuard([{ written, prompt: "const key = " }]).holds, false);
    assert.equal(secretGuard([{ written, prompt: `use("${key}");` }]).holds, true);
    assert.equal(secretGuard([{ written: "const key = readKey();", prompt: "" }]).holds, true);
    assert.equal(secretGuard([]).holds, true);
  });
});
