import {
  boundLog,
  truncateLog,
  closeDatabase,
  damagedStore,
  joinDatabase,
  readDatabase,
  openDatabase,
  removeCopies,
  type Db,
} from "./database.ts";
import { openCanaryStore, type CanaryStore } from "./canary-store.ts";
import { openDatasetStore, type DatasetStore } from "./dataset-store.ts";
import { openDerivationStore, type DerivationStore } from "./derivation-store.ts";
import { openFilterStore, type FilterStore } from "./filter-store.ts";
import { openExpiry, type Expiry } from "./expiry.ts";
import { openEventStore, type EventStore } from "./event-store.ts";
import { openErasure, type Erasure } from "./erasure.ts";
import { openExampleStore, type ExampleStore } from "./example-store.ts";
import { openImportStore, type ImportStore } from "./import-store.ts";
import { openForgetStore, type ForgetStore } from "./forget-store.ts";
import { openJobStore, type JobStore } from "./job-store.ts";
import { openLabelStore, type LabelStore } from "./label-store.ts";
import { openOutboxStore, type OutboxStore } from "./outbox-store.ts";
import { openRunStore, type RunStore } from "./run-store.ts";
import { openSampleStore, type SampleStore } from "./sample-store.ts";
import { openScheduleStore, type ScheduleStore } from "./schedule-store.ts";
import { openSettingsStore, type SettingsStore } from "./settings-store.ts";
import { openSuggestionStore, type SuggestionStore } from "./suggestion-store.ts";
import { openVersionStore, type VersionStore } from "./version-store.ts";

/** All aggregates over one database. */
export interface Store extends Disposable {
  readonly db: Db;
  readonly events: EventStore;
  readonly derivations: DerivationStore;
  readonly suggestions: SuggestionStore;
  readonly labels: LabelStore;
  readonly examples: ExampleStore;
  readonly datasets: DatasetStore;
  readonly runs: RunStore;
  readonly imports: ImportStore;
  readonly samples: SampleStore;
  readonly versions: VersionStore;
  readonly canaries: CanaryStore;
  readonly filters: FilterStore;
  readonly jobs: JobStore;
  readonly forget: ForgetStore;
  readonly erasure: Erasure;
  readonly settings: SettingsStore;
  readonly schedule: ScheduleStore;
  readonly outbox: OutboxStore;
  readonly expiry: Expiry;
  /** Runs `work` in one transaction: all of it is durable or none of it happened. */
  transaction<T>(work: () => T): T;
  /**
   * The same for what can be computed again from what is durable: it is all there or not at all, and a power
   * cut before the next durable transaction may take it back. It needs no fsync.
   */
  derivedTransaction<T>(work: () => T): T;
  /** Runs `read` on the store as it is at one moment, whatever is written meanwhile. */
  moment<T>(read: () => T): T;
  /** Writes the log back into the file and empties it; false when somebody still reads it, or writes now. It does not wait. */
  truncateLog(): boolean;
  /** Cuts the log when it is large and nobody reads it. */
  boundLog(): void;
  /** Deletes the copies of earlier schemas: they hold what was forgotten since. */
  removeCopies(): void;
}

/** @throws AppError `newer-schema`, `corrupt-store` */
export function openStore(file: string): Store {
  const db = openDatabase(file);
  try {
    return { ...aggregates(db), [Symbol.dispose]: () => closeDatabase(db) };
  } catch (cause) {
    // The check of the pages passes a flipped bit in the name of a table; the statements do not.
    db.close();
    throw damagedStore(file, cause);
  }
}

/** A second connection, for another thread of the process that has opened and checked the store. */
export function joinStore(file: string): Store {
  const db = joinDatabase(file);
  return { ...aggregates(db), [Symbol.dispose]: () => void db.close() };
}

/** A connection that cannot write, for another process while the server has the store open. */
export function readStore(file: string): Store {
  const db = readDatabase(file);
  return { ...aggregates(db), [Symbol.dispose]: () => void db.close() };
}

function aggregates(db: Db): Omit<Store, typeof Symbol.dispose> {
  return {
    db,
    events: openEventStore(db),
    derivations: openDerivationStore(db),
    suggestions: openSuggestionStore(db),
    labels: openLabelStore(db),
    examples: openExampleStore(db),
    datasets: openDatasetStore(db),
    runs: openRunStore(db),
    imports: openImportStore(db),
    samples: openSampleStore(db),
    versions: openVersionStore(db),
    canaries: openCanaryStore(db),
    filters: openFilterStore(db),
    jobs: openJobStore(db),
    forget: openForgetStore(db),
    erasure: openErasure(db),
    settings: openSettingsStore(db),
    schedule: openScheduleStore(db),
    outbox: openOutboxStore(db),
    expiry: openExpiry(db),
    removeCopies: () => removeCopies(db),
    moment: (read) => db.transaction(read)(),
    boundLog: () => boundLog(db),
    truncateLog: () => truncateLog(db),
    transaction: (work) => db.transaction(work).immediate(),
    derivedTransaction(work) {
      db.pragma("synchronous = NORMAL");
      try {
        return db.transaction(work).immediate();
      } finally {
        db.pragma("synchronous = FULL");
      }
    },
  };
}
