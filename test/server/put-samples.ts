import { joinStore } from "../../server/store/store.ts";
import type { RunningApp } from "./running-app.ts";
import { v7 as uuidv7 } from "uuid";

/** A run with one place of its test, at which a model wrote what the story has; of a dataset or of none. */
export function putSamples(
  server: RunningApp,
  names: { readonly path: string; readonly completion: string },
  datasetId: string | null,
): string {
  using store = joinStore(server.app.places.database);
  const runId = uuidv7();
  const request = { strategy: "lora", backend: "onnx", workspaces: [], overrides: {} } as const;
  store.transaction(() => {
    store.runs.create({ id: runId, request: { ...request, workspaces: [] }, createdAt: 1 });
    if (datasetId !== null) store.runs.setDataset(runId, datasetId);
    store.samples.put(runId, [
      {
        suggestionId: null,
        root: "/projects/demo",
        // Of its dataset it is another place: that alone says that it goes.
        path: datasetId === null ? names.path : "src/other.ts",
        language: "typescript",
        before: "const a = ",
        after: "",
        kept: "1;",
        champion: { text: "1;", accepted: true },
        challenger: { text: names.completion, accepted: false },
      },
    ]);
  });
  return runId;
}

export const samplesOf = async (server: RunningApp, runId: string): Promise<unknown[]> =>
  (await server.call("GET", `/v1/training/runs/${runId}/samples`)).body.samples as unknown[];
