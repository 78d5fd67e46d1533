import { importProblem, importsOf, networkProblem, PROCESS_FOLDERS, targetProblem } from "./import-rules.ts";
import { isSource, readText, repositoryFiles, root } from "./tracked-files.ts";
import assert from "node:assert/strict";
import path from "node:path";
import { build, type BuildOptions, type Metafile } from "esbuild";

const BUILD_TIMEOUT_MS = 60_000;

function check(file: string, source: string, expected: RegExp | null): void {
  const problems = importsOf(source).flatMap((found) => importProblem(file, found) ?? []);
  if (expected === null) assert.deepEqual(problems, []);
  else assert.match(problems.join("\n"), expected);
}

describe("import rules", () => {
  it("reads every way to import", () => {
    const source = `import a from "a";\nimport type { B } from "./b.ts";\nimport {\n  c,\n  d,\n} from "./c.ts";
export { e } from "./e.ts";\nimport "./f.ts";\nconst g = await import("./g.ts");\nconst text = "from nowhere";`;
    assert.deepEqual(
      importsOf(source).map((found) => `${found.specifier}${found.typesOnly ? " (types)" : ""}`),
      ["a", "./b.ts (types)", "./c.ts", "./e.ts", "./f.ts", "./g.ts"],
    );
  });

  it("keeps core free of everything", () => {
    check("core/a.ts", `import { b } from "./b.ts";`, null);
    check("core/a.ts", `import { readFileSync } from "node:fs";`, /core\/ may not import node:fs/);
    check("core/a.ts", `import { b } from "../protocol/api.ts";`, /core\/ may not import protocol/);
  });

  it("lets only the extension see the editor", () => {
    check("server/a.ts", `import * as vscode from "vscode";`, /only extension/);
    check("extension/a.ts", `import * as vscode from "vscode";`, null);
  });

  it("lets the extension fork the engine and name its types, no more", () => {
    check("extension/suggest/a.ts", `import { startEngineProcess } from "../../engine/process/host.ts";`, null);
    check("extension/a.ts", `import type { Completion } from "../engine/generate/completion.ts";`, null);
    check("extension/a.ts", `import { openModel } from "../engine/generate/model.ts";`, /forks the engine/);
  });

  it("keeps the stages of the server apart", () => {
    check("server/labels/a.ts", `import { b } from "../push/b.ts";`, /stages never import each other/);
    check("server/labels/a.ts", `import { b } from "../store/b.ts";`, null);
    check("server/app.ts", `import { b } from "./push/b.ts";`, null);
  });

  it("lets connections go through one door", () => {
    const problem = (source: string, file = "server/labels/a.ts") => networkProblem(file, source);
    for (const source of [
      `import http from "node:http";`,
      `import { connect } from "tls";`,
      `const net = await import("node:net");`,
      `import { request } from "undici";`,
      `await fetch("https://example.com");`,
      `globalThis.fetch(url);`,
      `new WebSocket(url);`,
    ]) {
      assert.match(problem(source) ?? "", /server\/egress/, source);
      assert.match(problem(source, "engine/a.ts") ?? "", /server\/egress/, source);
    }
    for (const source of [`import type { Server } from "node:http";`, `app.fetch(request);`, `async fetch(input) {}`]) {
      assert.equal(problem(source), null, source);
    }
    assert.equal(problem(`import http from "node:http";`, "server/egress/egress.ts"), null);
  });

  it("hold for every source file", () => {
    const files = repositoryFiles().filter(
      (file) => isSource(file) && PROCESS_FOLDERS.includes(file.split("/")[0] ?? ""),
    );
    assert.ok(files.length > 50, `only ${files.length} source files were found`);
    const problems = files.flatMap((file) =>
      importsOf(readText(file)).flatMap((found) => importProblem(file, found) ?? []),
    );
    problems.push(...files.flatMap((file) => networkProblem(file, readText(file)) ?? []));
    assert.deepEqual(problems, []);
  });

  it("hold for what the bundler really puts together", async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    const { bundles } = (await import(path.join(root, "esbuild.mjs"))) as { bundles: BuildOptions[] };
    for (const options of bundles) {
      const { metafile } = await build({ ...options, write: false, metafile: true });
      assert.deepEqual(bundleProblems(metafile), []);
    }
  });
});

/** The bundler has dropped what only types needed: every edge that is left is code that runs. */
function bundleProblems(metafile: Metafile): string[] {
  return Object.entries(metafile.inputs).flatMap(([file, input]) => {
    if (!PROCESS_FOLDERS.includes(file.split("/")[0] ?? "")) return [];
    return input.imports
      .filter((edge) => !edge.external && !edge.path.startsWith("node_modules/"))
      .flatMap((edge) => targetProblem(file, edge.path, false) ?? []);
  });
}
