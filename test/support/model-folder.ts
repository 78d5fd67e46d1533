import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { checkpointFixture } from "./checkpoint-fixture.ts";

export interface ModelFolder {
  readonly dir: string;
  /** Where things outside of the model's folder can stand. */
  readonly outside: string;
  write(name: string, content: string | Uint8Array): void;
  [Symbol.dispose](): void;
}

/** A copy of a fixture's checkpoint in a folder of its own, to be damaged. */
export function copyOfFixture(name: string): ModelFolder {
  const outside = mkdtempSync(path.join(os.tmpdir(), "kept-model-folder-"));
  const dir = path.join(outside, "model");
  mkdirSync(dir);
  cpSync(checkpointFixture(name).dir, dir, { recursive: true });
  return {
    dir,
    outside,
    write: (file, content) => writeFileSync(path.join(dir, file), content),
    [Symbol.dispose]: () => rmSync(outside, { recursive: true, force: true }),
  };
}
