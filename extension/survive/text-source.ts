import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** Where the text of a document is found: in the editor while it is open, otherwise on disk. */
export interface TextSource {
  /** Text of an open document, or null. */
  open(document: string): string | null;
  /** Open documents that are files. */
  openFiles(): readonly string[];
  /** Reads a closed document from disk. */
  read(document: string, signal: AbortSignal): Promise<DiskText>;
}

export type DiskText =
  | { readonly ok: true; readonly text: string }
  /** `closed`: a document that is no file. */
  | { readonly ok: false; readonly reason: "closed" | "file-missing" | "unreadable" };

/** Files beyond this are not read for a check: no accept stands in one. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Reads the file that a document's URI names. */
export async function readDocument(document: string, signal: AbortSignal): Promise<DiskText> {
  if (!document.startsWith("file:")) return { ok: false, reason: "closed" };
  try {
    const file = fileURLToPath(document);
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) return { ok: false, reason: "unreadable" };
    return { ok: true, text: await readFile(file, { encoding: "utf8", signal }) };
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return { ok: false, reason: isMissing ? "file-missing" : "unreadable" };
  }
}
