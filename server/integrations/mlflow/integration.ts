import type { Clock } from "../../clock.ts";
import { allowances } from "../../egress/allowances.ts";
import type { Egress, EgressLimits } from "../../egress/egress.ts";
import { createJsonClient } from "../../egress/json-client.ts";
import type { Log } from "../../log.ts";
import { startDrain, type Drain } from "../../outbox/drain.ts";
import type { ContentFiles } from "../../registry/content-files.ts";
import type { Store } from "../../store/store.ts";
import { createMlflowClient, type MlflowClient } from "./client.ts";
import { deliverToMlflow } from "./deliver.ts";
import { MLFLOW, mlflowHeaders, readMlflow } from "./settings.ts";

/** Tells MLflow of runs, versions and aliases, as long as a person has connected it. */
export function startMlflow(parts: {
  readonly store: Store;
  readonly files: Pick<ContentFiles, "read">;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
  readonly env: NodeJS.ProcessEnv;
  readonly everyMs?: number | undefined;
  readonly limits?: Partial<EgressLimits>;
}): Drain {
  const { store, files, clock, log } = parts;
  return startDrain({
    store,
    destination: MLFLOW,
    clock,
    log,
    everyMs: parts.everyMs,
    isOn: () => store.outbox.isOpen(MLFLOW) && mlflowAddress(store) !== null,
    deliver(row, signal) {
      const client = connectMlflow({ ...parts, base: mlflowAddress(store)!, signal });
      return deliverToMlflow({ store, files, client, settings: readMlflow(store.settings), clock }, row);
    },
  });
}

/** Where MLflow is, or null while nothing may be sent there. */
export function mlflowAddress({ settings }: Pick<Store, "settings">): URL | null {
  const found = allowances(settings).find(({ purpose }) => purpose === MLFLOW);
  return found === undefined ? null : new URL(found.url);
}

export const connectMlflow = (parts: {
  readonly base: URL;
  readonly egress: Egress;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly limits?: Partial<EgressLimits>;
}): MlflowClient =>
  createMlflowClient(
    createJsonClient({
      egress: parts.egress,
      purpose: MLFLOW,
      name: "MLflow",
      base: parts.base,
      headers: () => mlflowHeaders(parts.env),
      ...(parts.limits === undefined ? {} : { limits: parts.limits }),
    }),
    parts.signal,
  );
