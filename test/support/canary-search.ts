import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

/** Files below a folder whose bytes, or whose name, hold one of the texts: `<file>: <text>`. */
export function filesWith(dir: string, canaries: readonly string[]): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" }).flatMap((name) => {
    const file = path.join(dir, name);
    const bytes = statSync(file).isFile() ? readFileSync(file) : Buffer.alloc(0);
    return canaries
      .filter((canary) => name.includes(canary) || bytes.includes(canary) || bytes.includes(inJson(canary)))
      .map((canary) => `${name}: ${canary}`);
  });
}

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);
