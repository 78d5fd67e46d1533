import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";

export const CHECKSUMS_FILE = "SHA256SUMS";

/** Itself, and the card: its figures are compared one by one, and its prose may be corrected. */
const WITHOUT_CHECKSUM: readonly string[] = [CHECKSUMS_FILE, "README.md"];

/** How a folder differs from its checksums; three empty lists when it does not. */
export interface ChecksumReport {
  readonly changed: readonly string[];
  readonly missing: readonly string[];
  /** Files that the checksums do not name: part of the folder that nobody vouches for. */
  readonly unlisted: readonly string[];
}

/**
 * Checksums by name of a file in the format of `sha256sum`: 64 hex digits, a space, a space or `*`, a name.
 *
 * @throws SyntaxError for another line, a name that leaves the folder, or one that comes twice
 */
export function parseChecksums(text: string): Map<string, string> {
  const sums = new Map<string, string>();
  for (const [idx, line] of text.split("\n").entries()) {
    if (line === "") continue;
    const match = /^([0-9a-f]{64}) [ *](.+)$/.exec(line);
    const name = match?.[2] ?? "";
    if (!match || path.posix.isAbsolute(name) || name.split("/").includes("..") || sums.has(name)) {
      throw new SyntaxError(`${CHECKSUMS_FILE}:${idx + 1} is not a checksum of a file of the folder: ${line}`);
    }
    sums.set(name, match[1]!);
  }
  return sums;
}

export function formatChecksums(sums: ReadonlyMap<string, string>): string {
  return [...sums].map(([name, sum]) => `${sum}  ${name}\n`).join("");
}

/** Compare the files of a folder, subfolders included, with its SHA256SUMS; null when it has none. */
export function verifyChecksums(folder: string): ChecksumReport | null {
  const file = path.join(folder, CHECKSUMS_FILE);
  if (!existsSync(file)) return null;
  const expected = parseChecksums(readFileSync(file, "utf8"));
  const actual = checksumsOf(folder);
  const names = [...expected.keys()];
  return {
    changed: names.filter((name) => actual.has(name) && actual.get(name) !== expected.get(name)),
    missing: names.filter((name) => !actual.has(name)),
    unlisted: [...actual.keys()].filter((name) => !expected.has(name)),
  };
}

/** Write SHA256SUMS for all files that the folder holds now. */
export function writeChecksums(folder: string): void {
  writeFileSync(path.join(folder, CHECKSUMS_FILE), formatChecksums(checksumsOf(folder)));
}

/** Checksums of every file of a folder but WITHOUT_CHECKSUM, by name with forward slashes, sorted. */
export function checksumsOf(folder: string): Map<string, string> {
  const names = readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/"))
    .filter((name) => !WITHOUT_CHECKSUM.includes(name))
    .sort();
  const sum = (name: string) =>
    createHash("sha256")
      .update(readFileSync(path.join(folder, name)))
      .digest("hex");
  return new Map(names.map((name) => [name, sum(name)]));
}
