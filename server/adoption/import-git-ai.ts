import { type Generation, generation, MAX_GENERATION_CHARS } from "../../protocol/generations.ts";
import { openBlobs } from "../../tracker/blobs.ts";
import { parseAuthorshipLog } from "./git-ai-note.ts";
import { readGitAiNotes } from "./git-notes.ts";
import { cutLines } from "./line-ranges.ts";

/** What was found to import, and what was left out and why. */
export interface Found {
  readonly generations: readonly Generation[];
  readonly refused: readonly Refused[];
  /** Notes or records that were read. */
  readonly nRead: number;
}

export interface Refused {
  /** Commit, or position in the file. */
  readonly where: string;
  readonly code: RefusalCode;
  readonly reason: string;
}

export type RefusalCode =
  | "note-invalid"
  | "note-too-large"
  | "trace-invalid"
  | "commit-missing"
  | "file-missing"
  | "lines-missing";

/** Generations that the notes of git-ai in a repository tell of. Nothing is written. @throws AppError `git-unavailable` */
export async function findGitAiGenerations(root: string, signal: AbortSignal): Promise<Found> {
  const notes = await readGitAiNotes(root, signal);
  const generations: Generation[] = [];
  const refused: Refused[] = [];
  using blobs = openBlobs(root, signal);
  for (const { commit, writtenAt, text } of notes) {
    const refuse = (code: RefusalCode, reason: string): void => void refused.push({ where: commit, code, reason });
    if (writtenAt === null) {
      refuse("commit-missing", "the commit is not in this repository");
      continue;
    }
    if (text === null) {
      refuse("note-too-large", "the note is larger than a mebibyte, or is missing");
      continue;
    }
    const parsed = parseAuthorshipLog(text);
    if (!parsed.ok) {
      refuse("note-invalid", parsed.reason);
      continue;
    }
    for (const { path, entries } of parsed.log.files) {
      const file = (await blobs.read(`${commit}:${path}`))?.toString("utf8");
      if (file === undefined) {
        refuse("file-missing", `the commit holds no ${path} that can be read`);
        continue;
      }
      for (const { key, tool, model, session, ranges } of entries) {
        for (const range of ranges) {
          const id = `git-ai:${commit}:${path}:${key}:${range.first}-${range.last}`;
          const made = fromLines({ id, file, range, tool, model, session, root, path, commit, writtenAt });
          if (made === null)
            refuse("lines-missing", `${path} has no lines ${range.first} to ${range.last}, or not as text`);
          else generations.push(made);
        }
      }
    }
  }
  return { generations, refused, nRead: notes.length };
}

/** One range of a file of a commit as a generation; null when the lines are not there or too many. */
export function fromLines(input: {
  readonly file: string;
  readonly range: { readonly first: number; readonly last: number };
  readonly tool: string;
  readonly model: string | null;
  readonly session: string | null;
  readonly root: string;
  readonly path: string;
  readonly commit: string | null;
  readonly writtenAt: number;
  readonly id: string;
}): Generation | null {
  const cut = cutLines(input.file, input.range);
  if (cut === null || cut.text.trim() === "" || input.file.includes("\0")) return null;
  const parsed = generation.safeParse({
    id: shortened(input.id),
    tool: input.tool,
    model: input.model,
    session: input.session,
    root: input.root,
    path: input.path,
    line: input.range.first,
    text: cut.text,
    prefix: cut.before.slice(-MAX_GENERATION_CHARS / 8),
    suffix: cut.after.slice(0, MAX_GENERATION_CHARS / 8),
    at: new Date(input.writtenAt).toISOString(),
    ...(input.commit === null ? {} : { commit: input.commit }),
  });
  return parsed.success ? parsed.data : null;
}

/** Ids have a limit; a path may be longer. */
function shortened(id: string): string {
  return id.length <= 256 ? id : `${id.slice(0, 120)}…${id.slice(-120)}`;
}
