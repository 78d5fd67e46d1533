import { fakeClock } from "./fake-clock.ts";
import { watchTypedInstead, type Settled } from "../../../extension/observe/typed-instead-watch.ts";
import assert from "node:assert/strict";

const NAME = "file:///project/a.ts";

/** A document in which `suggested` was refused at the `|`; keys are typed there one by one. */
function refuse(text: string, suggested: string) {
  const clock = fakeClock();
  let current = text.replace("|", "");
  let cursor = text.indexOf("|");
  const told: Settled[] = [];
  const view = {
    slice: (name: string, { start, end }: { start: number; end: number }) =>
      name === NAME ? current.slice(start, end) : null,
    lineAt: (name: string, offset: number) => (name === NAME ? current.slice(0, offset).split("\n").length - 1 : null),
  };
  const watch = watchTypedInstead(view, clock, (_, settled) => told.push(settled));
  watch.follow({ suggestionId: "s", document: NAME, start: cursor, cursor, suggested });
  const change = (offset: number, deleted: number, now: string) => {
    current = current.slice(0, offset) + now + current.slice(offset + deleted);
    watch.changed(NAME, [{ offset, deleted, text: now }]);
  };
  const moveTo = (offset: number) => {
    cursor = offset;
    watch.cursor(NAME, offset);
  };
  const type = (keys: string) => {
    for (const key of keys) {
      change(cursor, 0, key);
      moveTo(cursor + 1);
    }
  };
  return { clock, told, watch, change, moveTo, type };
}

const CODE = "function sum(a, b) {\n  |\n}\n";

describe("typed instead", () => {
  it("is told after 10 s of quiet, and not before", async () => {
    const place = refuse(CODE, "return a + b;");
    place.type("throw ");
    await place.clock.pass(9_000);
    place.type("new Error();");
    await place.clock.pass(9_500);
    assert.deepEqual(place.told, []);
    await place.clock.pass(1_000);
    assert.deepEqual(place.told, [{ kind: "typed-instead", text: "throw new Error();" }]);
    assert.equal(place.clock.timers, 0);
  });

  it("is told when the line is left, upwards, downwards or for another document", () => {
    for (const leave of [(one: ReturnType<typeof refuse>) => one.moveTo(0), leaveDown, leaveDocument]) {
      const place = refuse(CODE, "return a + b;");
      place.type("return b;");
      leave(place);
      assert.deepEqual(place.told, [{ kind: "typed-instead", text: "return b;" }]);
    }
  });

  it("is not told while the cursor moves on the line", () => {
    const place = refuse(CODE, "return a + b;");
    place.type("return b;");
    place.moveTo(CODE.indexOf("|"));
    assert.deepEqual(place.told, []);
  });

  it("of one line ends with the line, whatever follows", () => {
    const place = refuse(CODE, "return a + b;");
    place.type("check(a);\n");
    place.type("more();");
    assert.deepEqual(place.told, [{ kind: "typed-instead", text: "check(a);" }]);
  });

  it("of three lines has three lines at most", async () => {
    const place = refuse(CODE, "if (a) {\n    return b;\n  }");
    place.type("const c = a;\n  const d = b;");
    assert.deepEqual(place.told, []);
    place.type("\n  log(c);\n  log(d);");
    assert.deepEqual(place.told, [{ kind: "typed-instead", text: "const c = a;\n  const d = b;\n  log(c);" }]);
  });

  it("is typed through when the suggestion itself was written, formatting apart", () => {
    for (const [suggested, typed] of [
      ["return a + b;", "return a + b;"],
      ["return a + b;", "return a+b"],
      ["call('x', y);", 'call("x",y)'],
      [");", ");"],
    ] as const) {
      const place = refuse(CODE, suggested);
      place.type(typed);
      place.moveTo(0);
      assert.deepEqual(place.told, [{ kind: "typed-through" }], typed);
    }
  });

  it("is nothing when another suggestion was accepted there, for nobody typed it", async () => {
    const place = refuse(CODE, "return a + b;");
    const start = CODE.indexOf("|");
    place.change(start, 0, "return a + b;");
    place.watch.accepted("file:///project/b.ts", { start, end: start + 13 });
    place.watch.accepted(NAME, { start, end: start + 13 });
    place.moveTo(0);
    await place.clock.pass(20_000);
    assert.deepEqual(place.told, []);
  });

  it("stays what it is when another suggestion is accepted elsewhere", () => {
    const place = refuse(CODE, "return a + b;");
    place.type("return b;");
    place.watch.accepted(NAME, { start: 0, end: 8 });
    place.moveTo(0);
    assert.deepEqual(place.told, [{ kind: "typed-instead", text: "return b;" }]);
  });

  it("is typed instead when it is only a part of the suggestion, or more", () => {
    for (const typed of ["return a", "return a + b + 1;", ")"]) {
      const place = refuse(CODE, "return a + b;");
      place.type(typed);
      place.moveTo(0);
      assert.deepEqual(place.told, [{ kind: "typed-instead", text: typed }]);
    }
  });

  it("counts what was typed before the refusal", () => {
    const clock = fakeClock();
    const told: Settled[] = [];
    const view = { slice: () => "return b;", lineAt: (_: string, offset: number) => (offset < 50 ? 1 : 2) };
    const watch = watchTypedInstead(view, clock, (_, settled) => told.push(settled));
    watch.follow({ suggestionId: "s", document: NAME, start: 10, cursor: 13, suggested: "return a;" });
    watch.cursor(NAME, 60);
    assert.deepEqual(told, [{ kind: "typed-instead", text: "return b;" }]);
  });

  it("is nothing when all of it was deleted again", async () => {
    const place = refuse(CODE, "return a + b;");
    place.type("ab");
    place.change(CODE.indexOf("|"), 2, "");
    await place.clock.pass(20_000);
    place.moveTo(0);
    assert.deepEqual(place.told, []);
  });

  it("moves with edits above, and is told when the window goes", () => {
    const place = refuse(CODE, "return a + b;");
    place.type("return b;");
    place.change(0, 0, "// above\n");
    place.watch[Symbol.dispose]();
    assert.deepEqual(place.told, [{ kind: "typed-instead", text: "return b;" }]);
  });

  it("is not told of a forgotten suggestion", async () => {
    const place = refuse(CODE, "return a + b;");
    place.type("return b;");
    place.watch.forget("s");
    await place.clock.pass(20_000);
    assert.deepEqual(place.told, []);
  });
});

const leaveDown = (place: ReturnType<typeof refuse>) => place.moveTo(CODE.length + 8);
const leaveDocument = (place: ReturnType<typeof refuse>) => place.watch.cursor("file:///project/b.ts", 3);
