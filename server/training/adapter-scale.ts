import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import {
  chooseScale,
  LAST_SCALE,
  SCALES,
  type ScaleChoice,
  type ScaleLook,
} from "../../core/evaluation/adapter-scale.ts";
import { evenlySpaced } from "../../core/statistics/evenly-spaced.ts";
import type { Model } from "../../engine/generate/model.ts";
import { ADAPTER_CONFIG_FILE } from "../../engine/lora/adapter.ts";
import type { TrainingRow } from "./backend.ts";
import { heldBackPlaces } from "./general-rows.ts";

/** Rows of a run that say how much its adapter counts, spread evenly: they cost one reading each at every scale. */
const MAX_ROWS = 64;

/** How much an adapter counts, and what was measured to choose that. */
export interface ScaleFit extends ScaleChoice {
  readonly looks: readonly ScaleLook[];
  /** Of the base model alone. */
  readonly base: Omit<ScaleLook, "scale">;
}

type ScoredModel = Pick<Model, "scoreCompletion">;

/**
 * Chooses how much a trained adapter counts and writes that into its folder, as PEFT's `lora_alpha`: by the loss on
 * `heldBack` rows, as far as general code is not forgotten. Without rows the most that is not forgotten.
 */
export async function fitScale(
  model: ScoredModel & Pick<Model, "setAdapter">,
  {
    adapterDir,
    heldBack,
    maxForgetting,
  }: {
    readonly adapterDir: string;
    readonly heldBack: readonly TrainingRow[];
    readonly maxForgetting?: number | undefined;
  },
  signal: AbortSignal,
): Promise<ScaleFit> {
  const rows = evenlySpaced(
    heldBack.filter(({ completion }) => completion.trim() !== ""),
    MAX_ROWS,
  );
  const measure = async (): Promise<Omit<ScaleLook, "scale">> => ({
    heldBack: rows.length === 0 ? null : await meanLoss(model, rows, signal),
    general: await generalLoss(model, signal),
  });
  const write = scaleWriter(adapterDir);
  await model.setAdapter(null);
  const base = await measure();
  const looks: ScaleLook[] = [];
  const look = async (scale: number): Promise<void> => {
    write(scale);
    await model.setAdapter({ version: `scale ${scale}`, dir: adapterDir });
    looks.push({ scale, ...(await measure()) });
  };
  try {
    for (const scale of SCALES) await look(scale);
    if (!chooseScale(looks, base, maxForgetting).holds) await look(LAST_SCALE);
  } finally {
    write(1);
    await model.setAdapter(null);
  }
  const fit = { ...chooseScale(looks, base, maxForgetting), looks, base };
  write(fit.chosen.scale);
  appendFileSync(path.join(adapterDir, "README.md"), cardOf(fit));
  return fit;
}

/** Mean loss of what was really written at the places that nothing is learnt from, nats a token. */
export async function generalLoss(model: ScoredModel, signal: AbortSignal): Promise<number> {
  const rows = heldBackPlaces().map((place) => ({
    ...place,
    repository: "kept",
    examples: [],
    completion: place.written,
  }));
  return meanLoss(model, rows, signal);
}

type ScoredRow = Pick<TrainingRow, "path" | "prefix" | "suffix" | "repository" | "examples" | "completion">;

async function meanLoss(model: ScoredModel, rows: readonly ScoredRow[], signal: AbortSignal): Promise<number> {
  let sum = 0;
  for (const row of rows) {
    signal.throwIfAborted();
    const { nats, nTokens } = await model.scoreCompletion({ ...row, maxTokens: 1, lines: "single" }, row.completion);
    sum += nats / nTokens;
  }
  return sum / rows.length;
}

/** Writes a folder's `lora_alpha` as so many times what it is now. */
function scaleWriter(adapterDir: string): (scale: number) => void {
  const file = path.join(adapterDir, ADAPTER_CONFIG_FILE);
  const config = JSON.parse(readFileSync(file, "utf8")) as { readonly lora_alpha: number };
  return (scale) => {
    writeFileSync(file, `${JSON.stringify({ ...config, lora_alpha: config.lora_alpha * scale }, null, 2)}\n`);
  };
}

function cardOf({ looks, base, chosen }: ScaleFit): string {
  const row = (name: string, { heldBack, general }: Omit<ScaleLook, "scale">) =>
    `| ${name} | ${heldBack?.toFixed(4) ?? "–"} | ${general.toFixed(4)} |`;
  return `
## Scale

The adapter counts ${chosen.scale} times what was trained: of the scales looked at that forget no more than they may, the
one that is best on rows held back.

| scale | held-back rows, nats per token | general code |
|---|---|---|
${[row("none", base), ...looks.map((look) => row(`${look.scale}${look === chosen ? ", chosen" : ""}`, look))].join("\n")}
`;
}
