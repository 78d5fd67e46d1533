import { COMMANDS, CONTEXT_KEYS, SETTINGS, WALKTHROUGH } from "../../../extension/contributions.ts";
import { diagnostics, keptExtension, until } from "./editor.ts";
import assert from "node:assert/strict";
import * as vscode from "vscode";

interface Contributes {
  readonly commands: readonly { command: string; title: string; category: string }[];
  readonly keybindings: readonly { command: string; key: string; when: string }[];
  readonly menus: Readonly<Record<string, readonly { command: string; when: string }[]>>;
  readonly configuration: readonly {
    properties: Readonly<Record<string, { default?: unknown; scope?: string; markdownDescription?: string }>>;
  }[];
  readonly walkthroughs: readonly { id: string; steps: readonly { id: string }[] }[];
}

export function describeActivation(): void {
  describe("activation", () => {
    before(() => keptExtension().activate());
    const contributes = () => (keptExtension().packageJSON as { contributes: Contributes }).contributes;

    it("starts with the editor and says how long it took", () => {
      assert.equal(keptExtension().isActive, true);
      assert.ok(diagnostics().activationMs > 0);
    });

    it("registers every command", async () => {
      const registered = new Set(await vscode.commands.getCommands(true));
      assert.deepEqual(
        COMMANDS.filter((id) => !registered.has(id)),
        [],
      );
    });

    it("contributes exactly the commands of the typed table", () => {
      assert.deepEqual(
        contributes()
          .commands.map(({ command }) => command)
          .sort(),
        [...COMMANDS].sort(),
      );
    });

    it("contributes exactly the settings of the typed table", () => {
      const keys = contributes().configuration.flatMap(({ properties }) => Object.keys(properties));
      assert.deepEqual(keys.sort(), [...SETTINGS].sort());
    });

    it("describes every setting, with a default and a scope", () => {
      for (const { properties } of contributes().configuration) {
        for (const [key, setting] of Object.entries(properties)) {
          assert.ok(setting.markdownDescription && setting.default !== undefined && setting.scope, key);
        }
      }
    });

    it("lets no workspace set a path, a server or what is captured", () => {
      const guarded = contributes()
        .configuration.flatMap(({ properties }) => Object.entries(properties))
        .filter(([key]) => /server|model|capture|threads/.test(key));
      assert.ok(guarded.length >= 4);
      for (const [key, { scope }] of guarded) assert.ok(scope === "machine" || scope === "application", key);
    });

    it("never takes Tab, and every key has a narrow condition", () => {
      for (const { key, when, command } of contributes().keybindings) {
        assert.doesNotMatch(key, /^(tab|ctrl\+c)$/);
        assert.ok(/editorTextFocus|focusedView == kept\.suggestions/.test(when) && when.includes("kept."), command);
      }
    });

    it("takes Escape and Ctrl+Right only while its own suggestion is up", () => {
      for (const { when } of contributes().keybindings.filter(({ key }) => key === "escape" || key === "ctrl+right")) {
        assert.ok(
          when.includes(CONTEXT_KEYS.suggestionVisible) &&
            when.includes("inlineSuggestionVisible") &&
            when.includes("!suggestWidgetVisible"),
        );
      }
    });

    it("has its walkthrough", () => {
      assert.deepEqual(
        contributes().walkthroughs.map(({ id }) => id),
        [WALKTHROUGH],
      );
      assert.ok(contributes().walkthroughs[0]!.steps.length === 5);
    });

    it("loads the model in a process of its own", async () => {
      await until("the engine", () => diagnostics().engine === "ready");
      assert.equal(diagnostics().engineStarts, 1);
    });

    it("finds no server, starts none when told not to, and goes on", async () => {
      await until("the link", () => diagnostics().server === "offline");
    });
  });
}
