import { gitCommand } from "../../tracker/git-command.ts";

/** Finds the file of a commit that another machine names by its own path. */
export interface TreePaths {
  /** Null when no file fits, or several fit as well. */
  find(named: string): string | null;
}

/** Reads the paths of a commit's tree. */
export async function readTreePaths(top: string, commit: string, signal: AbortSignal): Promise<TreePaths> {
  const listing = await gitCommand(top, ["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit], signal);
  return treePaths(
    top,
    listing.split("\0").filter((path) => path !== ""),
  );
}

/**
 * The path itself, below the top folder or relative to it; else the only path that ends as the named one does,
 * with at least the file's own name and folder alike, or the name alone where only one file bears it.
 */
export function treePaths(top: string, paths: readonly string[]): TreePaths {
  const known = new Set(paths);
  const byName = Map.groupBy(paths, nameOf);
  const found = new Map<string, string | null>();
  const find = (named: string): string | null => {
    const path = plain(named);
    const folder = `${plain(top)}/`;
    const relative = path.startsWith(folder) ? path.slice(folder.length) : path.replace(/^(?:\.\/)+/, "");
    if (known.has(relative)) return relative;
    if (INSTALLED.test(path)) return null;
    const ranked = (byName.get(nameOf(path)) ?? [])
      .map((candidate) => ({ candidate, nAlike: alikeFromTheEnd(candidate, path) }))
      .sort((left, right) => right.nAlike - left.nAlike);
    const [best, second] = ranked;
    if (best === undefined || best.nAlike === second?.nAlike) return null;
    return best.candidate;
  };
  return {
    find(named) {
      const before = found.get(named);
      if (before !== undefined) return before;
      const path = find(named);
      found.set(named, path);
      return path;
    },
  };
}

/** Code of others, of which a file here may bear the name. */
const INSTALLED = /(?:^|\/)(?:node_modules|site-packages|dist-packages)\//;

const plain = (path: string): string =>
  path
    .replaceAll("\\", "/")
    .replace(/^(?:file|webpack|webpack-internal):\/\/\/?/, "/")
    .replace(/[?#].*$/, "");
const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

function alikeFromTheEnd(left: string, right: string): number {
  const [a, b] = [left.split("/").reverse(), right.split("/").reverse()];
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n += 1;
  return n;
}
