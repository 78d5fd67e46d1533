import path from "node:path";

/** One import of a file: where it points, and whether only types come through it. */
export interface Import {
  readonly specifier: string;
  readonly typesOnly: boolean;
}

const IMPORT =
  /(?:^|[\n;])[ \t]*(?:import|export)\s+(type\s)?[^;"'`]*?\bfrom\s+["']([^"']+)["']|(?:^|[\n;])[ \t]*import\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g;

export function importsOf(source: string): Import[] {
  return [...source.matchAll(IMPORT)].map(([, types, from, bare, dynamic]) => ({
    specifier: from ?? bare ?? dynamic ?? "",
    typesOnly: types !== undefined,
  }));
}

/** Allowed imports of architecture.md between top folders, each with itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  protocol: ["protocol"],
  core: ["core"],
  engine: ["engine", "core"],
  tracker: ["tracker", "core"],
  server: ["server", "protocol", "core", "engine", "tracker"],
  extension: ["extension", "protocol", "core", "tracker"],
  media: ["media", "protocol"],
};
export const PROCESS_FOLDERS = Object.keys(ALLOWED);

/** The one module of the engine that the extension runs: it forks the engine process. */
const ENGINE_DOOR = "engine/process/host.ts";

/** Folders of server/ that app.ts joins and that never import each other. */
const STAGES = ["ingest", "labels", "datasets", "training", "evaluation", "registry", "push", "integrations"];

/** Packages that a folder may import; undefined is any of package.json. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = { core: [], protocol: ["zod"] };

/** Why `file` may not import this, or null. Paths are relative to the repository, with forward slashes. */
export function importProblem(file: string, { specifier, typesOnly }: Import): string | null {
  const folder = file.split("/")[0] ?? "";
  const allowed = ALLOWED[folder];
  if (!allowed) return null;
  if (!specifier.startsWith(".")) {
    if (specifier === "vscode" && folder !== "extension") return `${file}: only extension/ imports vscode`;
    const packages = PACKAGES[folder];
    return packages && !packages.includes(specifier) ? `${file}: ${folder}/ may not import ${specifier}` : null;
  }
  const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
  return targetProblem(file, target, typesOnly);
}

/** Why `file` may not depend on the file `target`, or null. */
export function targetProblem(file: string, target: string, typesOnly: boolean): string | null {
  const [folder = "", stage = ""] = file.split("/");
  const [targetFolder = "", targetStage = ""] = target.split("/");
  if (target.startsWith("../")) return `${file}: imports ${target}, outside the repository`;
  if (folder === "extension" && targetFolder === "engine") {
    return typesOnly || target === ENGINE_DOOR
      ? null
      : `${file}: extension/ forks the engine, it does not run ${target}`;
  }
  if (targetFolder !== "package.json" && !ALLOWED[folder]?.includes(targetFolder)) {
    return `${file}: ${folder}/ may not import ${target}`;
  }
  const betweenStages = folder === "server" && targetFolder === "server" && stage !== targetStage;
  if (betweenStages && STAGES.includes(stage) && STAGES.includes(targetStage) && !typesOnly) {
    return `${file}: stages never import each other (${target}); app.ts joins them`;
  }
  return null;
}
