import { Option, type Command } from "commander";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";
import type { ImportOrigin } from "../../protocol/imports.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { AppError } from "../errors.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { topFolder } from "./git-notes.ts";
import { type Found, findGitAiGenerations } from "./import-git-ai.ts";
import { findTracedGenerations } from "./import-agent-trace.ts";
import { openSink, type Sink } from "./sink.ts";
import { acceptedCode } from "../survival/accepted-code.ts";
import { walkHistory } from "../survival/history-walk.ts";
import { openReading } from "../survival/reading.ts";
import { walkedEvents } from "../survival/walked-events.ts";

export interface ImportParts {
  readonly dataDir: () => string;
  readonly setExit: (code: number) => void;
}

interface ImportFlags {
  readonly repo: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** The usual place of Agent Trace records below the top folder. */
const USUAL_TRACES = path.join(".agent-trace", "traces.jsonl");
/** A file of records; larger ones are cut up by whoever wrote them. */
const MAX_TRACE_BYTES = 64 * 1024 * 1024;
/** Longest name of an import, characters. */
const MAX_NAME_CHARS = 256;
/** Refusals that a person reads; `--json` has all. */
const SHOWN_REFUSALS = 20;

/** Adds the parts of `kept import` that adopt what other tools recorded of generated code. */
export function addImportCommands(group: Command, parts: ImportParts): void {
  const dryRun = () => new Option("--dry-run", "say what would be imported and change nothing");
  const repo = () => new Option("--repo <folder>", "git work tree").default(".", "this folder");
  group
    .command("git-ai")
    .description("take in the code that git-ai's notes (refs/notes/ai, standard v3) attribute to AI sessions")
    .addOption(repo())
    .addOption(dryRun())
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  git fetch origin refs/notes/ai:refs/notes/ai && kept import git-ai --repo .\n")
    .action(async (flags: ImportFlags) => parts.setExit(await runImport(flags, parts, findGitAiGenerations, "git-ai")));
  group
    .command("agent-trace [file]")
    .description(
      `take in the code that Agent Trace records attribute to AI (default: ${USUAL_TRACES} of the repository)`,
    )
    .addOption(repo())
    .addOption(dryRun())
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  kept import agent-trace traces.jsonl --repo .\n")
    .action(async (file: string | undefined, flags: ImportFlags) =>
      parts.setExit(
        await runImport(
          flags,
          parts,
          async (root, signal) =>
            findTracedGenerations(root, await readTraces(path.resolve(file ?? path.join(root, USUAL_TRACES))), signal),
          "agent-trace",
        ),
      ),
    );
}

async function runImport(
  flags: ImportFlags,
  { dataDir }: ImportParts,
  find: (root: string, signal: AbortSignal) => Promise<Found>,
  kind: ImportOrigin["kind"],
): Promise<number> {
  using interrupt = createInterrupt();
  const { signal } = interrupt;
  try {
    const root = await topFolder(path.resolve(flags.repo), signal);
    const found = await find(root, signal);
    const taken = flags.dryRun === true ? null : await take(found, root, kind, dataDir(), signal);
    const value = { root, read: found.nRead, found: found.generations.length, ...taken, refused: found.refused };
    print(value, flags, () => describe(found, taken));
    return found.nRead > 0 && found.generations.length === 0 && found.refused.length > 0 ? EXIT.failed : EXIT.done;
  } catch (error) {
    if (!signal.aborted) throw error;
    return EXIT.interrupted;
  }
}

interface Taken {
  /** What is held until it is accepted; null when nothing was new. */
  readonly import: string | null;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: readonly { readonly id: string | null; readonly reason: string }[];
  readonly suggestionIds: readonly string[];
}

/** Takes generations in, and what has become of the new ones since they were written. */
async function take(
  found: Found,
  root: string,
  kind: ImportOrigin["kind"],
  dataDir: string,
  signal: AbortSignal,
): Promise<Taken> {
  using sink = await openSink(dataDir);
  const origin = { id: uuidv7(), kind, name: path.basename(root).slice(0, MAX_NAME_CHARS) || "/" };
  const results = await sink.takeGenerations(found.generations, origin);
  const fresh = new Set(results.flatMap(({ status, suggestionIds }) => (status === "accepted" ? suggestionIds : [])));
  if (fresh.size > 0) await follow(fresh, root, dataDir, sink, signal);
  const rejected = results.filter(({ status }) => status === "rejected");
  return {
    import: fresh.size > 0 ? origin.id : null,
    accepted: results.filter(({ status }) => status === "accepted").length,
    duplicates: results.filter(({ status }) => status === "duplicate").length,
    rejected: rejected.map(({ id, reason }) => ({ id, reason: reason ?? "refused" })),
    suggestionIds: results.flatMap(({ suggestionIds }) => suggestionIds),
  };
}

async function follow(
  ids: ReadonlySet<string>,
  root: string,
  dataDir: string,
  sink: Sink,
  signal: AbortSignal,
): Promise<void> {
  const codes = [];
  {
    using reading = openReading(dataDir);
    for (const id of ids) {
      const suggestion = reading.suggestion(id);
      const code = suggestion === null ? null : acceptedCode(id, suggestion.events, root);
      if (code !== null) codes.push(code);
    }
  }
  const survivals = await walkHistory(root, codes, signal);
  const now = Date.now();
  await sink.takeEvents(
    codes.flatMap((code) => {
      const survival = survivals.get(code.id);
      return survival === undefined ? [] : walkedEvents(code, survival, now);
    }),
  );
}

const describe = (found: Found, taken: Taken | null): string =>
  table(
    ["read", String(found.nRead)],
    [
      ["found", `${found.generations.length} generations`],
      ...(taken === null
        ? [["imported", "nothing: --dry-run"]]
        : [
            ["imported", `${taken.accepted} new, ${taken.duplicates} known before`],
            ...(taken.import === null
              ? []
              : [["held", `nothing is learnt from it until: kept import accept ${taken.import}`]]),
            ...taken.rejected.slice(0, SHOWN_REFUSALS).map(({ id, reason }) => ["rejected", `${id}: ${reason}`]),
          ]),
      ...found.refused
        .slice(0, SHOWN_REFUSALS)
        .map(({ where, code, reason }) => ["left out", `${where}: ${reason} (${code})`]),
      ...(found.refused.length > SHOWN_REFUSALS ? [["left out", `${found.refused.length - SHOWN_REFUSALS} more`]] : []),
    ],
  );

async function readTraces(file: string): Promise<string> {
  const size = await stat(file).then(
    ({ size }) => size,
    () => null,
  );
  if (size === null) throw new AppError("not-found", `There is no file ${file}.`, { hint: "Name a file of records." });
  if (size > MAX_TRACE_BYTES) throw new AppError("too-large", `${file} is larger than 64 MiB.`);
  return readFile(file, "utf8");
}
