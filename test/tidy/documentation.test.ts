import { readText, repositoryFiles, root } from "./tracked-files.ts";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";

const files = repositoryFiles();
const pages = files.filter((file) => file.endsWith(".md") && !file.startsWith("test/cases/"));
const named = (page: string): Set<string> =>
  new Set([...readText(page).matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!));

/** Targets of a page's links and images that point into the repository. */
function localLinks(markdown: string): string[] {
  return [...markdown.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1]!)
    .filter((target) => !/^(?:[a-z]+:|#)/.test(target))
    .map((target) => target.replace(/#.*$/, ""));
}

/** Literals of every exported `…ErrorCode` union. */
function errorCodes(source: string): string[] {
  return [...source.matchAll(/export type \w*ErrorCode =([^;]*);/g)].flatMap((match) =>
    [...match[1]!.matchAll(/"([^"]+)"/g)].map((code) => code[1]!),
  );
}

/** Method and path of every route that Hono is given as text. */
function routes(source: string): string[] {
  return [...source.matchAll(/\.(get|post|put|patch|delete)\(\s*"(\/[^"]*)"/g)].map(
    (match) => `${match[1]!.toUpperCase()} ${match[2]!}`,
  );
}

/** Names of commander's commands, without their arguments. */
function cliCommands(source: string): string[] {
  return [...source.matchAll(/\.command\(\s*"([a-z-]+)/g)].map((match) => match[1]!);
}

function undocumented(names: readonly string[], page: string): string[] {
  const known = names.length > 0 ? named(page) : new Set<string>();
  return [...new Set(names)].filter((name) => !known.has(name)).sort();
}

const sourcesIn = (folder: RegExp): string =>
  files
    .filter((file) => folder.test(file))
    .map(readText)
    .join("\n");

describe("documentation", () => {
  it("reads links, codes, routes and commands", () => {
    assert.deepEqual(localLinks("[a](b.md#c) ![d](e.png) [f](https://g.h) [i](#j)"), ["b.md", "e.png"]);
    assert.deepEqual(errorCodes(`export type XErrorCode =\n  | "a-b"\n  | "c";`), ["a-b", "c"]);
    assert.deepEqual(routes(`app.get("/healthz", f); app.put("/v1/aliases/:alias", g)`), [
      "GET /healthz",
      "PUT /v1/aliases/:alias",
    ]);
    assert.deepEqual(cliCommands(`program.command("replay [path]")`), ["replay"]);
  });

  it("has no dead link", () => {
    const dead = pages.flatMap((page) =>
      localLinks(readText(page))
        .filter((target) => !existsSync(path.join(root, path.dirname(page), target)))
        .map((target) => `${page}: ${target}`),
    );
    assert.deepEqual(dead, []);
  });

  it("explains every error code", () => {
    const codes = errorCodes(sourcesIn(/^(server|engine|extension|tracker)\/.*\.ts$/));
    assert.ok(codes.length > 0);
    assert.deepEqual(undocumented(codes, "docs/errors.md"), []);
  });

  it("lists every route", () => {
    assert.deepEqual(undocumented(routes(sourcesIn(/^server\/(http\/.*|app)\.ts$/)), "docs/http.md"), []);
  });

  it("lists every command of the command line", () => {
    const commands = cliCommands(sourcesIn(/^server\/(cli|replay\/|cli-).*\.ts$|^server\/cli\.ts$/));
    assert.deepEqual(
      undocumented(
        commands.map((name) => `kept ${name}`),
        "docs/cli.md",
      ),
      [],
    );
  });

  it("lists every command and setting of the extension", () => {
    const { contributes = {} } = JSON.parse(readText("package.json")) as {
      contributes?: {
        commands?: { command: string }[];
        configuration?: { properties?: Record<string, unknown> } | { properties?: Record<string, unknown> }[];
      };
    };
    const settings = [contributes.configuration ?? []]
      .flat()
      .flatMap((section) => Object.keys(section.properties ?? {}));
    const commands = (contributes.commands ?? []).map(({ command }) => command);
    assert.deepEqual(undocumented([...settings, ...commands], "docs/extension.md"), []);
  });
});
