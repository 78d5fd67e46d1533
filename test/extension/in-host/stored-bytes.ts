import { diagnostics } from "./editor.ts";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

/** Files of Kept's storage in this editor that hold a text, in their bytes or their names. */
export const filesWith = (text: string): string[] => bytesBelow(diagnostics().storage, text);

/** The same of any folder. */
export function bytesBelow(dir: string, text: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((name) => {
    const file = path.join(dir, name);
    // A file may go while it is looked at.
    const found = statSync(file, { throwIfNoEntry: false });
    return name.includes(text) || (found?.isFile() === true && readFileSync(file).includes(text));
  });
}
