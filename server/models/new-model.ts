import { AppError } from "../errors.ts";
import { installedIn } from "../places.ts";
import { modelConfigSchema } from "./model-config.ts";
import { CONFIG_NAME, isFolderName, MODELS_FOLDER } from "./model-file.ts";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

export interface NewModel {
  readonly name: string;
  readonly base: string;
  readonly languages: readonly string[];
  readonly problemType: "completion";
  /** Minute and hour of the day, UTC, at which the training workflow runs. */
  readonly at: { readonly minute: number; readonly hour: number };
  readonly workflows: readonly WorkflowHost[];
}

export const WORKFLOW_HOSTS = ["github", "forgejo"] as const;
export type WorkflowHost = (typeof WORKFLOW_HOSTS)[number];

/** Where Kept itself is checked out by a workflow of another repository. */
const KEPT_ELSEWHERE = ".kept/app";

/**
 * Writes a model's folder below `models/` of a repository, and the workflows that train and deploy it, from
 * `models/templates`. Answers the files, relative to the repository. Writes all of them or none.
 * @throws AppError `invalid` when something of them is there already, or the name is none
 */
export function writeNewModel(repository: string, model: NewModel): string[] {
  const problem = modelConfigSchema.safeParse({ name: model.name, base: model.base, languages: [...model.languages] });
  if (!problem.success) {
    const [issue] = problem.error.issues;
    throw new AppError("invalid", `${issue!.path.join(".")}: ${issue!.message}.`);
  }
  const folder = path.posix.join(MODELS_FOLDER, model.name);
  if (isFolderName(model.base) && !existsSync(path.resolve(repository, folder, model.base, "config.json")))
    throw new AppError("invalid", `${path.resolve(repository, folder, model.base)} holds no model.`, {
      hint: "A base is named relative to the model's folder.",
    });
  const files = new Map<string, string>();
  for (const name of [CONFIG_NAME, "labeling.xml", "README.md"])
    files.set(`${folder}/${name}`, filled(name, model, repository));
  for (const host of model.workflows) {
    for (const job of ["train", "deploy"] as const)
      files.set(workflowPath(repository, host, job, model.name), filled(`${host}/${job}.yaml`, model, repository));
  }
  const taken = [...files.keys()].filter((file) => existsSync(path.join(repository, file)));
  if (taken.length > 0) {
    throw new AppError("invalid", `There is already ${taken.join(", ")}.`, {
      hint: "Nothing was written. Choose another name, or move that away.",
    });
  }
  for (const [file, text] of files) {
    const place = path.join(repository, file);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, text, { flag: "wx" });
  }
  return [...files.keys()];
}

/** The first model has the plain names; those of the next ones say whose they are. */
function workflowPath(repository: string, host: WorkflowHost, job: "train" | "deploy", name: string): string {
  const folder = `.${host}/workflows`;
  const plain = `${folder}/${job}.yaml`;
  if (!existsSync(path.join(repository, plain))) return plain;
  return `${folder}/${job}-${name}.yaml`;
}

/** A template with its blanks filled in. */
function filled(template: string, model: NewModel, repository: string): string {
  const isKept =
    existsSync(path.join(repository, "scripts/kept.mjs")) && existsSync(path.join(repository, "server/cli.ts"));
  const { minute, hour } = model.at;
  const blanks: Readonly<Record<string, string>> = {
    NAME: model.name,
    PROBLEM: model.problemType,
    BASE: model.base,
    LANGUAGES: model.languages.join(", "),
    LANGUAGES_TEXT: model.languages.join(", ") || "all",
    WORKSPACE: '"../.."',
    CRON: `${minute} ${hour} * * *`,
    CRON_LATER: `${minute} ${(hour + 1) % 24} * * *`,
    APP: isKept ? "." : KEPT_ELSEWHERE,
  };
  const text = readFileSync(path.join(installedIn(), MODELS_FOLDER, "templates", template), "utf8");
  const wanted = isKept
    ? text.replaceAll(/^ *# @ELSEWHERE@\n[\s\S]*?^ *# @END@\n/gm, "")
    : text.replaceAll(/^ *# @(ELSEWHERE|END)@\n/gm, "");
  return wanted.replaceAll(/@([A-Z_]+)@/g, (whole, blank: string) => blanks[blank] ?? whole);
}
