import { z } from "zod";
import { writeFileDurably } from "../durable-file.ts";
import { AppError } from "../errors.ts";
import { baseModelIdentity } from "../registry/base-model.ts";
import { pulledModels } from "../hub/pulled-models.ts";
import { resolveModelDir } from "../places.ts";
import { modelConfigSchema, type ModelConfig } from "./model-config.ts";
import type { ModelFile } from "./model-file.ts";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** The file as it was when a run was asked for: what is written into it later changes no run. */
const frozenModel = z.object({ file: z.string(), sha256: z.string(), config: modelConfigSchema });
export type FrozenModel = Readonly<z.infer<typeof frozenModel>>;

const NAME = "model.json";

/** Keeps a copy with the run. */
export function freezeModel(runDir: string, { file, sha256, config }: ModelFile): void {
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  writeFileDurably(path.join(runDir, NAME), Buffer.from(JSON.stringify({ file, sha256, config })), 0o600);
}

/** Null for a run without a model's file. */
export function readFrozenModel(runDir: string): FrozenModel | null {
  const file = path.join(runDir, NAME);
  return existsSync(file) ? frozenModel.parse(JSON.parse(readFileSync(file, "utf8"))) : null;
}

/**
 * What a version's manifest says of the file that it was trained with. The manifest goes where the version goes, to
 * MLflow, a bucket or a hub: folders stand in it as seen from the file, and none that tells whose machine it was.
 */
export const describedModel = ({ file, sha256, config }: FrozenModel) => {
  const folder = path.dirname(file);
  const seen = (place: string): string => (path.isAbsolute(place) ? seenFrom(folder, place) : place);
  return {
    name: config.name,
    file: path.posix.join(path.basename(folder), path.basename(file)),
    sha256,
    config: {
      ...config,
      base: seen(config.base),
      dataset: { ...config.dataset, workspaces: config.dataset.workspaces.map(seen) },
    },
  };
};

/** The way from one folder to another; the last name alone where they have nothing but the root in common. */
function seenFrom(folder: string, place: string): string {
  const way = path.relative(folder, place);
  const nUp = way.split(path.sep).filter((part) => part === "..").length;
  const isFar = path.isAbsolute(way) || nUp >= folder.split(path.sep).filter((part) => part !== "").length;
  return isFar ? path.basename(place) : way.split(path.sep).join("/") || ".";
}

/** The folder of a model's base. @throws AppError `no-model` for one that was not pulled */
export function baseFolder({ base }: Pick<ModelConfig, "base">, pulledDir: string): string {
  if (base === "base") return resolveModelDir(undefined, {});
  if (path.isAbsolute(base)) return base;
  const pulled = pulledModels(pulledDir).find(({ repo }) => repo === base);
  if (pulled !== undefined) return pulled.dir;
  throw new AppError("no-model", `The base model ${base} is not here.`, {
    hint: `\`kept models pull ${base}\` gets it.`,
  });
}

/** An adapter fits one base: the server has to serve the one that the file names. @throws AppError `invalid`, `no-model` */
export function requireSameBase(
  model: ModelFile,
  serving: { readonly modelDir: string; readonly identity: () => string },
  pulledDir: string,
): void {
  const folder = baseFolder(model.config, pulledDir);
  if (path.resolve(folder) === path.resolve(serving.modelDir)) return;
  if (baseModelIdentity(folder)() === serving.identity()) return;
  throw new AppError(
    "invalid",
    `${model.file} is for the base model in ${folder}; this server serves ${serving.modelDir}.`,
    {
      hint: "Start the server with `kept serve --config` and the file.",
    },
  );
}
