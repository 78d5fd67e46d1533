import type { Canaries } from "../canary/canary.ts";
import type { DatasetReader } from "../datasets/contents.ts";
import type { DatasetExport } from "../datasets/export-in-worker.ts";
import type { Forgetting } from "../forget/forget.ts";
import type { Clock } from "../clock.ts";
import type { EventWriter } from "../ingest/event-writer.ts";
import type { LabelVersionsPart } from "../labels/label-versions.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { PushHub } from "../push/hub.ts";
import type { ContentFiles } from "../registry/content-files.ts";
import type { Registry } from "../registry/registry.ts";
import type { ScheduleState } from "../schedule/scheduler.ts";
import type { LabelStudio } from "../integrations/label-studio/integration.ts";
import type { Reserve } from "../reserve.ts";
import type { ServedEngine } from "../serving/served-engine.ts";
import type { Store } from "../store/store.ts";
import type { Training } from "../training/training.ts";
import type { DatasetRequest, DatasetRow } from "../../protocol/api.ts";
import type { ExportFormatName } from "../../protocol/datasets.ts";
import type { DeployAnswer, DeployRequest } from "../../protocol/model-file.ts";
import type { SignalRequest } from "../../protocol/signals.ts";
import type { Attributed } from "../signals/attribute.ts";
import type { LoginCodes } from "./login-codes.ts";
import type { Semaphore } from "./semaphore.ts";

/** What the routes work with. Joined in `app.ts`; a route file takes what it needs. */
export interface ServerParts {
  readonly store: Store;
  readonly files: ContentFiles;
  readonly registry: Registry;
  readonly canaries: Canaries;
  /** Completes for other editors. */
  readonly engine: ServedEngine;
  readonly training: Training;
  readonly labelStudio: Pick<LabelStudio, "admits" | "modelVersion" | "predict" | "notice">;
  /** Takes batches of events in; when it throws, nothing of the batch was stored. */
  readonly events: Pick<EventWriter, "take" | "settled" | "isOpen" | "derive">;
  /** Held while reading and storing batches that are larger than one event may be. */
  readonly largeBatches: Semaphore;
  /** Finds in a worker who wrote the lines that signals name; nothing is stored. */
  readonly attribute: (request: SignalRequest, signal: AbortSignal) => Promise<Attributed>;
  /** Held while a report's lines are looked for. */
  readonly attributions: Semaphore;
  /** Builds a dataset snapshot in a worker. */
  readonly buildDataset: (request: DatasetRequest, signal: AbortSignal) => Promise<DatasetRow>;
  readonly labels: LabelVersionsPart;
  /** Looks into datasets. */
  readonly datasets: Pick<DatasetReader, "contents" | "examples">;
  /** Writes a dataset for other tools, in a worker. */
  readonly exportDataset: (id: string, format: ExportFormatName, signal: AbortSignal) => Promise<DatasetExport>;
  /** Held while one is written. */
  readonly exports: Semaphore;
  /** When training starts by itself, and what it waits for. */
  readonly schedule: () => Promise<ScheduleState>;
  /** Serves a version if the gate lets it. */
  readonly deploy: (request: DeployRequest) => DeployAnswer;
  readonly reserve: Reserve;
  readonly forgetting: Forgetting;
  readonly hub: PushHub;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The token that counts now. */
  readonly token: () => string;
  /** The key of other editors, as it is now; null when there is none. */
  readonly endpointKey: () => string | null;
  /** Makes another token: the one before, and the codes made with it, count no more, and streams end. */
  readonly rotateToken: () => void;
  readonly loginCodes: LoginCodes;
  /** Folder of the built dashboard. */
  readonly mediaDir: string;
  /** The port once it is bound. */
  readonly port: () => number;
  /** Asks the process to end. */
  readonly shutdown: () => void;
}
