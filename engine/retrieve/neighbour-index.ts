import type { PromptExample } from "../generate/completion.ts";
import { identifiersOf } from "./identifiers.ts";

/** A file that stands open beside the one that is written in. */
export interface NeighbourFile {
  /** Workspace folder that it belongs to. */
  readonly root: string;
  /** Path inside the folder, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface NeighbourQuery {
  /** Text before the cursor. */
  readonly prefix: string;
  readonly path: string;
  readonly root: string;
}

export interface NeighbourIndex {
  /** Excerpts of other files of the same folder, at most one a file, the most useful last. */
  excerpts(query: NeighbourQuery, limit: number): PromptExample[];
}

/** More of a file is not read, characters. */
const MAX_FILE_CHARS = 40_000;
/** Length of an excerpt, characters: about 15 lines. */
const EXCERPT_CHARS = 500;
/** The end of the prefix that says what is being written, characters. */
const QUERY_CHARS = 800;
/** An excerpt has to share at least so many rare names; one alone is chance more often than kinship. */
const MIN_SHARED = 2;
const IMPORTED_FACTOR = 2;

/**
 * Finds in each neighbouring file the stretch of lines that shares most names with the text before the
 * cursor. A name counts the less, the more files have it; files that the text imports count double.
 */
export function createNeighbourIndex(files: readonly NeighbourFile[]): NeighbourIndex {
  const entries = files.map((file) => {
    const lines = file.text.slice(0, MAX_FILE_CHARS).split("\n");
    return { file, lines, names: lines.map((line) => [...identifiersOf(line).keys()]) };
  });
  const nFilesWith = new Map<string, number>();
  for (const { names } of entries) {
    for (const name of new Set(names.flat())) nFilesWith.set(name, (nFilesWith.get(name) ?? 0) + 1);
  }
  const rarity = (name: string): number => 1 / (nFilesWith.get(name) ?? 1);

  return {
    excerpts({ prefix, path, root }, limit) {
      const wanted = new Set(identifiersOf(prefix.slice(-QUERY_CHARS)).keys());
      const found = entries
        .filter(({ file }) => file.root === root && file.path !== path)
        .map(({ file, lines, names }) => {
          const { score, text } = bestStretch(lines, names, wanted, rarity);
          return { path: file.path, text, score: score * (imports(prefix, file.path) ? IMPORTED_FACTOR : 1) };
        })
        .filter(({ score, text }) => score >= MIN_SHARED / 2 && text.trim() !== "");
      const chosen: PromptExample[] = [];
      for (const { path: at, text } of found.toSorted((a, b) => b.score - a.score)) {
        if (chosen.length >= limit) break;
        // What the prompt holds already would only cost tokens.
        const isKnown = prefix.includes(text.trim()) || chosen.some((other) => other.text === text);
        if (!isKnown) chosen.push({ path: at, text });
      }
      return chosen.reverse();
    },
  };
}

/** The stretch of at most EXCERPT_CHARS whose lines name most of what is wanted, each name counted once. */
function bestStretch(
  lines: readonly string[],
  names: readonly (readonly string[])[],
  wanted: ReadonlySet<string>,
  rarity: (name: string) => number,
): { readonly score: number; readonly text: string } {
  const inside = new Map<string, number>();
  let best = { score: 0, from: 0, to: 0 };
  let score = 0;
  let nChars = 0;
  let from = 0;
  for (let to = 0; to < lines.length; to++) {
    nChars += lines[to]!.length + 1;
    for (const name of names[to]!) {
      if (!wanted.has(name)) continue;
      const count = inside.get(name) ?? 0;
      if (count === 0) score += rarity(name);
      inside.set(name, count + 1);
    }
    while (nChars > EXCERPT_CHARS && from < to) {
      nChars -= lines[from]!.length + 1;
      for (const name of names[from]!) {
        const count = inside.get(name);
        if (count === undefined) continue;
        if (count === 1) {
          inside.delete(name);
          score -= rarity(name);
        } else inside.set(name, count - 1);
      }
      from++;
    }
    // Of equals the last, so that the excerpt goes on after the names: what follows is what they are.
    if (score > 0 && score > best.score - 1e-9) best = { score, from, to: to + 1 };
  }
  return { score: best.score, text: lines.slice(best.from, best.to).join("\n").slice(0, EXCERPT_CHARS) };
}

/** Whether a text imports a file by a path that ends in its name. */
function imports(text: string, path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.[^.]+$/, "");
  return name.length > 1 && new RegExp(`(?:from|import|require)[^\\n]*/${escaped(name)}(?:\\.[a-z]+)?["']`).test(text);
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
