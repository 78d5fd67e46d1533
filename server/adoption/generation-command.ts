import { InvalidArgumentError, type Command } from "commander";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { AppError } from "../errors.ts";
import { generation, MAX_GENERATION_CHARS } from "../../protocol/generations.ts";
import { MAX_BLOB_BYTES } from "../../tracker/blobs.ts";
import { describeIssues } from "../http/body.ts";
import { topFolder } from "./git-notes.ts";
import type { ImportParts } from "./import-command.ts";
import { cutLines, type LineRange, parseLineRanges } from "./line-ranges.ts";
import { openSink } from "./sink.ts";

interface GenerationFlags {
  readonly file: string;
  readonly lines?: LineRange;
  readonly repo?: string;
  readonly tool: string;
  readonly model?: string;
  readonly session?: string;
  readonly id?: string;
  readonly json?: boolean;
}

/** Adds `kept generation add`. */
export function addGenerationCommands(program: Command, { dataDir, setExit }: ImportParts): void {
  program
    .command("generation")
    .description("report code that another tool generated")
    .command("add")
    .description("follow and learn from lines that a tool has just written into a file")
    .requiredOption("--file <path>", "the file, as it is now")
    .option("--lines <a-b>", "the lines, counted from 1 (default: the whole file)", lineRange)
    .option("--repo <folder>", "git work tree (default: the one that the file is in)")
    .option("--tool <name>", "who wrote them", "agent")
    .option("--model <name>", "with which model")
    .option("--session <name>", "the tool's session: code of one session is counted together")
    .option("--id <name>", "the tool's own id: adding it again changes nothing")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample:\n  kept generation add --file src/sum.ts --lines 10-24 --tool claude --model opus\n",
    )
    .action(async (flags: GenerationFlags) => setExit(await addGeneration(flags, dataDir())));
}

async function addGeneration(flags: GenerationFlags, dataDir: string): Promise<number> {
  const file = path.resolve(flags.file);
  const signal = AbortSignal.timeout(30_000);
  const root = path.resolve(
    flags.repo ?? (await topFolder(path.dirname(file), signal).catch(() => path.dirname(file))),
  );
  const content = await readFile(file).catch((cause: unknown) => {
    throw new AppError("file-missing", `${flags.file} cannot be read.`, { cause });
  });
  if (content.length > MAX_BLOB_BYTES) throw new AppError("too-large", `${flags.file} is larger than 1 MiB.`);
  const text = content.toString("utf8");
  const range = flags.lines ?? { first: 1, last: Math.max(1, text.split("\n").length - (text.endsWith("\n") ? 1 : 0)) };
  const cut = cutLines(text, range);
  if (cut === null) throw new AppError("lines-missing", `${flags.file} has no lines ${range.first} to ${range.last}.`);
  const parsed = generation.safeParse({
    tool: flags.tool,
    model: flags.model ?? null,
    session: flags.session ?? null,
    id: flags.id,
    root,
    path: path.relative(root, file).split(path.sep).join("/"),
    line: range.first,
    text: cut.text,
    prefix: cut.before.slice(-MAX_GENERATION_CHARS / 8),
    suffix: cut.after.slice(0, MAX_GENERATION_CHARS / 8),
    at: new Date().toISOString(),
  });
  if (!parsed.success) throw new AppError("invalid", describeIssues(parsed.error));
  using sink = await openSink(dataDir);
  const [result] = await sink.takeGenerations([parsed.data]);
  if (result === undefined || result.status === "rejected") {
    throw new AppError("invalid", `The generation was refused: ${result?.reason ?? "no answer"}.`);
  }
  print(result, flags, () =>
    table(
      ["status", result.status],
      result.suggestionIds.map((id) => ["suggestion", id]),
    ),
  );
  return EXIT.done;
}

const lineRange = (text: string): LineRange => {
  const ranges = parseLineRanges(text);
  if (ranges?.length === 1) return ranges[0] as LineRange;
  throw new InvalidArgumentError("It has to be a line or two joined by a hyphen, such as 10-24.");
};
