import { createLineIndex } from "../../../engine/retrieve/line-index.ts";
import assert from "node:assert/strict";
import fc from "fast-check";

const ROUTES = `app.get("/users", list)
app.get("/orders", list)
const port = 80`;

const rests = (index: ReturnType<typeof createLineIndex>, prefix: string, path = "b.ts"): string[] =>
  index.query(prefix, path, 9).map(({ rest }) => rest);

describe("the line index", () => {
  it("finds what came next after a line like the one above", () => {
    const index = createLineIndex();
    index.add("1", ROUTES, "a.ts");
    assert.equal(rests(index, 'app.get("/users", show)\n')[0], 'app.get("/orders", list)');
    assert.deepEqual(rests(index, "nothing\n"), []);
  });

  it("ends a line that has begun, wherever it is indented", () => {
    const index = createLineIndex();
    index.add("1", ROUTES, "a.ts");
    assert.deepEqual(rests(index, "  const po"), ["rt = 80"]);
    assert.deepEqual(rests(index, "  const port = 80"), []);
  });

  it("says what speaks for a line", () => {
    const index = createLineIndex();
    index.add("1", "a()\nb()\nconst c = 1", "a.ts");
    index.add("2", "x()\nb()\nconst c = 1", "b.ts");
    index.add("3", "y()\nz()\nconst c = 1", "c.ts");
    const [found] = index.query("a()\nb()\ncon", "b.ts", 1);
    assert.equal(found!.rest, "st c = 1");
    assert.equal(found!.nPlaces, 3);
    assert.equal(found!.likeAbove, 1);
    assert.equal(found!.isSameAbove, true);
    assert.equal(found!.isSameFile, true);
    assert.equal(found!.id, "1");
  });

  it("writes a line with the names at the cursor where the lines above differ in names alone", () => {
    const index = createLineIndex();
    index.add("1", "const user = find(1)\nrespond(user)", "a.ts");
    const found = index.query("const order = find(2)\n", "b.ts", 9);
    assert.deepEqual(
      found.map(({ rest, isRenamed, id }) => [rest, isRenamed, id]),
      [
        ["respond(user)", false, "1"],
        ["respond(order)", true, "1"],
      ],
    );
  });

  it("counts votes of all places, and ranks by the likest place and by votes", () => {
    const index = createLineIndex();
    for (const id of ["1", "2", "3"]) index.add(id, `open(${id})\noften()`, "b.ts");
    index.add("4", "open(4)\nonce()", "b.ts");
    const found = index.query("open(4)\n", "b.ts", 9);
    assert.deepEqual(
      found.map(({ rest, rank }) => [rest, rank]),
      [
        ["once()", 0],
        ["often()", 1],
      ],
    );
    const shares = found.map(({ share }) => share);
    assert.ok(Math.abs(shares[0]! + shares[1]! - 1) < 1e-9);
    assert.deepEqual(
      found.map(({ rankByVotes }) => rankByVotes),
      shares[0]! > shares[1]! ? [0, 1] : [1, 0],
    );
  });

  it("prefers the same file, and of equals the newest", () => {
    const index = createLineIndex();
    index.add("old", "open()\nfirst()", "a.ts");
    index.add("new", "open()\nsecond()", "a.ts");
    assert.deepEqual(rests(index, "open()\n"), ["second()", "first()"]);
    index.add("here", "open()\nthird()", "b.ts");
    index.add("newest", "open()\nfourth()", "a.ts");
    assert.equal(rests(index, "open()\n")[0], "third()");
  });

  it("forgets a text, but not what another one holds too", () => {
    const index = createLineIndex();
    index.add("1", "open()\nfirst()", "a.ts");
    index.add("2", "open()\nfirst()", "a.ts");
    index.add("3", "open()\nsecond()", "a.ts");
    index.remove("3");
    index.remove("1");
    assert.deepEqual(rests(index, "open()\n"), ["first()"]);
    index.remove("2");
    assert.deepEqual(rests(index, "open()\n"), []);
  });

  it("answers as one that never held what was removed", () => {
    const line = fc.constantFrom("a()", "b(x)", "b(y)", "", "  c = a()", "return c");
    const text = fc.array(line, { maxLength: 6 }).map((lines) => lines.join("\n"));
    const changes = fc.array(fc.record({ id: fc.constantFrom("1", "2", "3"), text: fc.option(text) }), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(changes, text, fc.constantFrom("", "b", "  "), (all, above, head) => {
        const index = createLineIndex();
        const held = new Map<string, string>();
        for (const one of all) {
          held.delete(one.id);
          if (one.text === null) index.remove(one.id);
          else {
            held.set(one.id, one.text);
            index.add(one.id, one.text, "a.ts");
          }
        }
        const fresh = createLineIndex();
        for (const [id, some] of held) fresh.add(id, some, "a.ts");
        const places = (one: typeof index) =>
          one
            .query(`${above}\n${head}`, "a.ts", 99)
            .map(({ rest, nPlaces, isSameFile }) => `${rest} ${nPlaces} ${isSameFile}`)
            .sort();
        assert.deepEqual(places(index), places(fresh));
      }),
    );
  });
});
