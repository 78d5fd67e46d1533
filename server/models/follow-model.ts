import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Store } from "../store/store.ts";
import { readActiveModel, refreshActiveModel } from "./active-model.ts";
import type { ModelFile } from "./model-file.ts";

/** The model's file that the server follows. */
export interface FollowedModel extends Disposable {
  /** As it is now; null while the server follows none. A file that is wrong or gone leaves what was read before. */
  now(): ModelFile | null;
}

/** Between two looks at the file, milliseconds: it is small, and people wait for what they have just written. */
const EVERY_MS = 5_000;

/** Looks at the followed file, and lets what was labelled with other numbers be labelled anew. */
export function followModel(parts: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Computes what waits for new labels. */
  readonly derive: () => void;
  readonly everyMs?: number | undefined;
}): FollowedModel {
  const { store, clock, log } = parts;
  let said: string | null = null;
  const look = (): void => {
    const followed = refreshActiveModel(store, clock.wallMs());
    if (followed.kind === "changed")
      log.info({ event: "model-file-read", file: followed.model.file, relabelled: followed.relabelled });
    if (followed.kind === "wrong" && followed.message !== said)
      log.warn({ event: "model-file-wrong", message: followed.message });
    said = followed.kind === "wrong" ? followed.message : null;
    // `kept models use` puts them there from a process of its own.
    if (store.derivations.count() > 0) parts.derive();
  };
  const timer = setInterval(() => {
    try {
      look();
    } catch (err) {
      // The store is busy or gone: the server says so elsewhere, and the next look tries again.
      log.error({ event: "model-file-not-read", err });
    }
  }, parts.everyMs ?? EVERY_MS);
  timer.unref();
  look();
  return {
    now() {
      look();
      return readActiveModel(store.settings);
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
