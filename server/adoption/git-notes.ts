import { openBlobs } from "../../tracker/blobs.ts";
import { gitCommand } from "../../tracker/git-command.ts";
import { GitError, gitStream } from "../../tracker/git.ts";
import { AppError } from "../errors.ts";
import { GIT_AI_REF } from "./git-ai-note.ts";

/** A note and the commit that it is attached to. */
export interface CommitNote {
  readonly commit: string;
  /** When the commit's code was written, milliseconds since 1970; null when the commit is not there. */
  readonly writtenAt: number | null;
  /** Null when git does not give it: missing, or larger than {@link MAX_BLOB_BYTES}. */
  readonly text: string | null;
}

/** The top folder of a work tree. @throws AppError `git-unavailable` */
export async function topFolder(folder: string, signal: AbortSignal): Promise<string> {
  return asking(`${folder} is no work tree of git`, () => gitCommand(folder, ["rev-parse", "--show-toplevel"], signal));
}

/** All notes of git-ai, oldest commit first. @throws AppError `git-unavailable` */
export async function readGitAiNotes(repo: string, signal: AbortSignal): Promise<CommitNote[]> {
  return asking("the notes cannot be read", async () => {
    const listing = await gitCommand(repo, ["notes", `--ref=${GIT_AI_REF}`, "list"], signal);
    const pairs = listing
      .split("\n")
      .map((line) => /^([0-9a-f]{40,64}) ([0-9a-f]{40,64})$/.exec(line))
      .filter((match) => match !== null);
    const times = await writingTimes(
      repo,
      pairs.map((match) => match[2] as string),
      signal,
    );
    using blobs = openBlobs(repo, signal);
    const notes: CommitNote[] = [];
    for (const [, blob = "", commit = ""] of pairs) {
      const text = (await blobs.read(blob))?.toString("utf8") ?? null;
      notes.push({ commit, writtenAt: times.get(commit) ?? null, text });
    }
    return notes.sort((left, right) => (left.writtenAt ?? 0) - (right.writtenAt ?? 0));
  });
}

/** When the code of commits was written; those that are not there are left out. */
export async function writingTimes(
  repo: string,
  commits: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  if (commits.length === 0) return times;
  // `--ignore-missing` does not forgive objects that are no commits, so they are asked for their kind first.
  const git = gitStream(repo, ["cat-file", "--batch-check=%(objectname) %(objecttype)"], signal);
  const kinds = collect(git.chunks);
  await git.write(commits.map((commit) => `${commit}\n`).join(""));
  git.end();
  const found = (await kinds).split("\n").flatMap((line) => /^([0-9a-f]+) commit$/.exec(line)?.[1] ?? []);
  if (found.length === 0) return times;
  const log = gitStream(repo, ["log", "--no-walk=unsorted", "--stdin", "--format=%H %at"], signal);
  const lines = collect(log.chunks);
  await log.write(found.map((commit) => `${commit}\n`).join(""));
  log.end();
  for (const line of (await lines).split("\n")) {
    const [commit = "", seconds] = line.split(" ");
    if (seconds !== undefined) times.set(commit, Number(seconds) * 1_000);
  }
  return times;
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<string> {
  const held: Buffer[] = [];
  for await (const chunk of chunks) held.push(chunk);
  return Buffer.concat(held).toString("utf8");
}

/** What git says becomes an error with a code. @throws AppError `git-unavailable` */
export async function asking<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (!(cause instanceof GitError) || cause.code === "git-aborted") throw cause;
    throw new AppError("git-unavailable", `${what}: ${cause.message.split("\n")[0] ?? ""}`, {
      cause,
      hint: "Name a folder of a git repository with --repo.",
    });
  }
}
