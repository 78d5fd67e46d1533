import { readText, root } from "./tracked-files.ts";
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

interface Manifest {
  readonly license?: string | { readonly type?: string };
  readonly licenses?: readonly { readonly type?: string }[];
}

const manifest = JSON.parse(readText("package.json")) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
};
const lock = JSON.parse(readText("package-lock.json")) as {
  packages: Record<string, { version?: string; dev?: boolean; optional?: boolean; hasInstallScript?: boolean }>;
};

const PERMISSIVE = [
  "MIT",
  "MIT-0",
  "ISC",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Apache-2.0",
  "0BSD",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "Unlicense",
  "Python-2.0",
  "PSF-2.0",
  "Zlib",
  "CC-BY-4.0",
];
/** Weak copyleft of tools that only tests use and that are never shipped. */
const TEST_ONLY = new Set(["@axe-core/playwright", "axe-core"]);

/** True when an SPDX expression can be satisfied by permissive licences alone. */
function isPermissive(expression: string): boolean {
  const bare = expression.replace(/[()]/g, "");
  return bare.split(/\s+OR\s+/).some((all) => all.split(/\s+AND\s+/).every((one) => PERMISSIVE.includes(one.trim())));
}

function licenceOf(folder: string): string {
  const read = JSON.parse(readFileSync(path.join(root, folder, "package.json"), "utf8")) as Manifest;
  if (typeof read.license === "string") return read.license;
  return read.license?.type ?? read.licenses?.map((one) => one.type ?? "").join(" OR ") ?? "";
}

const installed = Object.keys(lock.packages).filter(
  (folder) => folder !== "" && existsSync(path.join(root, folder, "package.json")),
);
const direct = { ...manifest.dependencies, ...manifest.devDependencies };

describe("dependencies", () => {
  it("judges SPDX expressions", () => {
    for (const good of ["MIT", "(MIT OR GPL-3.0)", "Apache-2.0 AND BSD-3-Clause"]) assert.ok(isPermissive(good), good);
    for (const bad of ["GPL-3.0", "MIT AND GPL-3.0", "", "SEE LICENSE IN x", "MPL-2.0"])
      assert.ok(!isPermissive(bad), bad);
  });

  it("are pinned to exact versions and locked to the same", () => {
    for (const [name, version] of Object.entries(direct)) {
      assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name);
      assert.equal(lock.packages[`node_modules/${name}`]?.version, version, name);
    }
  });

  it("have permissive licences, transitive ones too", () => {
    assert.ok(installed.length > 100, `only ${installed.length} installed packages were found`);
    const wrong = installed.flatMap((folder) => {
      const name = folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
      const licence = licenceOf(folder);
      if (isPermissive(licence) || (TEST_ONLY.has(name) && lock.packages[folder]?.dev)) return [];
      return [`${name}: ${licence || "no licence"}`];
    });
    assert.deepEqual(wrong, []);
  });

  it("run an install script only when package.json says whether they may", () => {
    const undecided = Object.entries(lock.packages)
      .filter(([, entry]) => entry.hasInstallScript && !entry.optional)
      .map(([folder]) => folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length))
      .filter((name) => manifest.allowScripts[name] === undefined);
    assert.deepEqual(undecided, []);
    assert.equal(manifest.allowScripts["onnxruntime-node"], false);
  });

  it("have a line in docs/dependencies.md with their licence", () => {
    const rows = new Map(
      readText("docs/dependencies.md")
        .split("\n")
        .flatMap((line) => {
          const cells = line.split("|").map((cell) => cell.trim());
          const name = /^`([^`]+)`$/.exec(cells[1] ?? "")?.[1];
          return name ? [[name, cells] as const] : [];
        }),
    );
    for (const name of Object.keys(direct)) {
      const cells = rows.get(name);
      assert.ok(cells, `${name} has no line`);
      assert.ok(cells.length === 7 && cells.slice(1, 6).every((cell) => cell !== ""), `${name}: a cell is empty`);
      assert.equal(cells[4], licenceOf(`node_modules/${name}`).replace(/[()]/g, ""), `${name}: licence`);
    }
    assert.deepEqual(
      [...rows.keys()].filter((name) => !(name in direct)),
      [],
    );
  });
});
