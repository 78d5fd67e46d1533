import assert from "node:assert/strict";
import fc from "fast-check";
import { createExampleIndex, type IndexedExample } from "../../../engine/retrieve/example-index.ts";
import { identifiersOf } from "../../../engine/retrieve/identifiers.ts";
import type { ExampleRow } from "../../../protocol/api.ts";

const example = (id: string, text: string, fields: Partial<IndexedExample> = {}): IndexedExample => ({
  id,
  root: "/work",
  path: `src/${id}.ts`,
  language: "typescript",
  text,
  ...fields,
});

const ORDERS = "const order = await orders.findById(orderId);";
const MAIL = "await mailer.send({ to: customer.email, template: 'receipt' });";
const TOTAL = "const total = basket.items.reduce((sum, item) => sum + item.price, 0);";

const indexOf = (...examples: IndexedExample[]) => {
  const index = createExampleIndex();
  for (const one of examples) index.add(one);
  return index;
};

const ask = (index: ReturnType<typeof indexOf>, prefix: string, limit = 3, path = "lib/query.ts"): string =>
  index
    .query({ prefix, path, language: "typescript" }, limit)
    .map(({ id }) => id)
    .join(" ");

describe("identifiersOf", () => {
  const check = (text: string, expected: string): void => {
    it(JSON.stringify(text), () => assert.equal([...identifiersOf(text).keys()].sort().join(" "), expected));
  };
  check("const a = 1;", "");
  check("parseHTTPHeader(x)", "header http parse parseHTTPHeader");
  check("parse_http_header", "header http parse parse_http_header");
  check("return await fetchUser(id)", "fetch fetchUser user");
  check("size size", "size");
});

describe("createExampleIndex", () => {
  /** Ids in the order of the answer: the most useful last. */
  const check = (name: string, prefix: string, expected: string, ...examples: IndexedExample[]): void => {
    it(name, () => assert.equal(ask(indexOf(...examples), prefix), expected));
  };
  const three = [example("orders", ORDERS), example("mail", MAIL), example("total", TOTAL)];

  check("finds what shares names with the prefix", "const receipt = await mailer.", "mail", ...three);
  check(
    "puts the most useful last",
    "const order = orders.get(orderId);\nsend(customer.email)",
    "mail orders",
    ...three,
  );
  check("finds nothing without a shared name", "let zebra = stripes", "", ...three);
  check("finds nothing for an empty prefix", "", "", ...three);
  check("finds compound names by their words", "findOrders(", "orders", ...three);
  check(
    "lets a rare name outweigh common ones",
    "use(item, widgetFactory)",
    "common rare",
    ...Array.from({ length: 6 }, (_, at) =>
      example(`x${at}`, `touch(item, thing${at}, other${at})`, { language: "go" }),
    ),
    example("common", "touch(item, entry, value)"),
    example("rare", "touch(widgetFactory, entry, value)"),
  );
  check("keeps to the language", "mailer.send(", "", example("mail", MAIL, { language: "python" }));
  check(
    "gives one of two near-equal examples",
    "mailer.send(customer",
    "b",
    example("a", MAIL),
    example("b", MAIL.replaceAll("'", '"')),
  );
  check(
    "prefers the newer of equals",
    "mailer.send(customer",
    "old new",
    example("old", `${MAIL} before(x1, y1, z1)`),
    example("new", `${MAIL} behind(x2, y2, z2)`),
  );

  it("prefers the same folder", () => {
    const index = indexOf(
      example("near", "render(panel, near1, near2)", { path: "ui/near.ts" }),
      example("far", "render(panel, far1, far2)", { path: "server/far.ts" }),
    );
    assert.equal(ask(index, "render(panel", 1, "ui/here.ts"), "near");
    assert.equal(ask(index, "render(panel", 1, "server/here.ts"), "far");
  });

  it("leaves out what the prefix shows already", () => {
    const index = indexOf(example("mail", MAIL, { path: "src/here.ts" }));
    assert.equal(ask(index, `${MAIL}\nmailer.`, 3, "src/here.ts"), "");
    assert.equal(ask(index, "mailer.", 3, "src/here.ts"), "mail");
  });

  it("keeps to the workspace folder when it is given", () => {
    const index = indexOf(example("here", MAIL), example("there", `${MAIL} more(a1, b1, c1)`, { root: "/other" }));
    const found = index.query({ prefix: "mailer.send(", path: "x.ts", language: "typescript", root: "/other" }, 5);
    assert.deepEqual(
      found.map(({ id }) => id),
      ["there"],
    );
  });

  it("forgets an example, and all of a suggestion", () => {
    const index = indexOf(
      example("a", ORDERS, { suggestionId: "s1" }),
      example("b", MAIL, { suggestionId: "s1" }),
      example("c", TOTAL, { suggestionId: "s2" }),
    );
    index.remove("a");
    index.remove("never there");
    assert.equal(ask(index, "orders.findById(orderId"), "");
    assert.equal(index.size, 2);
    index.removeBySuggestion("s1");
    assert.equal(ask(index, "mailer.send(customer"), "");
    assert.equal(ask(index, "basket.items"), "c");
    assert.equal(index.size, 1);
  });

  it("replaces an example of the same id", () => {
    const index = indexOf(example("a", ORDERS), example("a", MAIL));
    assert.equal(index.size, 1);
    assert.equal(ask(index, "orders.findById"), "");
    assert.equal(ask(index, "mailer.send"), "a");
  });

  it("keeps to the limit and gives the very objects that were added", () => {
    const all = Array.from({ length: 10 }, (_, at) =>
      example(`e${at}`, `panel.draw(unique${at}, other${at}, third${at})`),
    );
    const index = indexOf(...all);
    const found = index.query({ prefix: "panel.draw", path: "x.ts", language: "typescript" }, 4);
    assert.equal(found.length, 4);
    assert.ok(found.every((one) => all.includes(one)));
    assert.equal(ask(index, "panel.draw", 0), "");
  });

  it("takes the rows of the wire as they are", () => {
    const wire: ExampleRow = { id: "w", root: "/work", path: "a.ts", language: "typescript", text: MAIL };
    assert.equal(ask(indexOf(wire), "mailer.send"), "w");
  });

  it("answers alike after any detour of additions and removals", () => {
    const name = fc.constantFrom("alpha", "bravo", "charlie", "delta", "echo", "foxtrot");
    const text = fc.array(name, { minLength: 3, maxLength: 8 }).map((names) => names.join("."));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 12 }), text, text, (texts, extra, prefix) => {
        const kept = texts.map((one, at) => example(`k${at}`, one));
        const straight = indexOf(...kept);
        const detour = indexOf(example("gone", extra), example("gone too", extra));
        detour.remove("gone");
        detour.remove("gone too");
        for (const one of kept) detour.add(one);
        assert.equal(ask(detour, prefix, 12), ask(straight, prefix, 12));
      }),
    );
  });
});
