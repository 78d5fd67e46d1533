import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SurvivalRecord } from "../core/survival/survival-record.ts";
import { parseLog, SEGMENT } from "./event-log.ts";
import { forgetInTips } from "./tip-cache.ts";

/** A snippet by one of the names that its file had. */
export interface NamedSnippet {
  readonly sid: string;
  /** Relative to the repository's top folder, with forward slashes. */
  readonly file: string;
}

/** Every name of every snippet in the log of a folder, open or not; nothing where there is no log. */
export const namesInLog = async (folder: string): Promise<readonly NamedSnippet[]> => {
  const names: NamedSnippet[] = [];
  for (const { records } of await readSegments(folder)) {
    for (const record of records) {
      if (record.kind === "accept" || record.kind === "rename") names.push({ sid: record.sid, file: record.file });
    }
  }
  return names;
};

/** Texts of snippets in the log of a folder, each as it was accepted. */
export const forgottenTexts = async (folder: string, sids: ReadonlySet<string>): Promise<readonly string[]> => {
  const texts: string[] = [];
  for (const { records } of await readSegments(folder)) {
    for (const record of records) if (record.kind === "accept" && sids.has(record.sid)) texts.push(record.text);
  }
  return texts;
};

/**
 * Takes snippets out of the log and the cache of a folder that no tracker of this process has open. Damaged lines
 * go too: nobody can tell whose they are. A folder that has nothing left goes as a whole.
 */
export const removeForgotten = async (folder: string, sids: ReadonlySet<string>): Promise<void> => {
  const segments = await readSegments(folder);
  const records = segments.flatMap((segment) => segment.records);
  const files = new Set<string>();
  for (const record of records) {
    if ((record.kind === "accept" || record.kind === "rename") && !sids.has(record.sid)) files.add(record.file);
  }
  if (files.size === 0) return rm(folder, { recursive: true, force: true });
  const kept = (record: SurvivalRecord): SurvivalRecord | null =>
    record.kind === "save" ? (files.has(record.file) ? record : null) : withoutSnippets(record, sids);
  for (const { name, records: of } of segments) {
    const text = of.flatMap((record) => kept(record) ?? []).map((record) => `${JSON.stringify(record)}\n`);
    await writeFile(join(folder, `${name}.new`), text.join(""), { mode: 0o600, flush: true });
    await rename(join(folder, `${name}.new`), join(folder, name));
  }
  await forgetInTips(folder, sids);
  for (const name of await readdir(folder)) if (name.endsWith(".new")) await rm(join(folder, name), { force: true });
};

/** A record of others than these snippets; null for one of theirs. */
export const withoutSnippets = (record: SurvivalRecord, sids: ReadonlySet<string>): SurvivalRecord | null => {
  if (record.kind === "save" || record.kind === "head") return record;
  if (record.kind === "places") return { ...record, except: record.except.filter((sid) => !sids.has(sid)) };
  return sids.has(record.sid) ? null : record;
};

const readSegments = async (folder: string): Promise<{ name: string; records: SurvivalRecord[] }[]> => {
  const names = (await readdir(folder).catch(noFolder)).filter((name) => SEGMENT.test(name)).sort();
  const segments: { name: string; records: SurvivalRecord[] }[] = [];
  for (const name of names) segments.push({ name, records: parseLog(await readFile(join(folder, name), "utf8")) });
  return segments;
};

const noFolder = (error: NodeJS.ErrnoException): string[] => {
  if (error.code === "ENOENT") return [];
  throw error;
};
