import type { LastingPurpose } from "../egress/allowances.ts";
import { permitsOf } from "../egress/allowances.ts";
import type { EgressPermit } from "../egress/permit.ts";
import { AppError } from "../errors.ts";
import { dataPlaces } from "../places.ts";
import { withStore } from "../settings.ts";
import { readActiveModel } from "./active-model.ts";
import type { ModelConfig } from "./model-config.ts";
import { readModelFile, resolveModelFile } from "./model-file.ts";
import { existsSync } from "node:fs";

/**
 * What a model's file says of a service: the file that `--config` names, else the one that is followed, where it
 * turns the service on. Null when neither says anything. @throws AppError `not-found`, `config-invalid`
 */
export function namedService<K extends "s3" | "huggingFace">(
  section: K,
  named: string | undefined,
  dataDir: string,
): ModelConfig[K] | null {
  if (named !== undefined) return readModelFile(resolveModelFile(named, process.cwd())).config[section];
  if (!existsSync(dataPlaces(dataDir).database)) return null;
  const followed = withStore(dataDir, ({ settings }) => readActiveModel(settings))?.config[section] ?? null;
  return followed?.enabled === true ? followed : null;
}

/**
 * The permission for an address that stands in a file: others write into that file too, so the person has to have
 * allowed the very address before. @throws AppError `egress-refused`
 */
export function lastingPermit(purpose: LastingPurpose, address: URL, dataDir: string): EgressPermit {
  const found = withStore(dataDir, ({ settings }) => permitsOf(settings)).find(
    (permit) => permit.purpose === purpose && permit.origin === address.origin,
  );
  if (found !== undefined) return found;
  throw new AppError("egress-refused", `The model's file names ${address.origin}, which you have not allowed.`, {
    hint: `kept egress allow ${purpose} ${address.origin}`,
  });
}
