import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { readText, repositoryFiles, root } from "./tracked-files.ts";

/** What opens a connection or listens. */
const NETWORK =
  /(?<![.\w])fetch\(|createServer\(|from "node:(http|https|net|tls|dgram)"|from "undici"|new (WebSocket|EventSource)\(/;
/** Types alone open nothing. */
const TYPES_ONLY = /^import type .*$/gm;
const PRODUCT = /^(server|extension|engine|tracker|core|protocol|media)\/.*\.(ts|mjs)$/;

/** A soak of half an hour, and a flood. */
const WITHOUT_TEST = [12, 13];

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

  it("names every fault from F01 to F22 but those that have no test yet", () => {
    const covered = new Set<number>();
    for (const [, from, to] of page.matchAll(/\bF(\d\d)(?: to F(\d\d))?/g)) {
      for (let n = Number(from); n <= Number(to ?? from); n += 1) covered.add(n);
    }
    const missing = Array.from({ length: 22 }, (_, i) => i + 1).filter((n) => !covered.has(n));
    assert.deepEqual(
      missing.filter((n) => !WITHOUT_TEST.includes(n)),
      [],
    );
  });
});
