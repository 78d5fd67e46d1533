import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document } from "yaml";
import type { z } from "zod";
import { nearestName } from "./nearest-name.ts";

/** What is wrong with a file, and where. */
export interface ConfigProblem {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
  /** `training.rank`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
  /** What was likely meant. */
  readonly suggestion: string | null;
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T; readonly source: YamlSource }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** YAML text with the places of its keys. */
export interface YamlSource {
  readonly value: unknown;
  /** A problem at a key; at the nearest key above it when it is not there. */
  problem(at: Path, message: string, suggestion?: string | null): ConfigProblem;
}

type Path = readonly (string | number)[];

/** A configuration has a few hundred keys, characters. */
const MAX_CHARS = 262_144;

/** Reads YAML and holds it against a schema. Every problem names line and column; `file` is what they are said of. */
export function parseYaml<S extends z.ZodType>(
  text: string,
  file: string,
  schemaFor: S | ((value: unknown) => S),
): Parsed<z.infer<S>> {
  const opened = openYaml(text, file);
  if (!opened.ok) return opened;
  const { source } = opened;
  const schema = typeof schemaFor === "function" ? schemaFor(source.value) : schemaFor;
  const parsed = schema.safeParse(source.value);
  if (parsed.success) return { ok: true, value: parsed.data, source };
  return { ok: false, problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, schema, source)) };
}

/** `file:line:column: key: message. Did you mean x?`, one line each. */
export const describeProblem = ({ file, line, column, key, message, suggestion }: ConfigProblem): string =>
  `${file}:${line}:${column}: ${key || "the file"}: ${message}${suggestion === null ? "" : ` (did you mean ${suggestion}?)`}`;

function openYaml(
  text: string,
  file: string,
): { ok: true; source: YamlSource } | { ok: false; problems: ConfigProblem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text.slice(0, MAX_CHARS), { lineCounter: lines, prettyErrors: false });
  const at = (offset: number, key: string, message: string, suggestion: string | null = null): ConfigProblem => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col), key, message, suggestion };
  };
  const bad = [...document.errors, ...document.warnings].map((error) => at(error.pos[0], "", error.message));
  if (text.length > MAX_CHARS) bad.push(at(0, "", `longer than ${MAX_CHARS} characters`));
  if (bad.length > 0) return { ok: false, problems: bad };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 20 });
  } catch (error) {
    return { ok: false, problems: [at(0, "", (error as Error).message)] };
  }
  return {
    ok: true,
    source: {
      value,
      problem: (path, message, suggestion = null) => at(offsetOf(document, path), path.join("."), message, suggestion),
    },
  };
}

/** Where a key stands; the nearest one above it that is there when it is missing. */
function offsetOf(document: Document, path: Path): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const holder = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    const step = path[depth - 1]!;
    const node = isMap(holder)
      ? holder.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))?.key
      : isSeq(holder)
        ? holder.items[Number(step)]
        : null;
    const range = (node as { range?: readonly number[] } | null | undefined)?.range;
    if (range !== undefined) return range[0]!;
  }
  return document.contents?.range?.[0] ?? 0;
}

type Issue = z.core.$ZodIssue;

function problemsOf(issue: Issue, schema: z.ZodType, source: YamlSource): ConfigProblem[] {
  const path = issue.path.map((part) => (typeof part === "symbol" ? part.toString() : part));
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, path);
    return issue.keys.map((key) => source.problem([...path, key], "there is no such key", nearestName(key, known)));
  }
  const written = valueAt(source.value, path);
  if (issue.code === "invalid_value" && typeof written === "string") {
    const values = issue.values.map(String);
    return [source.problem(path, `one of ${values.join(", ")}`, nearestName(written, values))];
  }
  const isMissing = issue.code === "invalid_type" && written === undefined;
  return [source.problem(path, isMissing ? "this key has to be there" : issue.message)];
}

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((holder, step) => (holder as Record<string, unknown> | null | undefined)?.[step], value);

/** Names of the keys that an object of the schema has at a path. */
function keysAt(schema: z.ZodType, path: Path): string[] {
  let at: unknown = schema;
  for (const step of path) {
    const { shape, element } = inner(at);
    at = shape === undefined ? element : shape[step];
  }
  return Object.keys(inner(at).shape ?? {});
}

interface Inner {
  readonly shape?: Record<string, unknown>;
  readonly element?: unknown;
}

/** The object or array inside defaults and other wraps. */
function inner(schema: unknown): Inner {
  let at = schema as { def?: { innerType?: unknown } } & Inner;
  while (at?.def?.innerType !== undefined) at = at.def.innerType as typeof at;
  return at ?? {};
}
