import assert from "node:assert/strict";
import { play } from "./chain-script.ts";

/** Play the script; the facts must be exactly these lines. */
function check(name: string, script: string, expected: string, document?: string): void {
  it(name, () => {
    const lines = expected.split("\n").map((line) => line.trim());
    assert.equal(play(script, document), lines.filter((line) => line !== "").join("\n"));
  });
}

describe("suggestion chain: shown and read", () => {
  check("is shown after 50 ms unchanged", `offer s1 "abc"\n wait 50`, `s1 shown`);
  check("is not shown before 50 ms", `offer s1 "abc"\n wait 49`, ``);
  check("is read from 750 ms", `offer s1 "abc"\n wait 750`, `s1 shown\n s1 read 750ms`);
  check("is not read at 749 ms", `offer s1 "abc"\n wait 749`, `s1 shown`);
  check(
    "tells shown and read once",
    `offer s1 "abc"\n wait 60\n wait 60\n wait 800\n wait 800`,
    `s1 shown\n s1 read 750ms`,
  );
  check("an item that gave way at once was never shown", `offer s1 "abc"\n pass 20\n type "x"\n wait 500`, ``);
  check("an empty item is no suggestion", `offer s1 ""\n wait 900`, ``);
  check("escape before 50 ms rejects nothing", `offer s1 "abc"\n pass 10\n escape\n wait 500`, ``);
});

describe("suggestion chain: accepted", () => {
  check(
    "by Tab",
    `offer s1 "foo(a)"\n wait 1000\n accept`,
    `s1 shown\n s1 read 750ms\n s1 accepted 1000ms 0-6 "foo(a)"`,
  );
  check(
    "within 50 ms it was shown all the same",
    `offer s1 "foo"\n pass 20\n accept`,
    `s1 shown\n s1 accepted 20ms 0-3 "foo"`,
  );
  check(
    "late, after 10 s, is one accept and no rejection",
    `offer s1 "foo"\n wait 12000\n accept\n wait 20000`,
    `s1 shown\n s1 read 750ms\n s1 accepted 12000ms 0-3 "foo"`,
  );
  check(
    "while the host is busy, its command comes late",
    `offer s1 "foo"\n wait 100\n busy 400\n accept\n wait 2000`,
    `s1 shown\n s1 accepted 100ms 0-3 "foo"`,
  );
  check(
    "then a cursor move is still an accept",
    `offer s1 "foo"\n wait 100\n accept\n move 0\n wait 500`,
    `s1 shown\n s1 accepted 100ms 0-3 "foo"`,
  );
  check(
    "after typing along, the whole range is replaced",
    `offer s1 "foo"\n wait 100\n type "fo"\n wait 100\n accept`,
    `s1 shown\n s1 accepted 200ms 0-3 "foo"`,
  );
  check(
    "once, though the command runs twice",
    `offer s1 "foo"\n wait 60\n accept\n command s1\n wait 500`,
    `s1 shown\n s1 accepted 60ms 0-3 "foo"`,
  );
  check(
    "a command for a suggestion that is not ours changes nothing",
    `offer s1 "foo"\n wait 60\n command s9\n wait 60`,
    `s1 shown`,
  );
  check(
    "another provider's text is not our accept",
    `offer s1 "foo"\n wait 60\n toolbar "bar"\n wait 500`,
    `s1 shown\n s1 typed-over 60ms`,
  );
  check(
    "knows where the text stands in a longer document",
    `offer s1 "foo"\n wait 60\n accept`,
    `s1 shown\n s1 accepted 60ms 6-9 "foo"`,
    "const ",
  );
  check(
    "an edit above moves the suggestion, not its fate",
    `offer s1 "foo"\n wait 60\n edit 0 0 "// x"\n wait 60`,
    `s1 shown`,
    "const ",
  );
  check("a multi-line text", `offer s1 "a\\n  b"\n wait 60\n accept`, `s1 shown\n s1 accepted 60ms 0-5 "a\\n  b"`);
});

