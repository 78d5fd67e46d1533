import { z } from "zod";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const hash = z.object({ kind: z.enum(["sha256", "git-sha1"]), hex: z.string() });

/** What a pulled folder says about itself, in `kept-model.json`. */
const pullRecord = z.object({
  repo: z.string(),
  revision: z.string(),
  commit: z.string(),
  hub: z.string(),
  bytes: z.number(),
  files: z.array(z.object({ name: z.string(), bytes: z.number(), hash })).readonly(),
});
export type PullRecord = Readonly<z.infer<typeof pullRecord>>;

export const PULL_RECORD = "kept-model.json";

/** The base models that were pulled, by the names of their folders. */
export function pulledModels(modelsDir: string): (PullRecord & { readonly dir: string })[] {
  if (!existsSync(modelsDir)) return [];
  return readdirSync(modelsDir)
    .filter((name) => !name.startsWith("."))
    .toSorted()
    .flatMap((name) => {
      const dir = path.join(modelsDir, name);
      const record = readRecord(dir);
      return record === null ? [] : [{ ...record, dir }];
    });
}

/** The record of a pulled folder; null when there is none that can be read. */
export function readRecord(dir: string): PullRecord | null {
  try {
    return pullRecord.parse(JSON.parse(readFileSync(path.join(dir, PULL_RECORD), "utf8")));
  } catch {
    return null;
  }
}
