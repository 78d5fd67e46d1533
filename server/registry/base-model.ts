import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/**
 * Identity of the base model in a folder: sha256 over its weight files in the order of their names, as
 * the engine computes it; the empty text when there is no model. Read once, because models are immutable.
 */
export function baseModelIdentity(modelDir: string): () => string {
  let known = "";
  return () => (known ||= identify(modelDir));
}

function identify(modelDir: string): string {
  if (!existsSync(path.join(modelDir, "config.json"))) return "";
  const files = readdirSync(modelDir)
    .filter((name) => name.endsWith(".safetensors"))
    .toSorted();
  if (files.length === 0) return "";
  const hash = createHash("sha256");
  for (const name of files) hash.update(readFileSync(path.join(modelDir, name)));
  return hash.digest("hex");
}