describe("suggestion chain: partially accepted", () => {
  check("by the own override", `offer s1 "foo bar"\n wait 60\n word "foo"`, `s1 shown\n s1 partially-accepted 3 0.43`);
  check(
    "by the toolbar, which bypasses the override",
    `offer s1 "foo bar"\n wait 60\n toolbar "foo"`,
    `s1 shown\n s1 partially-accepted 3 0.43`,
  );
  check(
    "the rest offered again is the same suggestion",
    `offer s1 "foo bar"\n wait 60\n word "foo"\n offer s2 " bar"\n wait 100\n word " b"`,
    `s1 shown\n s1 partially-accepted 3 0.43\n s1 partially-accepted 5 0.71`,
  );
  check(
    "words until the end are a full accept",
    `offer s1 "foo bar"\n wait 60\n word "foo"\n accept`,
    `s1 shown\n s1 partially-accepted 3 0.43\n s1 accepted 60ms 0-7 "foo bar"`,
  );
  check(
    "then Escape is no rejection",
    `offer s1 "foo bar"\n wait 60\n word "foo"\n wait 900\n escape\n wait 500`,
    `s1 shown\n s1 partially-accepted 3 0.43\n s1 read 750ms`,
  );
  check(
    "then typing something else is no typed-over",
    `offer s1 "foo bar"\n wait 60\n word "foo"\n wait 100\n type "x"\n wait 500`,
    `s1 shown\n s1 partially-accepted 3 0.43`,
  );
  check(
    "then leaving is not ignored",
    `offer s1 "foo bar"\n wait 60\n word "foo"\n wait 100\n leave\n wait 500`,
    `s1 shown\n s1 partially-accepted 3 0.43`,
  );
  check(
    "a cursor move right after the word keeps the part",
    `offer s1 "foo bar"\n wait 60\n toolbar "foo"\n move 0\n wait 500`,
    `s1 shown\n s1 partially-accepted 3 0.43`,
  );
  check(
    "the override counts before 50 ms too",
    `offer s1 "foo bar"\n pass 10\n word "foo"`,
    `s1 shown\n s1 partially-accepted 3 0.43`,
  );
  check(
    "typed and accepted characters are counted apart",
    `offer s1 "foo bar"\n wait 60\n type "f"\n word "oo"`,
    `s1 shown\n s1 partially-accepted 2 0.29`,
  );
});

describe("suggestion chain: typed through and typed over", () => {
  check(
    "typing along keeps one suggestion",
    `offer s1 "foo"\n wait 60\n type "f"\n offer s2 "oo"\n wait 100`,
    `s1 shown`,
  );
  check("typing all of it", `offer s1 "foo"\n wait 60\n type "foo"\n wait 200`, `s1 shown\n s1 typed-through 1.00`);
  check(
    "typed out is no rejection",
    `offer s1 "ab"\n wait 60\n type "ab"\n move 0\n wait 500`,
    `s1 shown\n s1 typed-through 1.00`,
  );
  check(
    "a paste of the whole text is typed",
    `offer s1 "foo"\n wait 60\n paste "foo"\n wait 500`,
    `s1 shown\n s1 typed-through 1.00`,
  );
  check("a paste of a part is typed", `offer s1 "foo"\n wait 60\n paste "fo"\n wait 500`, `s1 shown`);
  check(
    "a step without a selection event is typed",
    `offer s1 "foo bar"\n wait 60\n insert "foo"\n wait 500`,
    `s1 shown`,
  );
  check(
    "typing something else",
    `offer s1 "foo"\n wait 800\n type "x"\n wait 200`,
    `s1 shown\n s1 read 750ms\n s1 typed-over 800ms`,
  );
  check(
    "some along, then something else",
    `offer s1 "foo bar"\n wait 60\n type "fox"\n wait 200`,
    `s1 shown\n s1 typed-through 0.29\n s1 typed-over 60ms`,
  );
  check(
    "one fact, however much is typed",
    `offer s1 "foo"\n wait 60\n type "xyz"\n wait 200`,
    `s1 shown\n s1 typed-over 60ms`,
  );
  check(
    "a bracket that the editor closes is typed along",
    `offer s1 "(a, b)"\n wait 60\n autoclose "()"\n wait 200`,
    `s1 shown`,
  );
  check(
    "a word put in by the suggest widget counts no accepted characters",
    `offer s1 "foo"\n wait 60\n edit 2 3 "console"\n wait 300`,
    `s1 shown\n s1 typed-over 60ms`,
    "  con",
  );
});

