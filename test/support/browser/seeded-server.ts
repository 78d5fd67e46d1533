import path from "node:path";
import { openContentFiles } from "../../../server/registry/content-files.ts";
import { openStore } from "../../../server/store/store.ts";
import { type KeptServer, startKeptServer } from "./kept-server.ts";
import { type PastRun, putPastRun } from "./training-history.ts";

/** Two finished runs, the later one refused; the earlier one's version is the champion. */
export const PAST: readonly [PastRun, PastRun] = [
  {
    runId: "run-won",
    datasetId: "dataset-1",
    versionId: "version-1",
    atMs: Date.now() - 7_200_000,
    verdict: "promote",
  },
  {
    runId: "run-lost",
    datasetId: "dataset-2",
    versionId: "version-2",
    atMs: Date.now() - 3_600_000,
    verdict: "refuse",
  },
];

/** A server whose data folder already holds `PAST`. */
export function startSeededServer(): Promise<KeptServer> {
  return startKeptServer((dataDir) => {
    using store = openStore(path.join(dataDir, "kept.db"));
    const files = openContentFiles(path.join(dataDir, "files"));
    for (const run of PAST) putPastRun(store, files, run);
    store.versions.moveAlias(
      { alias: "champion", expected: null, to: PAST[0].versionId, reason: "won" },
      PAST[0].atMs + 140_000,
    );
  });
}
