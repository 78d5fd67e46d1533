import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { keptEvent } from "../../protocol/events.ts";
import { openStore } from "../../server/store/store.ts";
import { readText, repositoryFiles, root } from "./tracked-files.ts";

/** What opens a connection or listens. */
const NETWORK =
  /(?<![.\w])fetch\(|createServer\(|from "node:(http|https|net|tls|dgram)"|from "undici"|new (WebSocket|EventSource)\(/;
/** Types alone open nothing. */
const TYPES_ONLY = /^import type .*$/gm;
const PRODUCT = /^(server|extension|engine|tracker|core|protocol|media)\/.*\.(ts|mjs)$/;

describe("ONNX Runtime", () => {
  it("is loaded through the door that keeps it silent, and nowhere else", () => {
    const loads =
      /^(import|export) (?!type)[^;]*"onnxruntime-node"|import\("onnxruntime-node"\)|require\("onnxruntime-node"\)/m;
    const files = repositoryFiles().filter((file) => PRODUCT.test(file) && loads.test(readText(file)));
    assert.deepEqual(files, ["engine/runtime.ts"]);
    const [first] = readText("engine/runtime.ts").match(/^import .*$/m) ?? [];
    assert.equal(first, 'import "./no-telemetry.ts";');
    assert.match(readText("engine/no-telemetry.ts"), /^process\.env\["ORT_DISABLE_TELEMETRY"\] = "1";$/m);
  });

  it("is silenced before it is loaded in every bundle that has it", () => {
    for (const bundle of ["engine", "worker", "device-probe", "cli", "extension", "server"]) {
      const text = readFileSync(path.join(root, "dist", `${bundle}.cjs`), "utf8");
      const loaded = text.indexOf('require("onnxruntime-node")');
      if (loaded === -1) continue;
      const silenced = text.indexOf('process.env["ORT_DISABLE_TELEMETRY"] = "1"');
      assert.ok(silenced !== -1 && silenced < loaded, bundle);
    }
  });
});

describe("docs/security.md", () => {
  const page = readText("docs/security.md");

  it("names every file that listens or connects", () => {
    const unnamed = repositoryFiles()
      .filter((file) => PRODUCT.test(file))
      .filter((file) => NETWORK.test(readText(file).replaceAll(TYPES_ONLY, "")))
      .filter((file) => !page.includes(`\`${file}\``));
    assert.deepEqual(unnamed, []);
  });

  it("names tests that are there", () => {
    const named = [...page.matchAll(/`(test\/[^`]+)`/g)].map(([, file]) => file!);
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter((file) => !existsSync(path.join(root, file))),
      [],
    );
  });

  it("names every fault from F01 to F22", () => {
    const covered = new Set<number>();
    for (const [, from, to] of page.matchAll(/\bF(\d\d)(?: to F(\d\d))?/g)) {
      for (let n = Number(from); n <= Number(to ?? from); n += 1) covered.add(n);
    }
    const missing = Array.from({ length: 22 }, (_, i) => i + 1).filter((n) => !covered.has(n));
    assert.deepEqual(missing, []);
  });
});

describe("docs/privacy.md", () => {
  const page = readText("docs/privacy.md");

  it("names every column of the store, and none that is not there", () => {
    using store = openStore(":memory:");
    const tables = store.db
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
      .pluck()
      .all() as string[];
    const stored = tables.map((table) => {
      const columns = store.db.pragma(`table_info(${table})`) as { name: string }[];
      return `${table}: ${columns.map(({ name }) => name).join(", ")}`;
    });
    const named = page
      .slice(page.indexOf("## The store, column by column"))
      .split("\n")
      .flatMap((line) => /^\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \|/.exec(line) ?? [])
      .filter((text) => !text.startsWith("|"));
    const rows = Array.from(
      { length: named.length / 2 },
      (_, i) => `${named[2 * i]}: ${named[2 * i + 1]!.replaceAll("`", "")}`,
    );
    assert.deepEqual(rows.toSorted(), stored);
  });

  it("names every field of an event", () => {
    const fields = new Set(
      keptEvent.options.flatMap((option) => Object.keys((option as unknown as { shape: object }).shape)),
    );
    // The version of the format itself.
    fields.delete("v");
    const table = page.slice(page.indexOf("## What is stored"), page.indexOf("## The store, column by column"));
    assert.ok(fields.size > 20);
    assert.deepEqual(
      [...fields].filter((field) => !new RegExp(`\`${field}[\`.]`).test(table)),
      [],
    );
  });
});

describe("docs/security-tests.md", () => {
  const rows = readText("docs/security-tests.md")
    .split("\n")
    .filter((line) => /^\| [GF]\d\d/.test(line))
    .map((line) => line.slice(2, -2).split(" | ") as [ids: string, what: string, file: string, test: string]);

  it("has every input from G01 to G64 and every fault from F01 to F22", () => {
    const named = new Set(rows.flatMap(([ids]) => ids.split(", ")));
    const all = [
      ...Array.from({ length: 64 }, (_, i) => `G${String(i + 1).padStart(2, "0")}`),
      ...Array.from({ length: 22 }, (_, i) => `F${String(i + 1).padStart(2, "0")}`),
    ];
    assert.deepEqual(
      all.filter((id) => !named.has(id)),
      [],
    );
    assert.deepEqual(
      [...named].filter((id) => !all.includes(id)),
      [],
    );
  });

  it("names tests that are there, by a title or a part of it", () => {
    const missing = rows.filter(([, , file, test]) => !readText(file.replaceAll("`", "")).includes(test));
    assert.deepEqual(missing, []);
  });
});

describe("the extension", () => {
  it("has no webview (G45)", () => {
    const webview = /createWebviewPanel|registerWebview|registerCustomEditorProvider/;
    const files = repositoryFiles().filter((file) => /^extension\/.*\.ts$/.test(file) && webview.test(readText(file)));
    assert.deepEqual(files, []);
    assert.equal(/"type": "webview"|customEditors/.test(readText("package.json")), false);
  });
});