describe("suggestion chain: rejected, ignored, superseded", () => {
  check("Escape rejects", `offer s1 "foo"\n wait 900\n escape`, `s1 shown\n s1 read 750ms\n s1 rejected 900ms`);
  check("Escape rejects once", `offer s1 "foo"\n wait 60\n escape\n escape\n wait 500`, `s1 shown\n s1 rejected 60ms`);
  check(
    "Escape after typing along keeps the typed part",
    `offer s1 "foo"\n wait 60\n type "f"\n escape`,
    `s1 shown\n s1 typed-through 0.33\n s1 rejected 60ms`,
  );
  check(
    "a cursor move ignores",
    `offer s1 "foo"\n wait 60\n move 2\n wait 200`,
    `s1 shown\n s1 ignored 60ms`,
    "const x",
  );
  check("a click ignores", `offer s1 "foo"\n wait 60\n click 1\n wait 200`, `s1 shown\n s1 ignored 60ms`, "const x");
  check("another editor ignores", `offer s1 "foo"\n wait 60\n leave\n wait 200`, `s1 shown\n s1 ignored 60ms`);
  check("Enter ignores", `offer s1 "foo"\n wait 60\n insert "\\n  "\n wait 200`, `s1 shown\n s1 ignored 60ms`);
  check("Backspace ignores", `offer s1 "foo"\n wait 60\n back 1\n wait 200`, `s1 shown\n s1 ignored 60ms`, "const ");
  check("a selection event at the same place ends nothing", `offer s1 "foo"\n wait 60\n move 0\n wait 200`, `s1 shown`);
  check("a change event without changes ends nothing", `offer s1 "foo"\n wait 60\n touch\n wait 200`, `s1 shown`);
  check(
    "asking again at the same place is the same suggestion",
    `offer s1 "foo"\n wait 60\n offer s2 "foo"\n wait 900`,
    `s1 shown\n s1 read 750ms`,
  );
  check(
    "asking again while leaving takes the leaving back",
    `offer s1 "foo"\n wait 60\n leave\n offer s2 "foo"\n wait 900`,
    `s1 shown\n s1 read 750ms`,
  );
  check(
    "another text at the same place supersedes",
    `offer s1 "foo"\n wait 60\n offer s2 "bar"\n wait 60`,
    `s1 shown\n s1 superseded\n s2 shown`,
  );
  check("an unseen item superseded tells nothing", `offer s1 "foo"\n pass 10\n offer s2 "bar"\n wait 60`, `s2 shown`);
  check(
    "the next suggestion settles the last",
    `offer s1 "foo"\n wait 60\n type "x"\n offer s2 "bar"\n wait 60`,
    `s1 shown\n s1 typed-over 60ms\n s2 shown`,
  );
});

describe("suggestion chain: undone", () => {
  check(
    "undo after accept",
    `offer s1 "foo"\n wait 60\n accept\n wait 997\n undo`,
    `s1 shown\n s1 accepted 60ms 0-3 "foo"\n s1 undone 997ms`,
  );
  check(
    "undo twice is told once",
    `offer s1 "foo"\n wait 60\n accept\n undo\n undo`,
    `s1 shown\n s1 accepted 60ms 0-3 "foo"\n s1 undone 0ms`,
  );
  check(
    "undo of a part",
    `offer s1 "foo bar"\n wait 60\n word "foo"\n undo\n wait 300`,
    `s1 shown\n s1 partially-accepted 3 0.43\n s1 undone 0ms`,
  );
  check(
    "deleting by hand is no undo",
    `offer s1 "foo"\n wait 60\n accept\n back 3\n wait 300`,
    `s1 shown\n s1 accepted 60ms 0-3 "foo"`,
  );
  check(
    "after edits above, the undo finds its text",
    `offer s1 "foobar"\n wait 60\n accept\n edit 0 0 ""\n undo`,
    `s1 shown\n s1 accepted 60ms 6-12 "foobar"\n s1 undone 0ms`,
    "const ",
  );
});

describe("suggestion chain: closers that the editor adds", () => {
  check(
    "typed along and typed over, the closer is the suggestion's own",
    `offer s1 "f(a)"\n wait 60\n type "f"\n autoclose "()"\n type "a"\n overtype ")"\n wait 200`,
    `s1 shown\n s1 typed-through 1.00`,
  );
  check(
    "an accept replaces them",
    `offer s1 "f(a, b)"\n wait 60\n type "f"\n autoclose "()"\n pass 5\n overtype "a, b)"\n command s1`,
    `s1 shown\n s1 accepted 65ms 0-7 "f(a, b)"`,
  );
  check(
    "a pair is taken back with both its ends",
    `offer s1 "(a)"\n wait 60\n autoclose "()"\n edit 0 2 ""\n wait 200\n escape`,
    `s1 shown\n s1 rejected 260ms`,
  );
});

