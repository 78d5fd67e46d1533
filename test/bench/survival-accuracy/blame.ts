import { gitStream } from "../../../tracker/git.ts";

/** A line of a later file that git traces back to an earlier commit. */
export interface TracedLine {
  /** Line in the commit's own file, from 0. */
  readonly origin: number;
  /** Line in the later file, from 0. */
  readonly line: number;
}

/** Lines of a later file by commit and the path that they had in it: key `<commit> <path>`. */
export type Blame = ReadonlyMap<string, readonly TracedLine[]>;

/** `git blame --first-parent -w -M` of one file; null when git cannot say. */
export const blameOf = async (
  repo: string,
  commit: string,
  path: string,
  signal: AbortSignal,
): Promise<Blame | null> => {
  const args = ["blame", "--first-parent", "-w", "-M", "--incremental", commit, "--", path];
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of gitStream(repo, args, signal).chunks) chunks.push(chunk);
  } catch (error) {
    if (signal.aborted) throw error;
    return null;
  }
  const blame = new Map<string, TracedLine[]>();
  let group: { commit: string; origin: number; line: number; count: number } | null = null;
  for (const text of Buffer.concat(chunks).toString("utf8").split("\n")) {
    const header = /^([0-9a-f]{40}) (\d+) (\d+) (\d+)$/.exec(text);
    if (header !== null) {
      const [, id = "", origin, line, count] = header;
      group = { commit: id, origin: Number(origin) - 1, line: Number(line) - 1, count: Number(count) };
    } else if (group !== null && text.startsWith("filename ")) {
      const key = `${group.commit} ${text.slice("filename ".length)}`;
      const lines = blame.get(key) ?? [];
      blame.set(key, lines);
      for (let k = 0; k < group.count; k += 1) lines.push({ origin: group.origin + k, line: group.line + k });
      group = null;
    }
  }
  return blame;
};

/** Renames of the first-parent line, oldest first. */
export interface Rename {
  /** Position of the commit in the first-parent line. */
  readonly index: number;
  readonly from: string;
  readonly to: string;
}

export const readRenames = async (
  repo: string,
  commits: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Rename[]>> => {
  const indexOf = new Map(commits.map((commit, index) => [commit, index]));
  const args = [
    "log",
    "--first-parent",
    "-m",
    "-M",
    "--reverse",
    "--diff-filter=R",
    "--name-status",
    "--format=%x01%H",
  ];
  const chunks: Buffer[] = [];
  for await (const chunk of gitStream(repo, [...args, commits.at(-1) ?? "HEAD"], signal).chunks) chunks.push(chunk);
  const renames = new Map<string, Rename[]>();
  let index = 0;
  for (const line of Buffer.concat(chunks).toString("utf8").split("\n")) {
    if (line.startsWith("\u0001")) index = indexOf.get(line.slice(1)) ?? 0;
    const [status, from, to] = line.split("\t");
    if (status === undefined || !/^R\d+$/.test(status) || from === undefined || to === undefined) continue;
    const list = renames.get(from);
    if (list === undefined) renames.set(from, [{ index, from, to }]);
    else list.push({ index, from, to });
  }
  return renames;
};

/** The path that a file has at a later commit of the line. */
export const pathLater = (
  renames: ReadonlyMap<string, readonly Rename[]>,
  path: string,
  after: number,
  until: number,
): string => {
  let [name, index] = [path, after];
  for (;;) {
    const rename = renames.get(name)?.find((candidate) => candidate.index > index && candidate.index <= until);
    if (rename === undefined) return name;
    name = rename.to;
    index = rename.index;
  }
};
