import { piecesOf, renamed, renamesBetween } from "../../../engine/retrieve/alike-lines.ts";
import assert from "node:assert/strict";
import fc from "fast-check";

const renames = (from: string, to: string, known?: ReadonlyMap<string, string>) => {
  const found = renamesBetween(piecesOf(from), piecesOf(to), known);
  return found && Object.fromEntries(found);
};

describe("lines that are alike but for names", () => {
  it("say what stands for what", () => {
    assert.deepEqual(renames("const user = 1;", "const order = 2;"), { user: "order", 1: "2" });
    assert.deepEqual(renames("same()", "same()"), {});
  });

  it("say nothing when something else differs, or a name would stand for two", () => {
    assert.equal(renames("a(b)", "a[b]"), null);
    assert.equal(renames("a(b)", "a( b)"), null);
    assert.equal(renames("a + a", "b + c"), null);
    assert.equal(renames("a()", "b()", new Map([["a", "c"]])), null);
  });

  it("keep what other lines said", () => {
    assert.deepEqual(renames("a(x)", "b(x)", new Map([["y", "z"]])), { y: "z", a: "b" });
  });

  it("turn one into the other", () => {
    const piece = fc.constantFrom("a", "b", "longer", "7", "(", ")", " ", ".", "  ");
    fc.assert(
      fc.property(fc.array(piece), fc.array(piece), (left, right) => {
        const [from, to] = [piecesOf(left.join("")), piecesOf(right.join(""))];
        assert.equal(from.join(""), left.join(""));
        const found = renamesBetween(from, to);
        if (found !== null && found.size > 0 && ![...found.values()].some((name) => found.has(name))) {
          assert.equal(renamed(from, found), renamed(to, found));
        }
      }),
    );
  });
});
