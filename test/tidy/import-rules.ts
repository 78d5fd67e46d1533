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

/** The doors to the network: where the server goes out and listens, and where editor and dashboard ask it. */
const DOORS: readonly RegExp[] = [
  /^server\/egress\//,
  /^server\/http\/listener\.ts$/,
  /^extension\/sync\/proven-http\.ts$/,
  // The model server that the person named, and allowed where it is another machine.
  /^extension\/suggest\/endpoint\/endpoint-http\.ts$/,
  /^media\/dashboard\/(api-client|event-stream|login)\.ts$/,
];
const NETWORK_MODULE = /^(node:)?(http|https|http2|net|tls|dgram|dns)(\/promises)?$|^undici$/;
const CONNECTS =
  /(?<![.\w])(?<!async )(?:globalThis\.)?fetch\(|new (?:WebSocket|EventSource|XMLHttpRequest)\(|sendBeacon\(/;

/** Why a source may not reach the network as it does, or null. Types alone reach nothing. */
export function networkProblem(file: string, source: string): string | null {
  if (!PROCESS_FOLDERS.includes(file.split("/")[0] ?? "") || DOORS.some((door) => door.test(file))) return null;
  const module = importsOf(source).find(({ specifier, typesOnly }) => !typesOnly && NETWORK_MODULE.test(specifier));
  if (module) return `${file}: imports ${module.specifier}; connections go through server/egress/`;
  const code = source.replaceAll(/^\s*(?:\/\/|\*|\/\*).*$/gm, "");
  return CONNECTS.test(code) ? `${file}: connects by itself; connections go through server/egress/` : null;
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
