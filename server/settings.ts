import { prepareDataDir } from "./data-dir.ts";
import { AppError } from "./errors.ts";
import { acquireInstanceLock } from "./instance-lock.ts";
import { joinStore, openStore, type Store } from "./store/store.ts";

/**
 * The store of a data folder for one short change by a command: of its own when no server runs, otherwise
 * beside the server, which reads settings whenever it needs them.
 * @throws AppError `newer-schema`, `corrupt-store`
 */
export function withStore<T>(dataDir: string, work: (store: Store) => T): T {
  const places = prepareDataDir(dataDir);
  let lock: Disposable;
  try {
    lock = acquireInstanceLock(places.lock);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "already-running") throw error;
    using store = joinStore(places.database);
    return work(store);
  }
  using _lock = lock;
  using store = openStore(places.database);
  return work(store);
}
