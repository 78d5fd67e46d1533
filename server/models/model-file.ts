import { z } from "zod";
import { findSecrets } from "../../core/redaction.ts";
import { hashOf } from "../content-hash.ts";
import { AppError } from "../errors.ts";
import { runConfigurationSchema } from "../training/run-configuration.ts";
import { modelConfigSchema, type ModelConfig } from "./model-config.ts";
import { describeProblem, parseYaml, type ConfigProblem, type YamlSource } from "./yaml-source.ts";
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

/** A model's file as it was read. */
export interface ModelFile {
  readonly file: string;
  /** Of its bytes. */
  readonly sha256: string;
  readonly config: ModelConfig;
}

export const CONFIG_NAME = "config.yaml";
/** Folder of a repository that has a folder for each model. */
export const MODELS_FOLDER = "models";

/** The file that a person means: itself, the folder that it is in, or a model's name below `models/`. */
export function resolveModelFile(named: string, cwd: string): string {
  const place = path.resolve(cwd, named);
  if (isFolder(place)) return path.join(place, CONFIG_NAME);
  if (existsSync(place)) return place;
  const byName = path.join(cwd, MODELS_FOLDER, named, CONFIG_NAME);
  return /^[\w.-]+$/.test(named) && existsSync(byName) ? byName : place;
}

/**
 * Reads and checks a model's file; the folders in it are absolute then.
 * @throws AppError `not-found`, `config-invalid` with every problem as `file:line:column: key: what`
 */
export function readModelFile(file: string): ModelFile {
  const checked = checkModelFile(file);
  if (!checked.ok) throw configInvalid(checked.problems);
  const { config } = checked.value;
  const beside = (place: string): string => path.resolve(path.dirname(file), place);
  const workspaces = config.dataset.workspaces.map(beside);
  const base = isFolderName(config.base) ? beside(config.base) : config.base;
  return { ...checked.value, config: { ...config, base, dataset: { ...config.dataset, workspaces } } };
}

export const configInvalid = (problems: readonly ConfigProblem[]): AppError =>
  new AppError("config-invalid", problems.map(describeProblem).join("\n"), {
    hint: "docs/models.md describes every key.",
  });

/** The file as it is written, with every problem of it and of what it names beside it. @throws AppError `not-found` */
export function checkModelFile(
  file: string,
):
  | { readonly ok: true; readonly value: ModelFile }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new AppError("not-found", `${file} cannot be read.`, { cause, hint: "`kept models new` makes one." });
  }
  const text = bytes.toString("utf8");
  const parsed = parseYaml(text, file, modelConfigSchema);
  if (!parsed.ok) return parsed;
  const problems = [...secretProblems(text, file), ...neighbourProblems(parsed.value, parsed.source, file)];
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, value: { file, sha256: hashOf(bytes), config: parsed.value } };
}

/** Whether a file says how weights are made from a corpus, which is another set of keys. */
export function isCorpusFile(text: string): boolean {
  const parsed = parseYaml(text, "", z.unknown());
  return parsed.ok && typeof parsed.value === "object" && parsed.value !== null && "data" in parsed.value;
}

/** Problems of any configuration below `models/`; none when it is right. */
export function problemsOfFile(file: string): readonly ConfigProblem[] {
  const text = existsSync(file) && !isFolder(file) ? readFileSync(file, "utf8") : "";
  if (isCorpusFile(text)) {
    const parsed = parseYaml(text, file, runConfigurationSchema);
    return parsed.ok ? secretProblems(text, file) : parsed.problems;
  }
  const checked = checkModelFile(file);
  return checked.ok ? [] : checked.problems;
}

/** A file that is committed holds no credential. */
function secretProblems(text: string, file: string): ConfigProblem[] {
  return findSecrets(text).map(({ start }) => {
    const before = text.slice(0, start);
    const line = before.split("\n").length;
    const column = start - before.lastIndexOf("\n");
    const message = "this looks like a credential: take it out, and give it in the environment";
    return { file, line, column, key: "", message, suggestion: null };
  });
}

function neighbourProblems(config: ModelConfig, source: YamlSource, file: string): ConfigProblem[] {
  const beside = (name: string): string => path.resolve(path.dirname(file), name);
  const problems: ConfigProblem[] = [];
  if (isFolderName(config.base) && !existsSync(path.join(beside(config.base), "config.json")))
    problems.push(source.problem(["base"], `${beside(config.base)} holds no model`));
  config.dataset.workspaces.forEach((folder, i) => {
    if (!isFolder(beside(folder)))
      problems.push(source.problem(["dataset", "workspaces", i], `there is no folder ${beside(folder)}`));
  });
  const { enabled, template } = config.labelStudio;
  if (enabled && !existsSync(beside(template)))
    problems.push(source.problem(["labelStudio", "template"], `there is no ${beside(template)}`));
  return problems;
}

/** A base that is named by its place. */
export const isFolderName = (base: string): boolean => base.startsWith(".") || path.isAbsolute(base);

const isFolder = (place: string): boolean => statSync(place, { throwIfNoEntry: false })?.isDirectory() ?? false;
