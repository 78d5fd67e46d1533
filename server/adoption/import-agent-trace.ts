import type { Generation } from "../../protocol/generations.ts";
import { openBlobs } from "../../tracker/blobs.ts";
import { parseTraces, rangesOf } from "./agent-trace.ts";
import { writingTimes } from "./git-notes.ts";
import { type Found, fromLines, type RefusalCode, type Refused } from "./import-git-ai.ts";
import { AppError } from "../errors.ts";

/** Records of other version control systems name no commit of git. */
const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/**
 * Generations that Agent Trace records tell of, read at the revision that each names, or at HEAD when it names
 * none. Nothing is written.
 * @throws AppError `trace-invalid` when the text holds no record
 */
export async function findTracedGenerations(root: string, text: string, signal: AbortSignal): Promise<Found> {
  const parsed = parseTraces(text);
  if (!parsed.ok) throw new AppError("trace-invalid", `These are no Agent Trace records: ${parsed.reason}`);
  const generations: Generation[] = [];
  const refused: Refused[] = parsed.refused.map(({ at, reason }) => ({
    where: String(at),
    code: "trace-invalid",
    reason,
  }));
  using blobs = openBlobs(root, signal);
  const revisions = parsed.records.flatMap(({ vcs }) =>
    vcs !== undefined && COMMIT.test(vcs.revision) ? vcs.revision : [],
  );
  const known = await writingTimes(root, revisions, signal);
  for (const record of parsed.records) {
    const refuse = (code: RefusalCode, reason: string): void => void refused.push({ where: record.id, code, reason });
    const revision = record.vcs?.revision;
    if (revision !== undefined && !known.has(revision)) {
      refuse("commit-missing", `${record.vcs?.type} revision is no commit of this repository`);
      continue;
    }
    for (const { path, first, last, model, conversation } of rangesOf(record)) {
      const file = (await blobs.read(`${revision ?? "HEAD"}:${path}`))?.toString("utf8");
      if (file === undefined) {
        refuse("file-missing", `there is no ${path} that can be read`);
        continue;
      }
      const made = fromLines({
        file,
        range: { first, last },
        tool: record.tool?.name ?? "agent-trace",
        model,
        session: conversation,
        root,
        path,
        commit: revision ?? null,
        writtenAt: Date.parse(record.timestamp),
        id: `agent-trace:${record.id}:${path}:${first}-${last}`,
      });
      if (made === null) refuse("lines-missing", `${path} has no lines ${first} to ${last}, or not as text`);
      else generations.push(made);
    }
  }
  return { generations, refused, nRead: parsed.records.length + parsed.refused.length };
}
