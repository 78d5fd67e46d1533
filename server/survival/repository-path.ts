import path from "node:path";

/** The path, relative to a repository's top folder, of a file of a workspace folder; null when it is not inside. */
export function repositoryPath(top: string, folder: string, file: string): string | null {
  const relative = path.relative(path.resolve(top), path.resolve(folder, file));
  const inside = relative !== "" && !relative.startsWith("..") && !path.isAbsolute(relative);
  return inside ? relative.split(path.sep).join("/") : null;
}
