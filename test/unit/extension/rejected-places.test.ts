import { createRejectedPlaces } from "../../../extension/suggest/rejected-places.ts";
import assert from "node:assert/strict";
import type * as vscode from "vscode";

/** As much of the editor's document and position as the module reads; `|` is the cursor. */
function at(text: string, name = "a.ts"): { document: vscode.TextDocument; position: vscode.Position } {
  const before = text.slice(0, text.indexOf("|")).split("\n");
  const lines = text.replace("|", "").split("\n");
  const document = { uri: { toString: () => name }, lineAt: (line: number) => ({ text: lines[line] }) };
  const position = { line: before.length - 1, character: before.at(-1)!.length };
  return { document: document as unknown as vscode.TextDocument, position: position as unknown as vscode.Position };
}

/** `completion` was rejected at the first place; is `text` refused at the second? */
function check(name: string, rejected: string, asked: string, text: string, isRefused: boolean, file?: string): void {
  it(name, () => {
    const places = createRejectedPlaces();
    const there = at(rejected);
    places.add(there.document, there.position, "foo(1)");
    const here = at(asked, file);
    assert.equal(places.refuses(here.document, here.position, text), isRefused);
  });
}

describe("rejected places", () => {
  check("refuse the same text at the same place", "a\nx = |\nb", "a\nx = |\nb", "foo(1)", true);
  check("let another text through", "a\nx = |\nb", "a\nx = |\nb", "bar", false);
  check("let it through once the line has changed", "a\nx = |\nb", "a\nx = f|\nb", "oo(1)", false);
  check("follow the line when others come above it", "a\nx = |\nb", "new\na\nx = |\nb", "foo(1)", true);
  check("refuse what is left after typing along", "a\nx = fo|\nb", "a\nx = fo|\nb", "o(1)", true);
  check("know one blank line from another", "a\n|\nb", "b\n|\nc", "foo(1)", false);
  check("know one file from another", "a\nx = |\nb", "a\nx = |\nb", "foo(1)", false, "b.ts");
});
