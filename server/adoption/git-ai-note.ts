import { z } from "zod";
import { nestsDeeperThan } from "../http/body.ts";
import { formatLineRanges, joinRanges, type LineRange, parseLineRanges } from "./line-ranges.ts";

/**
 * Authorship logs of the Git AI Standard v3.0.0, kept as git notes under `refs/notes/ai`: which lines of a
 * commit's files an AI session wrote, then `---`, then what each session was.
 */
export interface AuthorshipLog {
  readonly files: readonly { readonly path: string; readonly entries: readonly Attestation[] }[];
}

export interface Attestation {
  /** As written: `s_<session>::t_<trace>`, or 7 or 16 hex digits in older notes. */
  readonly key: string;
  readonly tool: string;
  readonly model: string | null;
  /** The session or conversation in the tool's own words; null when the note has none. */
  readonly session: string | null;
  readonly ranges: readonly LineRange[];
}

export const GIT_AI_REF = "refs/notes/ai";
const SCHEMA_VERSION = "authorship/3.0.0";

export type NoteProblem =
  | { readonly ok: true; readonly log: AuthorshipLog }
  | { readonly ok: false; readonly reason: string };

/** Against notes that name every line of every file. */
const MAX_FILES = 5_000;
const MAX_ENTRIES = 50_000;
const MAX_NESTING = 32;

const agent = z.object({
  tool: z.string().min(1).max(64),
  id: z.string().max(256).default(""),
  model: z.string().max(250).nullish(),
});
const record = z.object({ agent_id: agent });
/** Other schema versions of major 3 add fields; unknown ones are passed over. */
const metadata = z.object({
  schema_version: z.string().regex(/^authorship\/3\.\d+\.\d+$/, "it has to be authorship/3.x.y"),
  prompts: z.record(z.string(), record).default({}),
  sessions: z.record(z.string(), record).default({}),
});

const KEY = /^(?:[0-9a-f]{7}|[0-9a-f]{16}|s_[0-9a-f]{1,64}::t_[0-9a-f]{1,64}|h_[0-9a-f]{1,64})$/;

/** Reads a note. Lines of known humans are passed over; entries whose session the note does not describe, too. */
export function parseAuthorshipLog(note: string): NoteProblem {
  const lines = note.replaceAll("\r\n", "\n").split("\n");
  const divider = lines.indexOf("---");
  if (divider === -1) return refuse("there is no line of three dashes");
  const described = parseMetadata(lines.slice(divider + 1).join("\n"));
  if (!described.ok) return described;
  const files: { path: string; entries: Attestation[] }[] = [];
  let nEntries = 0;
  for (const [at, line] of lines.slice(0, divider).entries()) {
    if (line === "") continue;
    const where = `line ${at + 1}`;
    if (!line.startsWith(" ")) {
      const path = parsePath(line);
      if (path === null) return refuse(`${where}: the path is not one inside of the repository`);
      if (files.length === MAX_FILES) return refuse(`more than ${MAX_FILES} files`);
      files.push({ path, entries: [] });
      continue;
    }
    const [, key = "", spec = ""] = /^ {2}(\S+) (\S+)$/.exec(line) ?? [];
    const ranges = parseLineRanges(spec);
    const file = files.at(-1);
    if (!KEY.test(key) || ranges === null || file === undefined) {
      return refuse(`${where}: it is not a key and ascending line ranges below a path`);
    }
    nEntries += ranges.length;
    if (nEntries > MAX_ENTRIES) return refuse(`more than ${MAX_ENTRIES} ranges`);
    const session = sessionOf(key, described.value);
    if (session !== null) file.entries.push({ key, ...session, ranges });
  }
  return { ok: true, log: { files: files.filter(({ entries }) => entries.length > 0) } };
}

const refuse = (reason: string): { ok: false; reason: string } => ({ ok: false, reason });

function parseMetadata(json: string): { ok: true; value: z.infer<typeof metadata> } | { ok: false; reason: string } {
  if (nestsDeeperThan(json, MAX_NESTING)) return refuse("the metadata nests too deeply");
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return refuse("the metadata is not JSON");
  }
  const parsed = metadata.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issue = parsed.error.issues[0];
  return refuse(`the metadata: ${issue?.path.map(String).join(".").slice(0, 100) ?? ""}: ${issue?.message ?? "wrong"}`);
}

function sessionOf(
  key: string,
  { prompts, sessions }: z.infer<typeof metadata>,
): Pick<Attestation, "tool" | "model" | "session"> | null {
  if (key.startsWith("h_")) return null;
  const table = key.startsWith("s_") ? sessions : prompts;
  const name = key.split("::")[0] as string;
  if (!Object.hasOwn(table, name)) return null;
  const { tool, id, model } = (table[name] as z.infer<typeof record>).agent_id;
  return { tool, model: model || null, session: id || null };
}

/** Quoted when it has white space. Null for what leaves the repository. */
function parsePath(line: string): string | null {
  const path = /^"([^"]+)"$/.exec(line)?.[1] ?? line;
  if (path === "" || path.length > 4_096 || /[\0"\\]|^[a-z]:/i.test(path)) return null;
  return path.split("/").some((part) => part === "" || part === "." || part === "..") ? null : path;
}

/** What is written for one commit. */
export interface WrittenLog {
  /** Parent or commit that the log was computed against. */
  readonly base: string;
  readonly sessions: readonly {
    readonly key: string;
    readonly tool: string;
    readonly id: string;
    readonly model: string;
  }[];
  readonly files: readonly {
    readonly path: string;
    readonly entries: readonly {
      readonly key: string;
      readonly trace: string;
      readonly ranges: readonly LineRange[];
    }[];
  }[];
}

/** Writes a note in the sessions format. Files and entries are sorted, so that the same log is the same note. */
export function formatAuthorshipLog({ base, sessions, files }: WrittenLog): string {
  const byPath = [...files].sort((left, right) => (left.path < right.path ? -1 : 1));
  const attested = byPath.flatMap(({ path, entries }) => [
    /\s/.test(path) ? `"${path}"` : path,
    ...entries.map(({ key, trace, ranges }) => `  ${key}::${trace} ${formatLineRanges(joinRanges(ranges))}`),
  ]);
  const described = {
    schema_version: SCHEMA_VERSION,
    base_commit_sha: base,
    prompts: {},
    sessions: Object.fromEntries(
      [...sessions]
        .sort((left, right) => (left.key < right.key ? -1 : 1))
        .map(({ key, tool, id, model }) => [key, { agent_id: { tool, id, model } }]),
    ),
  };
  return [...attested, "---", JSON.stringify(described, null, 2), ""].join("\n");
}
