import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod";
import { evenlySpaced } from "../../core/statistics/evenly-spaced.ts";
import type { Model } from "../../engine/generate/model.ts";
import { generalPlaces } from "../places.ts";
import type { TrainingRow } from "./backend.ts";

/** A cursor in code that is nobody's but Kept's own. */
const place = z.object({
  path: z.string(),
  prefix: z.string(),
  suffix: z.string(),
  /** What stands there: such a place is never learnt, it says what is forgotten. */
  written: z.string().optional(),
});

/** Part of what a run learns from that is general, unless it is told another one. */
export const GENERAL_SHARE = 0.1;
/** A line is rarely longer; what is longer is learnt as far as it goes. */
const MAX_TOKENS = 32;
const FILE = "general.json";

/**
 * Rows against forgetting: what the base model itself writes at places in Kept's own source, which are shipped with
 * it. An adapter that learns them beside a history stays near the base model elsewhere, and nothing of anybody else's
 * code is in them. As many as make `share` of all rows, as far as there are places, each of the mean weight of `rows`. Kept in the run's folder,
 * so that a run that goes on has the same.
 */
export async function generalRows(
  model: Pick<Model, "complete">,
  {
    rows,
    share,
    runDir,
  }: { readonly rows: readonly { weight: number }[]; readonly share: number; readonly runDir: string },
  signal: AbortSignal,
): Promise<readonly TrainingRow[]> {
  const kept = path.join(runDir, FILE);
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, "utf8")) as TrainingRow[];
  const places = readPlaces().filter(({ written }) => written === undefined);
  const weight = rows.reduce((sum, row) => sum + row.weight, 0) / Math.max(1, rows.length);
  const general: TrainingRow[] = [];
  for (const [i, one] of evenlySpaced(places, Math.round((rows.length * share) / (1 - share))).entries()) {
    signal.throwIfAborted();
    const request = { ...one, repository: "kept", examples: [] };
    const { text } = await model.complete({ ...request, maxTokens: MAX_TOKENS, lines: "single" }, signal);
    if (text.trim() === "") continue;
    general.push({ ...request, suggestionId: `general-${i}`, completion: text, weight, isGeneral: true });
  }
  writeFileSync(kept, JSON.stringify(general));
  return general;
}

/** Places in other files of Kept's own source, with what stands there. Nothing is learnt from them. */
export const heldBackPlaces = () =>
  readPlaces().flatMap(({ written, ...one }) => (written === undefined ? [] : [{ ...one, written }]));

const readPlaces = () =>
  readFileSync(generalPlaces(), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => place.parse(JSON.parse(line)));
