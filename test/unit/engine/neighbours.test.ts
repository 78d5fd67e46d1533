import { importsUsedIn } from "../../../engine/retrieve/import-lines.ts";
import { createNeighbourIndex, type NeighbourFile } from "../../../engine/retrieve/neighbour-index.ts";
import assert from "node:assert/strict";
import fc from "fast-check";

const filler = (n: number): string =>
  Array.from({ length: n }, (_, i) => `const filler${i} = compute(${i});`).join("\n");
const file = (path: string, text: string, root = "/r"): NeighbourFile => ({ root, path, text });

const STORE = `${filler(40)}\nexport function openStore(folder) {\n  return createStore(folder, journalMode);\n}\n${filler(40)}`;

describe("excerpts of neighbouring files", () => {
  const query = { prefix: "const store = openStore(folder);\n", path: "src/app.ts", root: "/r" };

  it("are the lines that share names with the text before the cursor", () => {
    const [excerpt] = createNeighbourIndex([file("src/store.ts", STORE)]).excerpts(query, 2);
    assert.match(excerpt!.text, /export function openStore\(folder\) \{\n  return createStore/);
    assert.ok(excerpt!.text.length <= 500);
    assert.equal(excerpt!.path, "src/store.ts");
  });

  it("leave out files that share nothing, the file itself and other folders", () => {
    const files = [file("a.ts", filler(20)), file("src/app.ts", STORE), file("b.ts", STORE, "/other")];
    assert.deepEqual(createNeighbourIndex(files).excerpts(query, 4), []);
  });

  it("put the most useful last: a file that is imported before one that names the same", () => {
    const files = [file("src/store.ts", STORE), file("src/copy.ts", STORE.replace("journalMode", "mode"))];
    const prefix = `import { openStore } from "./store.ts";\n${query.prefix}`;
    const found = createNeighbourIndex(files).excerpts({ ...query, prefix }, 2);
    assert.deepEqual(
      found.map(({ path }) => path),
      ["src/copy.ts", "src/store.ts"],
    );
  });

  it("are at most as many as asked for, none for none", () => {
    const index = createNeighbourIndex(
      ["a", "b", "c"].map((name) => file(`${name}.ts`, STORE.replace("journalMode", name))),
    );
    assert.equal(index.excerpts(query, 2).length, 2);
    assert.equal(index.excerpts(query, 0).length, 0);
  });

  it("never stand twice, nor where the prefix says the same", () => {
    const short = "openStore(folder);\nuse(folder);";
    const index = createNeighbourIndex([file("a.ts", short), file("b.ts", short)]);
    assert.equal(index.excerpts(query, 2).length, 1);
    assert.deepEqual(index.excerpts({ ...query, prefix: `${short}\n` }, 2), []);
  });

  it("are whole stretches of the file, whatever it holds", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("openStore folder", "x", "", "y".repeat(700)), { maxLength: 60 }),
        (lines) => {
          const text = lines.join("\n");
          for (const excerpt of createNeighbourIndex([file("a.ts", text)]).excerpts(query, 1)) {
            assert.ok(text.includes(excerpt.text) && excerpt.text.length <= 500);
          }
        },
      ),
    );
  });
});

describe("imports that are used", () => {
  const check = (text: string, near: string, wanted: string[]) =>
    it(`are ${JSON.stringify(wanted)} near ${JSON.stringify(near)}`, () =>
      assert.deepEqual(importsUsedIn(text, near), wanted));

  const HEAD = [
    'import { a, b } from "./ab";',
    "import {",
    "  longName,",
    '} from "./long";',
    'const fs = require("fs");',
    "from os import path",
    "let other = 1;",
  ].join("\n");
  check(HEAD, "b()", ['import { a, b } from "./ab";']);
  check(HEAD, "longName + 1", ['import {\n  longName,\n} from "./long";']);
  check(HEAD, "fs.read(path)", ['const fs = require("fs");', "from os import path"]);
  check(HEAD, "const other = import.meta", []);
  check("", "x", []);
});
