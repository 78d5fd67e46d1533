import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";

interface Keybinding {
  readonly command: string;
  readonly key: string;
  readonly mac?: string;
  readonly when: string;
  readonly args?: { readonly commands: readonly string[] };
}

const file = path.resolve(import.meta.dirname, "../../../package.json");
const { contributes } = JSON.parse(readFileSync(file, "utf8")) as {
  contributes: { keybindings: readonly Keybinding[] };
};
const keyed = (key: string): Keybinding => {
  const found = contributes.keybindings.filter((binding) => binding.key === key);
  assert.equal(found.length, 1, key);
  return found[0]!;
};
const conditions = ({ when }: Keybinding): string[] => when.split(" && ");

/** Only while Kept's own suggestion is up, in the editor that has the focus, and the widget is not. */
const OWN = ["inlineSuggestionVisible", "editorTextFocus", "!suggestWidgetVisible", "kept.suggestionVisible"];
/** Where the editor's own keys for a part work, and nowhere else. */
const PART = ["cursorBeforeGhostText", "!editorReadonly", "!accessibilityModeEnabled"];

describe("keys of a suggestion", () => {
  for (const [key, command] of [
    ["ctrl+right", "editor.action.inlineSuggest.acceptNextWord"],
    ["ctrl+alt+right", "editor.action.inlineSuggest.acceptNextLine"],
  ] as const) {
    it(`${key} runs the editor's own command at once`, () => {
      const binding = keyed(key);
      assert.equal(binding.command, command);
      assert.ok(binding.mac);
      for (const condition of [...OWN, ...PART]) assert.ok(conditions(binding).includes(condition), condition);
    });
  }

  it("Escape hides at once, whatever the extension host does, and then tells Kept", () => {
    const binding = keyed("escape");
    assert.equal(binding.command, "runCommands");
    assert.deepEqual(binding.args?.commands, ["editor.action.inlineSuggest.hide", "kept.rejectSuggestion"]);
    for (const condition of OWN) assert.ok(conditions(binding).includes(condition), condition);
  });

  it("Escape leaves to others what comes before a suggestion in the editor, and modal editing", () => {
    const wanted = [
      "!LinkedEditingInputVisible",
      "!referenceSearchVisible",
      "!callHierarchyVisible",
      "!typeHierarchyVisible",
      "!inlineChatVisible",
      "!vim.active",
      "!neovim.init",
    ];
    for (const condition of wanted) assert.ok(conditions(keyed("escape")).includes(condition), condition);
  });
});
