import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { HubFile } from "./model-files.ts";

/** What a pulled folder says about itself, in `kept-model.json`. */
export interface PullRecord {
  readonly repo: string;
  readonly revision: string;
  readonly commit: string;
  readonly hub: string;
  readonly bytes: number;
  readonly files: readonly HubFile[];
}

export const PULL_RECORD = "kept-model.json";

/** The base models that were pulled, by the names of their folders. */
export function pulledModels(modelsDir: string): (PullRecord & { readonly dir: string })[] {
  if (!existsSync(modelsDir)) return [];
  return readdirSync(modelsDir)
    .filter((name) => !name.startsWith(".") && existsSync(path.join(modelsDir, name, PULL_RECORD)))
    .toSorted()
    .map((name) => {
      const dir = path.join(modelsDir, name);
      return { ...(JSON.parse(readFileSync(path.join(dir, PULL_RECORD), "utf8")) as PullRecord), dir };
    });
}
