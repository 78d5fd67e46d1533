import { prepareDataDir } from "./data-dir.ts";
import { AppError } from "./errors.ts";
import { acquireInstanceLock } from "./instance-lock.ts";
import { joinStore, openStore, type Store } from "./store/store.ts";

/** The store of a data folder, for a command. */
export interface OpenForChange extends Disposable {
  readonly store: Store;
}

/** One short change, or look. */
export function withStore<T>(dataDir: string, work: (store: Store) => T): T {
  using open = openForChange(dataDir);
  return work(open.store);
}

/**
 * The store of a data folder for changes by a command: of its own when no server runs, otherwise beside the
 * server, which reads settings whenever it needs them.
 * @throws AppError `newer-schema`, `corrupt-store`
 */
export function openForChange(dataDir: string): OpenForChange {
  const places = prepareDataDir(dataDir);
  let lock: Disposable;
  try {
    lock = acquireInstanceLock(places.lock);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "already-running") throw error;
    const store = joinStore(places.database);
    return { store, [Symbol.dispose]: () => store[Symbol.dispose]() };
  }
  try {
    const store = openStore(places.database);
    return {
      store,
      [Symbol.dispose]() {
        store[Symbol.dispose]();
        lock[Symbol.dispose]();
      },
    };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}
