import { float32Tensor, writeSafetensors } from "../../../engine/checkpoint/safetensors.ts";
import type { DatasetRow } from "../../../core/dataset-row.ts";
import { systemClock } from "../../../server/clock.ts";
import { prepareDataDir } from "../../../server/data-dir.ts";
import { recordSnapshot } from "../../../server/datasets/collect.ts";
import { writeSnapshot } from "../../../server/datasets/snapshot.ts";
import type { DataPlaces } from "../../../server/places.ts";
import { createPushHub } from "../../../server/push/hub.ts";
import { openContentFiles } from "../../../server/registry/content-files.ts";
import { createRegistry } from "../../../server/registry/registry.ts";
import { openStore, type Store } from "../../../server/store/store.ts";
import { sampleSession, shownWith } from "../../server/sample-events.ts";
import { storeEvents } from "../../server/store-events.ts";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

export interface FilledFolder {
  readonly places: DataPlaces;
  readonly suggestionIds: readonly string[];
  readonly dataset: string;
  readonly version: string;
}

/** What PEFT writes for one layer of a small model. */
export const ADAPTER_CONFIG = JSON.stringify({
  peft_type: "LORA",
  task_type: "CAUSAL_LM",
  base_model_name_or_path: null,
  r: 1,
  lora_alpha: 2,
  target_modules: ["q_proj"],
});

export const adapterWeights = (first = 0.5): Uint8Array =>
  writeSafetensors(
    new Map([
      [
        "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
        float32Tensor(Float32Array.of(first, 1), [1, 2]),
      ],
      ["base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight", float32Tensor(Float32Array.of(1, -1), [2, 1])],
    ]),
  );

/** A data folder with suggestions, a dataset of one of them, a run, and a version that is served. */
export function fillFolder(dataDir: string, nSuggestions = 3): FilledFolder {
  const places = prepareDataDir(dataDir);
  using store = openStore(places.database);
  const session = sampleSession();
  const suggestionIds = Array.from({ length: nSuggestions }, () => uuidv7());
  for (const id of suggestionIds) {
    const [shown, ...rest] = session.story("shown read accepted retained", id);
    const first = shownWith(session, id, { completion: `return ${id};`, path: `src/${id}.ts` });
    storeEvents(store, [{ ...first, sequence: shown!.sequence }, ...rest]);
  }
  // What happens to the first one last makes it the newest example.
  storeEvents(store, session.story("rated", suggestionIds[0]));
  const { dataset, version } = addVersion(store, places, suggestionIds[0]!);
  return { places, suggestionIds, dataset, version };
}

/** A dataset, a run with its curve and evaluation, and its version as champion. */
export function addVersion(
  store: Store,
  places: DataPlaces,
  suggestionId: string,
  weights = adapterWeights(),
): { dataset: string; version: string } {
  const row: DatasetRow = {
    id: suggestionId,
    suggestionId,
    source: "feedback",
    root: "/projects/demo",
    path: "src/sum.ts",
    language: "typescript",
    prefix: "a",
    suffix: "b",
    examples: [],
    completion: `c ${suggestionId}`,
    good: true,
    weight: 1,
    writtenAt: 1,
    group: "g",
  };
  const origin = {
    eventWatermark: store.events.watermark(),
    labelVersion: "1",
    workspaces: [],
    seed: 1,
    codeVersion: "0",
  };
  const snapshot = writeSnapshot(places.datasets, [row], origin);
  recordSnapshot(store, snapshot, systemClock);
  const runId = uuidv7();
  store.runs.create({
    id: runId,
    request: { strategy: "lora", backend: "onnx", workspaces: [], overrides: {} },
    createdAt: 5,
  });
  store.runs.setDataset(runId, snapshot.id);
  store.runs.addPoint({
    runId,
    step: 1,
    totalSteps: 2,
    loss: 2.5,
    validationLoss: null,
    tokensPerSecond: 100.5,
    secondsLeft: 3,
  });
  const adapterDir = path.join(places.runs, runId);
  mkdirSync(adapterDir, { recursive: true });
  writeFileSync(path.join(adapterDir, "adapter_config.json"), ADAPTER_CONFIG);
  writeFileSync(path.join(adapterDir, "adapter_model.safetensors"), weights);
  const registry = createRegistry({
    store,
    files: openContentFiles(places.files),
    clock: systemClock,
    hub: createPushHub(),
    adaptersDir: places.adapters,
    base: () => "b".repeat(64),
  });
  const { id: version } = registry.register({
    adapterDir,
    base: "b".repeat(64),
    runId,
    datasetId: snapshot.id,
    hyperParameters: {},
  });
  registry.moveAlias("champion", store.versions.alias("champion"), version, "It won.");
  store.runs.setTrained(runId, version, { first: 2.5, last: 1.5 });
  store.samples.put(runId, [
    {
      suggestionId,
      root: row.root,
      path: row.path,
      language: row.language,
      before: row.prefix,
      after: row.suffix,
      kept: row.completion,
      champion: { text: "d", accepted: false },
      challenger: { text: row.completion, accepted: true },
    },
  ]);
  store.runs.finish(runId, "succeeded", 9, null);
  return { dataset: snapshot.sha256, version };
}
