import { z } from "zod";
import { AppError } from "../errors.ts";
import { labelTableInUse, putLabelTableOfFile } from "../store/label-table.ts";
import type { SettingsStore } from "../store/settings-store.ts";
import type { Store } from "../store/store.ts";
import { modelConfigSchema, type ModelConfig } from "./model-config.ts";
import { readModelFile } from "./model-file.ts";

/**
 * The model's file that a server follows (`kept models use`). The file is the source of truth: the settings hold
 * what it said when it was last read, so that every process of the server sees the same, and a file with a mistake
 * changes nothing.
 */
const setting = z.object({
  file: z.string().nullable().default(null),
  sha256: z.string().nullable().default(null),
  config: modelConfigSchema.nullable().default(null),
  readAt: z.number().nullable().default(null),
});
const SETTING = "model";

export interface ActiveModel {
  readonly file: string;
  readonly sha256: string;
  readonly config: ModelConfig;
  /** Milliseconds since 1970. */
  readonly readAt: number;
}

/** Null while the server follows its own settings. */
export function readActiveModel(settings: SettingsStore): ActiveModel | null {
  const { file, sha256, config, readAt } = settings.get(SETTING, setting);
  return file === null || sha256 === null || config === null ? null : { file, sha256, config, readAt: readAt ?? 0 };
}

export type Followed =
  | { readonly kind: "unchanged" | "none" }
  /** Another file, or other bytes; `relabelled` suggestions get their labels anew. */
  | { readonly kind: "changed"; readonly model: ActiveModel; readonly relabelled: number }
  | { readonly kind: "wrong"; readonly message: string };

/** Follows a file from now on; null follows none. @throws AppError `config-invalid`, `not-found` */
export function useModelFile(store: Store, file: string | null, nowMs: number): ActiveModel | null {
  const read = file === null ? null : readModelFile(file);
  const model = read === null ? null : { ...read, readAt: nowMs };
  put(store, model, nowMs);
  return model;
}

/** Reads the followed file again when its bytes are others. A file that is gone or wrong leaves what was read before. */
export function refreshActiveModel(store: Store, nowMs: number): Followed {
  const before = readActiveModel(store.settings);
  if (before === null) return { kind: "none" };
  try {
    const read = readModelFile(before.file);
    if (read.sha256 === before.sha256) return { kind: "unchanged" };
    const model = { ...read, readAt: nowMs };
    return { kind: "changed", model, relabelled: put(store, model, nowMs) };
  } catch (error) {
    if (error instanceof AppError) return { kind: "wrong", message: error.message };
    throw error;
  }
}

/** In one transaction with what follows from it: other labels are other rows and examples. Answers how many. */
function put(store: Store, model: ActiveModel | null, nowMs: number): number {
  return store.transaction(() => {
    const before = labelTableInUse(store.settings).version;
    store.settings.put(SETTING, model ?? {}, nowMs);
    putLabelTableOfFile(store.settings, model?.config.labels ?? null, nowMs);
    if (labelTableInUse(store.settings).version === before) return 0;
    const labelled = store.labels.inShownOrder();
    store.derivations.add(labelled);
    return labelled.length;
  });
}

/** What the followed file says of the workflows that train and deploy it. */
export const ciSettingsOf = (model: ActiveModel | null) =>
  model === null ? null : { name: model.config.name, ...model.config.ci };
