import type { DatasetRow } from "../../core/dataset-row.ts";
import { evenlySpaced } from "../../core/statistics/evenly-spaced.ts";
import {
  DEFAULT_GATE,
  decidePromotion,
  type CaseMeasures,
  type GateDecision,
  type GateThresholds,
  type Guard,
} from "../../core/evaluation/gate.ts";
import { acceptedAtLine, editSimilarity } from "../../core/evaluation/similarity.ts";
import type { Completion, CompletionRequest } from "../../engine/generate/completion.ts";
import type { RepositoryMemory } from "../../engine/generate/generator.ts";
import type { Model } from "../../engine/generate/model.ts";
import { samplesOf } from "./samples.ts";
import { latencyGuard, lengthMixGuard, secretGuard } from "./guards.ts";
import type { EvaluationSample } from "../../protocol/samples.ts";
import type { RememberedCode } from "./remembered.ts";
import path from "node:path";

/** Both measures of the text look at the first line only. */
const MAX_TOKENS = 48;

/** The parts of a model that an evaluation needs. */
export type EvaluatedModel = Pick<Model, "complete" | "scoreCompletion" | "setAdapter">;

export interface Side {
  /** Null is the base model alone. */
  readonly adapter: { readonly version: string; readonly dir: string } | null;
}

/**
 * Runs challenger and champion on the same later cases and lets the gate decide. Both see the prompt as
 * it was and copy from the code that was remembered then; the loss is of the text that was really written.
 */
export async function compareAdapters(
  model: EvaluatedModel,
  sides: { readonly challenger: Side; readonly champion: Side },
  rows: readonly DatasetRow[],
  options: {
    readonly guards: readonly Guard[];
    /** What both copy from beside the prompt, as in an editor; nothing unless given. */
    readonly remembered?: RememberedCode;
    readonly seed: number;
    readonly signal: AbortSignal;
    /** As Kept ships them unless given. */
    readonly thresholds?: GateThresholds | undefined;
    /** Takes a few of the cases, for people to read. */
    readonly onSamples?: (samples: readonly EvaluationSample[]) => void;
  },
): Promise<GateDecision> {
  const { maxCases, ...thresholds } = options.thresholds ?? DEFAULT_GATE;
  const cases = evenlySpaced(
    rows.filter((row) => row.good && row.completion.trim() !== ""),
    maxCases,
  );
  const { champion, challenger } = await measureBoth(model, sides, cases, options);
  const written = ({ completion: { text }, measures: { acceptedAtLine } }: Measured) => ({ text, acceptedAtLine });
  options.onSamples?.(
    samplesOf(cases.map((row, i) => ({ row, champion: written(champion[i]!), challenger: written(challenger[i]!) }))),
  );
  return decidePromotion({
    ...thresholds,
    cases: cases.map(({ group, person }, i) => ({
      group,
      person,
      challenger: challenger[i]!.measures,
      champion: champion[i]!.measures,
    })),
    guards: [
      ...options.guards,
      secretGuard(
        challenger.map(({ completion }, i) => ({
          written: completion.text,
          prompt: cases[i]!.prefix + cases[i]!.suffix,
        })),
      ),
      latencyGuard(challenger.map(suggestionMs), champion.map(suggestionMs), thresholds.maxSlowdown),
      lengthMixGuard(
        {
          challenger: challenger.map(({ completion }) => completion.text),
          champion: champion.map(({ completion }) => completion.text),
          written: cases.map(({ completion }) => completion.split("\n", 1)[0]!),
        },
        thresholds.maxLengthDistance,
      ),
    ],
    seed: options.seed,
  });
}

interface Measured {
  readonly completion: Completion;
  /** Processor time of the completion, milliseconds: what else the machine does is not in it. */
  readonly cpuMs: number;
  readonly measures: CaseMeasures;
}

/** Cases of one turn. Sides take turns, so that what else the machine does meets both alike. */
const TURN_CASES = 8;

async function measureBoth(
  model: EvaluatedModel,
  sides: { readonly challenger: Side; readonly champion: Side },
  cases: readonly DatasetRow[],
  { remembered, signal }: { readonly remembered?: RememberedCode; readonly signal: AbortSignal },
): Promise<{ challenger: Measured[]; champion: Measured[] }> {
  const measured: { challenger: Measured[]; champion: Measured[] } = { challenger: [], champion: [] };
  for (let at = 0; at < cases.length; at += TURN_CASES) {
    const turn = cases.slice(at, at + TURN_CASES);
    await remembered?.forwardTo(turn);
    const isEven = (at / TURN_CASES) % 2 === 0;
    for (const name of isEven ? (["champion", "challenger"] as const) : (["challenger", "champion"] as const)) {
      await model.setAdapter(sides[name].adapter);
      for (const row of turn) measured[name].push(await measure(model, row, remembered?.memoryAt(row) ?? null, signal));
    }
  }
  return measured;
}

async function measure(
  model: EvaluatedModel,
  row: DatasetRow,
  memory: RepositoryMemory | null,
  signal: AbortSignal,
): Promise<Measured> {
  signal.throwIfAborted();
  const request = requestFor(row);
  const before = process.cpuUsage();
  const completion = await model.complete(request, signal, { memory });
  const { user, system } = process.cpuUsage(before);
  const { nats, servedNats, nTokens } = await model.scoreCompletion(request, row.completion, { memory });
  return {
    completion,
    cpuMs: (user + system) / 1_000,
    measures: {
      acceptedAtLine: acceptedAtLine(completion.text, row.completion),
      editSimilarity: editSimilarity(completion.text, row.completion),
      heldOutLoss: servedNats / nTokens,
      lossAlone: nats / nTokens,
    },
  };
}

const requestFor = (row: DatasetRow): CompletionRequest => ({
  prefix: row.prefix,
  suffix: row.suffix,
  path: row.path,
  repository: path.basename(row.root),
  examples: row.examples,
  maxTokens: MAX_TOKENS,
  lines: "single",
});

/** A suggestion of usual length, so that writing more is not called slower. */
const USUAL_TOKENS = 12;

/** Processor time that a suggestion of usual length would have taken, milliseconds. */
function suggestionMs({ completion, cpuMs }: Measured): number {
  const { prefillMs, decodeMs, nTokens } = completion;
  const elapsed = prefillMs + decodeMs;
  const usual = prefillMs + (decodeMs / Math.max(1, nTokens)) * USUAL_TOKENS;
  return elapsed === 0 ? 0 : cpuMs * (usual / elapsed);
}
