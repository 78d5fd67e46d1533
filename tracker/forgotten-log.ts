import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SurvivalRecord } from "../core/survival/survival-record.ts";
import { parseLog, SEGMENT } from "./event-log.ts";
import { forgetInTips } from "./tip-cache.ts";

/** What is to go out of a tracker's folder. */
export interface ForgottenCode {
  readonly sids: ReadonlySet<string>;
  /** Texts that go with it, as they were accepted. */
  readonly texts: readonly string[];
}

/** A snippet by one of the names that its file had. */
export interface NamedSnippet {
  readonly sid: string;
  /** Relative to the repository's top folder, with forward slashes. */
  readonly file: string;
}

/** Looks for what is to be forgotten in the log of a folder, open or not; null when there is nothing. */
export const findForgotten = async (
  folder: string,
  isForgotten: (snippet: NamedSnippet) => boolean,
): Promise<ForgottenCode | null> => {
  const sids = new Set<string>();
  const records = (await readSegments(folder)).flatMap(({ records: of }) => of);
  for (const record of records) {
    if ((record.kind === "accept" || record.kind === "rename") && isForgotten(record)) sids.add(record.sid);
  }
  if (sids.size === 0) return null;
  const texts = records.flatMap((record) => (record.kind === "accept" && sids.has(record.sid) ? [record.text] : []));
  return { sids, texts };
};

/**
 * Takes it out of the log and the cache of a folder that no tracker of this process has open. Damaged lines
 * go too: nobody can tell whose they are. A folder that has nothing left goes as a whole.
 */
export const removeForgotten = async (folder: string, { sids }: ForgottenCode): Promise<void> => {
  const segments = await readSegments(folder);
  const records = segments.flatMap((segment) => segment.records);
  const files = new Set<string>();
  for (const record of records) {
    if ((record.kind === "accept" || record.kind === "rename") && !sids.has(record.sid)) files.add(record.file);
  }
  if (files.size === 0) return rm(folder, { recursive: true, force: true });
  const stays = (record: SurvivalRecord): boolean => {
    if (record.kind === "head") return true;
    return record.kind === "save" ? files.has(record.file) : !sids.has(record.sid);
  };
  for (const { name, records: of } of segments) {
    const text = of.filter(stays).map((record) => `${JSON.stringify(record)}\n`);
    await writeFile(join(folder, `${name}.new`), text.join(""), { mode: 0o600, flush: true });
    await rename(join(folder, `${name}.new`), join(folder, name));
  }
  await forgetInTips(folder, sids);
  for (const name of await readdir(folder)) if (name.endsWith(".new")) await rm(join(folder, name), { force: true });
};

const readSegments = async (folder: string): Promise<{ name: string; records: SurvivalRecord[] }[]> => {
  const names = (await readdir(folder)).filter((name) => SEGMENT.test(name)).sort();
  const segments: { name: string; records: SurvivalRecord[] }[] = [];
  for (const name of names) segments.push({ name, records: parseLog(await readFile(join(folder, name), "utf8")) });
  return segments;
};
