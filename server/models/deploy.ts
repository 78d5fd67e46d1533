import type { DeployAnswer } from "../../protocol/model-file.ts";
import type { ModelVersionRow } from "../../protocol/api.ts";
import type { Canaries } from "../canary/canary.ts";
import { AppError } from "../errors.ts";
import type { Registry } from "../registry/registry.ts";
import { canonicalJson } from "../store/event-store.ts";
import type { Store } from "../store/store.ts";
import { BASE_ALONE } from "../training/training.ts";
import { gateSection } from "./model-config.ts";
import { readModelFile, type ModelFile } from "./model-file.ts";

export interface DeployParts {
  readonly store: Store;
  readonly registry: Registry;
  readonly canaries: Canaries;
  /** sha256 of the base model that is served. */
  readonly base: () => string;
}

/**
 * Serves a version, if the gate lets it: it has won against what serves now, on the base that serves now, with the
 * thresholds that the model's file has now, and nothing that it learnt from was forgotten since. On trial first,
 * where trials are on. @throws AppError `not-found`, `config-invalid`
 */
export function deployVersion(
  { store, registry, canaries, base }: DeployParts,
  request: { readonly version?: string | undefined; readonly config?: string | undefined },
): DeployAnswer {
  const file = request.config === undefined ? null : readModelFile(request.config);
  const id = request.version ?? store.versions.alias("candidate");
  if (id === null) return { outcome: "none", version: null, reason: "There is no candidate.", evaluation: null };
  const version = store.versions.get(id);
  if (version === null) throw new AppError("not-found", `There is no model version ${id}.`);
  const champion = store.versions.alias("champion");
  const answer = (outcome: DeployAnswer["outcome"], reason: string): DeployAnswer => ({
    outcome,
    version: id,
    reason,
    evaluation: version.evaluation,
  });
  if (champion === id) return answer("served", "It serves already.");
  if (store.canaries.running()?.version === id) return answer("trial", "It is on trial already.");
  const against = reasonAgainst(store, version, { champion, base: base(), file });
  if (against !== null) return answer("refused", against);
  store.transaction(() => canaries.deploy(id, champion, version.evaluation!.reason));
  registry.announce();
  return answer(store.versions.alias("champion") === id ? "promoted" : "trial", version.evaluation!.reason);
}

/** Why a version may not be served; null when it may. */
function reasonAgainst(
  store: Store,
  version: ModelVersionRow,
  now: { readonly champion: string | null; readonly base: string; readonly file: ModelFile | null },
): string | null {
  const { evaluation } = version;
  if (evaluation === null) return "It was not tested.";
  if (evaluation.verdict !== "promote") return evaluation.reason;
  if (version.tainted === true) return "It was trained on something that was forgotten since.";
  if (version.base !== now.base) return "It was trained for another base model than the one that serves.";
  if (evaluation.champion !== (now.champion ?? BASE_ALONE))
    return `It was tested against ${evaluation.champion}, and ${now.champion ?? "the base model alone"} serves now: train again.`;
  if (now.file === null) return null;
  const model = store.versions.manifest(version.id)?.model;
  if (model?.name !== now.file.config.name)
    return `It is a version of ${model?.name ?? "no model's file"}, not of ${now.file.config.name}.`;
  const tested = gateSection.safeParse((model.config as { gate?: unknown }).gate);
  const isSame = tested.success && canonicalJson(tested.data) === canonicalJson(now.file.config.gate);
  return isSame ? null : "It was tested with other thresholds than the file has now: train again.";
}
