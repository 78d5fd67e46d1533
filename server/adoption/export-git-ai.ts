import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import type { Command } from "commander";
import path from "node:path";
import { shownEvent } from "../../core/labels/kept-text.ts";
import { type Syntax, syntaxOf } from "../../core/survival/markdown-text.ts";
import { keepRuns } from "../../core/survival/token-runs.ts";
import { significantTokens } from "../../core/survival/tokens.ts";
import type { EventOf } from "../../protocol/events.ts";
import { openBlobs } from "../../tracker/blobs.ts";
import { gitCommand } from "../../tracker/git-command.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { AppError } from "../errors.ts";
import { formatAuthorshipLog, GIT_AI_REF, parseAuthorshipLog, type WrittenLog } from "./git-ai-note.ts";
import { asking, readGitAiNotes, topFolder } from "./git-notes.ts";
import type { ImportParts } from "./import-command.ts";
import type { LineRange } from "./line-ranges.ts";
import { openReading } from "../survival/reading.ts";
import { repositoryPath } from "../survival/repository-path.ts";

interface ExportFlags {
  readonly repo: string;
  readonly commit: string;
  readonly write?: boolean;
  readonly json?: boolean;
}

/** Kept's name as a tool in notes. */
const TOOL = "kept";
/** A note that is written, kilobytes of input to git; git takes any, readers do not. */
const MAX_NOTE_CHARS = 1_048_576;

/** Adds `kept export git-ai`: the only command that ever writes into a repository. */
export function addGitAiExport(group: Command, { dataDir, setExit }: ImportParts): void {
  group
    .command("git-ai")
    .description(
      "git-ai v3 note (refs/notes/ai) of a commit: which of its lines were accepted suggestions; a dry run without --write",
    )
    .requiredOption("--repo <folder>", "git work tree")
    .option("--commit <revision>", "the commit", "HEAD")
    .option("--write", "attach the note; otherwise it is only shown")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample:\n  kept export git-ai --repo .            # what would be written\n  kept export git-ai --repo . --write\n",
    )
    .action(async (flags: ExportFlags) => setExit(await exportNote(flags, dataDir())));
}

async function exportNote(flags: ExportFlags, dataDir: string): Promise<number> {
  const signal = AbortSignal.timeout(120_000);
  const root = await topFolder(path.resolve(flags.repo), signal);
  const commit = await asking(`${flags.commit} is no commit`, () =>
    gitCommand(root, ["rev-parse", "--verify", "--end-of-options", `${flags.commit}^{commit}`], signal),
  );
  const existing = (await readGitAiNotes(root, signal)).find((note) => note.commit === commit);
  if (existing !== undefined && !isOurs(existing.text)) {
    throw new AppError("export-refused", `${commit.slice(0, 12)} has a note of another tool already.`, {
      hint: "Nothing was changed: notes of other tools are never written over.",
    });
  }
  using reading = openReading(dataDir);
  const shown = [...reading.accepted(null)].map(({ events }) => shownEvent(events)).filter((event) => event !== null);
  const log = await attest(root, commit, shown, signal);
  const note = formatAuthorshipLog(log);
  if (note.length > MAX_NOTE_CHARS) throw new AppError("too-large", "The note would be larger than 1 MiB.");
  const nLines = log.files
    .flatMap(({ entries }) => entries.flatMap(({ ranges }) => ranges))
    .reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const written = flags.write === true && log.files.length > 0;
  if (written) await attach(root, commit, note);
  print(
    { commit, files: log.files.length, lines: nLines, written, note },
    flags,
    () =>
      table(
        ["commit", commit],
        [
          ["lines", `${nLines} of ${log.files.length} files`],
          [
            "written",
            written ? GIT_AI_REF : log.files.length === 0 ? "nothing to write" : "no: this was a dry run, pass --write",
          ],
        ],
      ) + (written ? "" : note),
  );
  return EXIT.done;
}

const isOurs = (text: string | null): boolean => {
  const parsed = text === null ? null : parseAuthorshipLog(text);
  return parsed?.ok === true && parsed.log.files.every(({ entries }) => entries.every(({ tool }) => tool === TOOL));
};

/** The lines of a commit's files that accepted suggestions of Kept make up. */
async function attest(
  root: string,
  commit: string,
  shown: readonly EventOf<"shown">[],
  signal: AbortSignal,
): Promise<WrittenLog> {
  using blobs = openBlobs(root, signal);
  const sessions = new Map<string, WrittenLog["sessions"][number]>();
  const files = new Map<string, { key: string; trace: string; ranges: LineRange[] }[]>();
  for (const event of shown) {
    // What another tool generated is that tool's to attest.
    if (event.source !== "editor") continue;
    const name = repositoryPath(root, event.context.root, event.context.path);
    const file = name === null ? undefined : (await blobs.read(`${commit}:${name}`))?.toString("utf8");
    const ranges = file === undefined ? [] : linesOf(event.completion, file, syntaxOf(name));
    if (name === null || ranges.length === 0) continue;
    const key = `s_${digest(`${TOOL}:${event.sessionId}`)}`;
    const model = event.model.adapter ?? event.model.base;
    sessions.set(key, { key, tool: TOOL, id: event.sessionId, model: model.slice(0, 250) });
    const entries = files.get(name) ?? [];
    files.set(name, entries);
    entries.push({ key, trace: `t_${digest(event.suggestionId)}`, ranges });
  }
  return {
    base: commit,
    sessions: [...sessions.values()],
    files: [...files].map(([name, entries]) => ({ path: name, entries })),
  };
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 14);

/** Lines of a file on which at least half of the significant tokens are the snippet's. */
export function linesOf(snippet: string, file: string, syntax: Syntax = "code"): LineRange[] {
  const lines = file.split("\n").map((line) => significantTokens(line, syntax));
  const lineOfToken = lines.flatMap((tokens, line) => tokens.map(() => line));
  const held = new Map<number, number>();
  for (const run of keepRuns(significantTokens(snippet, syntax), lines.flat())) {
    for (let k = 0; k < run.length; k += 1) {
      const line = lineOfToken[run.to + k] as number;
      held.set(line, (held.get(line) ?? 0) + 1);
    }
  }
  const own = [...held].filter(([line, count]) => count * 2 >= (lines[line]?.length ?? 0)).map(([line]) => line + 1);
  return own.sort((left, right) => left - right).map((line) => ({ first: line, last: line }));
}

/** `git notes add`, with the note on standard input; the one process of Kept that changes a repository. */
async function attach(root: string, commit: string, note: string): Promise<void> {
  const child = spawn("git", ["notes", `--ref=${GIT_AI_REF}`, "add", "-f", "-F", "-", commit], {
    cwd: root,
    stdio: ["pipe", "ignore", "pipe"],
    windowsHide: true,
    timeout: 30_000,
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text.slice(0, 2_000)));
  child.stdin.on("error", () => {});
  child.stdin.end(note);
  const code = await new Promise<number | null>((resolve) => {
    child.once("error", () => resolve(null));
    child.once("close", resolve);
  });
  if (code !== 0) throw new AppError("git-unavailable", `The note was not written: ${complaint.trim().slice(0, 500)}`);
}
