import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";

/** One function with its tests and the places where parts of it can be taken out. */
export interface InfillingCase {
  /** Unique within its file, kebab-case. */
  readonly name: string;
  /** TypeScript that Node runs as it is; each hole stands between HOLE_START and HOLE_END. */
  readonly code: string;
  /** Statements that throw, with `assert` of node:assert/strict in scope, unless the function is right. */
  readonly assertions: string;
}

export interface CaseFile {
  /** Kebab-case; also the folder that the model is told the code stands in. */
  readonly name: string;
  readonly about: string;
  readonly cases: readonly InfillingCase[];
}

/** A whole line, the rest of a line from the cursor, or one construct of 2 to 4 lines. */
export type HoleKind = "line" | "rest" | "block";

/** A function with one hole. The other holes of its case hold their own code. */
export interface InfillingTask {
  /** `file/case#hole`, holes counted from 1. */
  readonly id: string;
  readonly kind: HoleKind;
  /** Path shown to the model. */
  readonly path: string;
  /** Code before the hole; ends behind the indentation of the hole's line. */
  readonly prefix: string;
  /** Code after the hole; begins with the end of the hole's last line. */
  readonly suffix: string;
  /** What stands in the hole: one right answer of many. */
  readonly reference: string;
  readonly assertions: string;
}

const HOLE_START = "«";
const HOLE_END = "»";
const HOLE = /«([^«»]*)»/g;
const FENCE = "```";

/**
 * Reads a file of cases:
 *
 *     # <file name>
 *     <one line about the file>
 *     ## <case name>
 *     ```ts  the code, holes in «»  ```
 *     ```ts  the assertions  ```
 *
 * with a blank line between any two of these. Throws with the case's name for anything else, so that
 * `formatCases(parseCases(text)) === text` for every text that is read.
 */
export function parseCases(markdown: string): CaseFile {
  const [head = "", ...sections] = markdown.split(/^(?=## )/m);
  const title = /^# ([a-z0-9-]+)\n\n([^\n#]+)\n\n?$/.exec(head);
  if (!title) throw new SyntaxError(`A file of infilling cases begins with a name and a line about it: ${head}`);
  return { name: title[1]!, about: title[2]!, cases: sections.map(parseCase) };
}

function parseCase(section: string): InfillingCase {
  const match = /^## ([a-z0-9-]+)\n\n```ts\n([^`][^]*?)\n```\n\n```ts\n([^]*?)\n```\n\n?$/.exec(section);
  if (!match) throw new SyntaxError(`Not an infilling case: ${section.slice(0, 80)}`);
  const [, name, code, assertions] = match as unknown as [string, string, string, string];
  for (const text of [code, assertions]) {
    if (text.includes(FENCE)) throw new SyntaxError(`${name}: a fence within a fence`);
  }
  const isBalanced = !/[«»]/.test(code.replace(HOLE, "")) && !/[«»]/.test(assertions);
  if (!isBalanced || code.search(HOLE) < 0) throw new SyntaxError(`${name}: holes stand between « and », not nested`);
  return { name, code, assertions };
}

/** The text that `parseCases` reads. */
export function formatCases(file: CaseFile): string {
  const sections = file.cases.map(({ name, code, assertions }) =>
    [`## ${name}`, `${FENCE}ts\n${code}\n${FENCE}`, `${FENCE}ts\n${assertions}\n${FENCE}`].join("\n\n"),
  );
  return [`# ${file.name}`, file.about, ...sections].join("\n\n") + "\n";
}

/** One task for each hole of each case, in order. */
export function tasksOf(file: CaseFile): InfillingTask[] {
  return file.cases.flatMap(({ name, code, assertions }) =>
    [...code.matchAll(HOLE)].map((hole, i) => {
      const id = `${file.name}/${name}#${i + 1}`;
      const prefix = withoutMarks(code.slice(0, hole.index));
      const suffix = withoutMarks(code.slice(hole.index + hole[0].length)) + "\n";
      const reference = hole[1]!;
      const path = `src/${file.name}/${name}.ts`;
      return { id, kind: kindOf(id, prefix, reference, suffix), path, prefix, suffix, reference, assertions };
    }),
  );
}

/** Every task of this folder. */
export function readTasks(): InfillingTask[] {
  const folder = path.join(import.meta.dirname, "tasks");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".md"))
    .sort()
    .flatMap((name) => tasksOf(parseCases(readFileSync(path.join(folder, name), "utf8"))));
}

/** The task's code with the completion in its hole. */
export const fillHole = (task: InfillingTask, completion: string): string => task.prefix + completion + task.suffix;

const withoutMarks = (code: string): string => code.replaceAll(HOLE_START, "").replaceAll(HOLE_END, "");

function kindOf(id: string, prefix: string, reference: string, suffix: string): HoleKind {
  if (!suffix.startsWith("\n") || reference.trim() !== reference || reference === "") {
    throw new SyntaxError(`${id}: a hole begins at code and ends at the end of a line`);
  }
  const nLines = reference.split("\n").length;
  if (nLines > 4) throw new SyntaxError(`${id}: a hole has at most 4 lines`);
  if (nLines > 1) return "block";
  return prefix.slice(prefix.lastIndexOf("\n") + 1).trim() === "" ? "line" : "rest";
}
