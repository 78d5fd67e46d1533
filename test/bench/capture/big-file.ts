import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Lines of the file that is typed in. */
export const BIG_FILE_LINES = 20_000;
export const BIG_FILE = "src/big.ts";

/** A folder with one long file. */
export function bigFile(runDir: string): string {
  const folder = path.join(runDir, "workspace");
  mkdirSync(path.join(folder, "src"), { recursive: true });
  const lines: string[] = ["export interface Point {", "  x: number;", "  y: number;", "}", ""];
  for (let n = 0; lines.length < BIG_FILE_LINES; n += 1) {
    lines.push(
      `export function move${n}(a: Point, by: number): Point {`,
      `  return { x: a.x + by * ${n}, y: a.y };`,
      "}",
      "",
    );
  }
  writeFileSync(path.join(folder, BIG_FILE), lines.join("\n"));
  return folder;
}
