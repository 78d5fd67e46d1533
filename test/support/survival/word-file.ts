/** Lines of eight words that occur nowhere else, so that what is left of a snippet can be counted. */
export const WORDS_PER_LINE = 8;

export type Random = () => number;

export const below = (random: Random, limit: number): number => Math.floor(random() * limit);

export const pick = <T>(items: readonly T[], random: Random): T => items[below(random, items.length)] as T;

/** Writes lines of new words. */
export const createWriter = (): (() => string) => {
  let nLines = 0;
  return () => {
    nLines += 1;
    return Array.from({ length: WORDS_PER_LINE }, (_, at) => `word${nLines}x${at}`).join(" ");
  };
};

/** One kind of edit of a tree of files, given as lines by path. */
export type Edit = (files: Map<string, string[]>, random: Random, newLine: () => string) => void;

export const EDITS: Readonly<Record<string, Edit>> = {
  "insert lines"(files, random, newLine) {
    const lines = pick([...files.values()], random);
    const fresh = Array.from({ length: 1 + below(random, 3) }, newLine);
    lines.splice(below(random, lines.length + 1), 0, ...fresh);
  },
  "delete lines"(files, random) {
    const lines = pick([...files.values()], random);
    lines.splice(below(random, lines.length), 1 + below(random, 3));
  },
  "replace a word"(files, random, newLine) {
    const lines = pick([...files.values()], random);
    const at = below(random, lines.length);
    const words = (lines[at] ?? "").trim().split(" ");
    // One a line: more would leave pieces that count as chance.
    if (words.length !== WORDS_PER_LINE || words.some((word) => word.endsWith("r") || word.endsWith(","))) return;
    words[1 + below(random, WORDS_PER_LINE - 2)] = `${newLine().split(" ")[0]}r`;
    lines[at] = words.join(" ");
  },
  "move lines within a file"(files, random) {
    const lines = pick([...files.values()], random);
    const moved = lines.splice(below(random, lines.length), 1 + below(random, 4));
    lines.splice(below(random, lines.length + 1), 0, ...moved);
  },
  "move lines to another file"(files, random) {
    const [from, to] = [pick([...files.values()], random), pick([...files.values()], random)];
    const moved = from.splice(below(random, from.length), 1 + below(random, 5));
    to.splice(below(random, to.length + 1), 0, ...moved);
  },
  "rename a file"(files, random, newLine) {
    const path = pick([...files.keys()], random);
    const lines = files.get(path) as string[];
    files.delete(path);
    files.set(`${pick(["src", "lib", "app"], random)}/${newLine().split(" ")[0]}.ts`, lines);
  },
  "break lines"(files, random) {
    const path = pick([...files.keys()], random);
    files.set(
      path,
      (files.get(path) as string[]).flatMap((line) => line.split(/(?<=x3\S*) /)),
    );
  },
  "join lines"(files, random) {
    const path = pick([...files.keys()], random);
    const lines = files.get(path) as string[];
    const at = below(random, lines.length);
    if (at + 1 < lines.length) lines.splice(at, 2, `${lines[at]} ${(lines[at + 1] as string).trim()}`);
  },
  "indent a file"(files, random) {
    const path = pick([...files.keys()], random);
    files.set(
      path,
      (files.get(path) as string[]).map((line) => `  ${line}`),
    );
  },
  "write a file with commas"(files, random) {
    const path = pick([...files.keys()], random);
    files.set(
      path,
      (files.get(path) as string[]).map((line) => line.replaceAll(",", "").replaceAll(/(?<=\S) /g, ", ")),
    );
  },
};

export const readLines = (text: string): string[] => {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
};

/** Words of a text, without the punctuation that a reformatting adds. */
export const wordsOf = (text: string): Set<string> => new Set(text.match(/\w+/g) ?? []);
