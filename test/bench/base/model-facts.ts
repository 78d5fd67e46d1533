import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import type { Model } from "../../../engine/generate/model.ts";
import type { CardResult } from "./model-card.ts";
import type { Measurement } from "./measurement.ts";

/** Size of the model. The weights' hash stands as the revision: a card describes these weights or others. */
export function factsOf(model: Model, folder: string): Measurement {
  const names = readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
  const weightBytes = names.reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
  const figures = { parameters: model.info.nParameters, weightBytes };
  return {
    task: "training",
    dataset: "model",
    revision: model.info.sha256.slice(0, 16),
    limit: 0,
    figures,
    details: {},
  };
}

/** The facts with the tokens that training saw: as given, or from a card that describes the same weights. */
export function withTokensSeen(
  facts: Measurement,
  given: number | null,
  card: readonly CardResult[] | null,
): Measurement {
  const stated = card?.find(({ task, revision }) => task === "training" && revision === facts.revision);
  const tokensSeen = given ?? stated?.figures["tokensSeen"];
  return tokensSeen === undefined ? facts : { ...facts, figures: { ...facts.figures, tokensSeen } };
}
