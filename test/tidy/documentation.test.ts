import { createWholeProgram } from "../../server/cli/program.ts";
import { METRICS } from "../../server/metrics/catalogue.ts";
import { ROUTES } from "../../server/http/routes/route-table.ts";
import { readText, repositoryFiles, root } from "./tracked-files.ts";
import type { Command } from "commander";
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

/** Every command that does something, with those of its parents: `kept train start`. */
function commandNames(command: Command): string[] {
  const below = command.commands.flatMap(commandNames);
  return below.length > 0 ? below.map((name) => `${command.name()} ${name}`) : [command.name()];
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
  it("reads links and codes", () => {
    assert.deepEqual(localLinks("[a](b.md#c) ![d](e.png) [f](https://g.h) [i](#j)"), ["b.md", "e.png"]);
    assert.deepEqual(errorCodes(`export type XErrorCode =\n  | "a-b"\n  | "c";`), ["a-b", "c"]);
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
    assert.deepEqual(
      undocumented(
        ROUTES.map(({ method, path }) => `${method} ${path}`),
        "docs/http.md",
      ),
      [],
    );
  });

  it("lists every metric with its labels", () => {
    assert.deepEqual(undocumented(Object.keys(METRICS), "docs/metrics.md"), []);
    const text = readText("docs/metrics.md");
    const labels = Object.values(METRICS).flatMap(({ labels: names }): readonly string[] => names);
    assert.deepEqual(
      labels.filter((label) => !text.includes(`\`${label}\``)),
      [],
    );
  });

  it("lists every command of the command line and its options", async () => {
    const program = await createWholeProgram(() => {});
    assert.deepEqual(undocumented(commandNames(program), "docs/cli.md"), []);
    const text = readText("docs/cli.md");
    const options = (command: Command): string[] => [
      ...command.options.map(({ long }) => long ?? ""),
      ...command.commands.flatMap(options),
    ];
    assert.deepEqual(
      [...new Set(options(program))].filter((option) => !text.includes(option)),
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