describe("suggestion chain: steps back", () => {
  check(
    "Backspace inside what was typed along ends nothing",
    `offer s1 "foo"\n wait 60\n type "fo"\n back 1\n wait 200\n accept`,
    `s1 shown\n s1 accepted 260ms 0-3 "foo"`,
  );
  check(
    "only what is still there counts as typed",
    `offer s1 "foobar"\n wait 60\n type "foob"\n back 3\n escape`,
    `s1 shown\n s1 typed-through 0.17\n s1 rejected 60ms`,
  );
  check(
    "a typing error taken back at once is no end",
    `offer s1 "foo"\n wait 60\n type "fx"\n pass 100\n back 1\n wait 300\n escape`,
    `s1 shown\n s1 typed-through 0.33\n s1 rejected 460ms`,
  );
  check(
    "left standing it is one",
    `offer s1 "foo"\n wait 60\n type "fx"\n wait 200\n back 1\n wait 300`,
    `s1 shown\n s1 typed-through 0.33\n s1 typed-over 60ms`,
  );
  check(
    "a part that was accepted and taken back is still no rejection",
    `offer s1 "foo bar"\n wait 60\n word "foo"\n back 3\n escape`,
    `s1 shown\n s1 partially-accepted 3 0.43`,
  );
});

describe("suggestion chain: suggest widget", () => {
  check(
    "opened and closed, it is the same suggestion",
    `offer s1 "foo"\n wait 60\n widget open\n withheld\n wait 500\n widget close\n offer s1 "foo"\n accept`,
    `s1 shown\n s1 accepted 60ms 0-3 "foo"`,
  );
  check(
    "what it hides is not read meanwhile",
    `offer s1 "foo"\n wait 60\n withheld\n wait 2000\n offer s1 "foo"\n wait 100`,
    `s1 shown`,
  );
  check(
    "another entry chosen ignores what is hidden",
    `offer s1 "foo"\n wait 60\n widget open\n withheld\n toolbar "bar"\n wait 200`,
    `s1 shown\n s1 ignored 60ms`,
  );
  check(
    "an entry that agrees is typed, not accepted (Cody 1206)",
    `offer s1 "foo_bar(x)"\n wait 60\n widget open\n toolbar "foo_bar"\n wait 200\n escape`,
    `s1 shown\n s1 typed-through 0.70\n s1 rejected 260ms`,
  );
});

describe("suggestion chain: the next one", () => {
  check(
    "the same text on the next line, at once, is another suggestion",
    `offer s1 "foo"\n wait 60\n move 0\n click 4\n paste "\\n"\n paste "b = "\n pass 100\n offer s2 "foo"\n wait 60`,
    `s1 shown\n s1 ignored 60ms\n s2 shown`,
    "a = ",
  );
  check(
    "asked again at the same place, at once, it is the same",
    `offer s1 "foo"\n wait 60\n move 0\n click 4\n pass 100\n offer s2 "foo"\n wait 60\n escape`,
    `s1 shown\n s1 rejected 220ms`,
    "a = ",
  );
  check(
    "Tab that indents, because the text was gone, writes nothing over it",
    `offer s1 "foo"\n wait 60\n toolbar "    "\n wait 200`,
    `s1 shown\n s1 ignored 60ms`,
  );
  check(
    "a space is written over it",
    `offer s1 "foo"\n wait 60\n type " "\n wait 200`,
    `s1 shown\n s1 typed-over 60ms`,
  );
});

describe("suggestion chain: several changes at once", () => {
  check(
    "an input method's burst is typed (no selection kind tells it)",
    `offer s1 "foo bar"\n wait 60\n burst "foo"\n wait 200\n escape`,
    `s1 shown\n s1 typed-through 0.43\n s1 rejected 260ms`,
  );
  check(
    "a second cursor above moves the suggestion",
    `offer s1 "foo"\n wait 60\n cursors "f"\n wait 60\n type "oo"\n wait 200`,
    `s1 shown\n s1 typed-through 1.00`,
    "const ",
  );
});

describe("suggestion chain: redo", () => {
  check(
    "redo after undo",
    `offer s1 "foo"\n wait 60\n accept\n undo\n wait 497\n redo`,
    `s1 shown\n s1 accepted 60ms 0-3 "foo"\n s1 undone 0ms\n s1 redone 497ms`,
  );
  check(
    "undone, redone and undone again",
    `offer s1 "foo"\n wait 60\n accept\n undo\n redo\n undo`,
    `s1 shown\n s1 accepted 60ms 0-3 "foo"\n s1 undone 0ms\n s1 redone 0ms\n s1 undone 0ms`,
  );
  check(
    "a redo takes no suggestion that came up meanwhile",
    `offer s1 "foo"\n wait 60\n accept\n undo\n offer s2 "foo"\n wait 100\n redo\n wait 200`,
    `s1 shown\n s1 accepted 60ms 0-3 "foo"\n s1 undone 0ms\n s2 shown\n s1 redone 100ms\n s2 ignored 100ms`,
  );
});
