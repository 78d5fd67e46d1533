import { openBuffer, type BufferDocument } from "./buffer-document.ts";
import assert from "node:assert/strict";
import { format } from "oxfmt";

const HEAD = `import { prices } from "./prices.ts";

export const currency = "EUR";

`;
const S = `export function totalPrice(items: Item[]): number {
  let total = 0;
  for (const item of items) {
    if (item.isHidden) continue;
    total += item.price * item.quantity;
  }
  return total;
}
// nine lines of code
`;
const TAIL = `
export function averagePrice(items: Item[]): number {
  return totalPrice(items) / Math.max(1, items.length);
}
`;

const accepted = (): BufferDocument => {
  const file = openBuffer(HEAD + TAIL);
  file.accept("s", HEAD.length, S);
  assert.equal(file.tokens(), 1);
  return file;
};
const causes = (file: BufferDocument): readonly string[] =>
  file.facts.map((fact) => (fact.kind === "loss" ? `loss ${fact.cause}` : "gain"));

describe("accepted code in the buffer (survival.md, D1 to D8)", () => {
  it("D1: is whole while nothing happens", () => {
    const file = accepted();
    for (let check = 0; check < 5; check += 1) assert.equal(file.tokens(), 1);
    assert.deepEqual(file.facts, []);
  });

  it("D2: loses a little when one identifier is renamed, and that is no rewrite", () => {
    const file = accepted();
    file.replace("item.isHidden", "item.isHiddenNow");
    const tokens = file.tokens() ?? 0;
    assert.ok(tokens >= 0.9 && tokens < 1, String(tokens));
    assert.deepEqual(causes(file), ["loss other"]);
  });

  it("D3: is whole when text is typed above, below, and on the lines at its borders", () => {
    const file = accepted();
    file.insert("import {", "// a remark\n");
    file.insert("export function totalPrice", "/* first */ ");
    file.insert("// nine lines of code\n", "");
    file.edit([{ offset: file.text.indexOf("// nine lines of code") + 21, deleted: 0, text: " and more" }]);
    file.insert("\nexport function averagePrice", "const below = 1;\n");
    assert.equal(file.tokens(), 1);
    file.insert("  let total", "  \n\t");
    assert.equal(file.tokens(), 1);
    assert.deepEqual(file.facts, []);
  });

  it("D4: is gone when it is undone, and comes back with a gain when it is redone", () => {
    const file = accepted();
    file.undo();
    assert.equal(file.tokens(), 0);
    assert.deepEqual(causes(file), ["loss undo"]);
    file.redo();
    assert.equal(file.tokens(), 1);
    assert.deepEqual(causes(file), ["loss undo", "gain"]);
  });

  for (const options of [
    { printWidth: 40 },
    { printWidth: 120, semi: false, singleQuote: true },
    { useTabs: true, trailingComma: "none", arrowParens: "avoid" },
    { printWidth: 60, tabWidth: 8, bracketSpacing: false },
  ] as const) {
    it(`D5: is whole when format on save replaces the document with ${JSON.stringify(options)}`, async () => {
      const file = accepted();
      const { code: formatted } = await format("file.ts", file.text, options);
      assert.notEqual(formatted, file.text);
      file.edit([{ offset: 0, deleted: file.text.length, text: formatted }]);
      assert.equal(file.tokens(), 1);
      assert.equal(file.follower.measure("s")?.fourGrams, 1);
      assert.deepEqual(file.facts, []);
    });
  }

  it("D5: keeps what edits have left when a format on save follows them before anybody looked", async () => {
    const file = accepted();
    file.replace("item.isHidden", "item.isHiddenNow");
    file.insert("  return total;", "  console.log(total);\n");
    const left = accepted();
    left.replace("item.isHidden", "item.isHiddenNow");
    left.insert("  return total;", "  console.log(total);\n");
    const { code } = await format("file.ts", file.text, { printWidth: 30, semi: false, useTabs: true });
    file.edit([{ offset: 0, deleted: file.text.length, text: code }]);
    assert.equal(file.tokens(), left.tokens());
    assert.deepEqual(causes(file), ["loss other"]);
  });

  it("D6: is whole at its new place when it was cut and pasted there", () => {
    const file = accepted();
    file.replace(S, "");
    file.edit([{ offset: file.text.length, deleted: 0, text: `\n${S}` }]);
    assert.equal(file.tokens(), 1);
    assert.equal(file.follower.standsAt("s")?.start, file.text.indexOf("export function totalPrice"));
  });

  it("D6: is missed between the cut and the paste, and comes back", () => {
    const file = accepted();
    file.replace(S, "");
    assert.equal(file.tokens(), 0);
    file.edit([{ offset: file.text.length, deleted: 0, text: `\n${S}` }]);
    assert.equal(file.tokens(), 1);
    assert.deepEqual(causes(file), ["loss undo", "gain"]);
  });
});

describe("why accepted code went away", () => {
  it("is a quick rewrite when half of it or more was replaced by the developer", () => {
    const file = accepted();
    file.replace(S, "export const totalPrice = (all: Item[]) => all.map(cost).reduce(sum, 0);\n");
    assert.ok((file.tokens() ?? 1) <= 0.5);
    assert.deepEqual(causes(file), ["loss quick_rewrite"]);
  });

  it("is regeneration when another accept took its place", () => {
    const file = accepted();
    const other = "export const sumOfPrices = makeSum(readPrices, { skipHidden: true, rounded: false });\n";
    file.edit([{ offset: HEAD.length, deleted: S.length, text: other }]);
    file.follower.follow({
      suggestionId: "t",
      text: other,
      region: { start: HEAD.length, end: HEAD.length + other.length },
      before: "",
      after: "",
      acceptedAt: 9,
    });
    assert.equal(file.tokens(), 0);
    assert.deepEqual(causes(file), ["loss regenerate"]);
    assert.equal(file.tokens("t"), 1);
  });

  it("is undo when the text from before the accept is back, whoever brought it back", () => {
    const file = accepted();
    file.replace(S, "");
    file.look();
    assert.deepEqual(causes(file), ["loss undo"]);
  });
});

describe("the channels beside the token rule", () => {
  it("count characters that no edit has touched", () => {
    const file = accepted();
    const half = S.slice(0, S.length / 2);
    file.replace(half, half);
    file.look();
    const measure = file.follower.measure("s");
    assert.equal(measure?.tokens, 1);
    assert.ok(Math.abs((measure?.arc ?? 0) - 0.5) < 0.01);
  });

  it("see punctuation only in the strict one", () => {
    const file = accepted();
    file.replace("let total = 0;", "let total = 0");
    file.look();
    const measure = file.follower.measure("s");
    assert.equal(measure?.tokens, 1);
    assert.ok((measure?.strictTokens ?? 1) < 1);
    assert.equal(measure?.fourGrams, 1);
  });
});
