import type { CaseMeasures, GateCase } from "../../../core/evaluation/gate.ts";
import { readPackedLines } from "../harness/packed-lines.ts";

/** Two methods without a model, of which the second sees the visible prefix too. */
const CHAMPION = "cont.ret-naive";
const CHALLENGER = "cont.ret+local";

/**
 * Pairs from the per-point results of replay sets: `id, commit, method, accepted (0 or 1), edit similarity`. These
 * methods have no loss, so it is the same on both sides, and accepted@line has to be the primary metric.
 */
export async function readBaselinePairs(file: string, signal: AbortSignal): Promise<GateCase[]> {
  const sides = new Map<string, { group: string; champion?: CaseMeasures; challenger?: CaseMeasures }>();
  for await (const line of readPackedLines(file, signal)) {
    const [id, commit, method, accepted, similarity] = line.split("\t");
    if (!id || !commit || (method !== CHAMPION && method !== CHALLENGER)) continue;
    const measures = { acceptedAtLine: accepted === "1", editSimilarity: Number(similarity), heldOutLoss: 0 };
    const known = sides.get(id) ?? { group: commit };
    sides.set(id, { ...known, [method === CHAMPION ? "champion" : "challenger"]: measures });
  }
  return [...sides.values()].flatMap(({ group, champion, challenger }) =>
    champion && challenger ? [{ group, champion, challenger }] : [],
  );
}
