import {
  diagnostics,
  keptExtension,
  numbersCode,
  openFile,
  storedEvent,
  storedEvents,
  suggest,
  until,
} from "./editor.ts";
import { bytesBelow, filesWith } from "./stored-bytes.ts";
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import path from "node:path";
import * as vscode from "vscode";

const root = () => vscode.workspace.workspaceFolders![0]!.uri.fsPath;
const choose = (level: string, unsent?: string) =>
  vscode.commands.executeCommand("kept.chooseCaptureLevel", level, root(), unsent);

/** Runs in a host of its own, while no server does but the one that a test starts. */
export function describePrivacy(): void {
  describe("privacy", () => {
    before(async () => {
      await keptExtension().activate();
      await until("the engine", () => diagnostics().engine === "ready");
    });
    afterEach(async () => {
      await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    });

    it("records nothing until the person has answered", async () => {
      await openFile("src/canaryUnasked.ts", numbersCode("canaryUnasked"));
      await suggest();
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      await until("the accept", () => diagnostics().lastAccepted !== null);
      assert.equal(diagnostics().recorded, 0);
      assert.deepEqual(filesWith("canaryUnasked"), []);
      await choose("code");
    });

    it("records no code, name or path at the level of outcomes", async () => {
      await choose("outcomes", "keep");
      await openFile("src/canaryOutcomes.ts", numbersCode("canaryOutcomes"));
      const id = await suggest();
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      const events = await until("the accept", () => {
        const mine = storedEvents().filter((event) => event.suggestionId === id);
        return mine.some(({ kind }) => kind === "accepted") ? mine : null;
      });
      const [shown] = events;
      assert.ok(shown?.kind === "shown" && shown.withheld && shown.withheld.characters > 0);
      assert.equal(shown.completion + shown.context.prefix + shown.context.suffix, "");
      assert.deepEqual(filesWith("canaryOutcomes"), []);
      await choose("code");
    });

    it("pauses, and resumes", async () => {
      await vscode.commands.executeCommand("kept.pauseCaptureHour");
      const { recorded } = diagnostics();
      await openFile("src/paused.ts", numbersCode("paused"));
      await suggest();
      await until("the status", () => diagnostics().statusText.includes("debug-pause"));
      assert.equal(diagnostics().recorded, recorded);
      await vscode.commands.executeCommand("kept.resumeCapture");
      await until("the status", () => !diagnostics().statusText.includes("debug-pause"));
    });

    it("shows the last events exactly as they are stored", async () => {
      await openFile("src/shown.ts", numbersCode("canaryPage"));
      const id = await suggest();
      await storedEvent("shown", id);
      await vscode.commands.executeCommand("kept.showRecorded");
      const page = await until("the page", () => {
        const { activeTextEditor } = vscode.window;
        return activeTextEditor?.document.uri.scheme === "kept-recorded" ? activeTextEditor.document : null;
      });
      const stored = storedEvents().find((event) => event.suggestionId === id)!;
      await until("the event on the page", () => page.getText().includes(JSON.stringify(stored, null, 2)));
      const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
        "vscode.executeCodeLensProvider",
        page.uri,
      );
      const commands = lenses.map(({ command }) => command?.command);
      assert.ok(commands.includes("kept.forgetEverything") && commands.includes("kept.forgetSuggestion"));
    });

    it("forgets a suggestion: no byte of it in this editor, and the server is asked when it is there", async () => {
      const tag = `canaryForget${Date.now()}`;
      await openFile(`src/${tag}.ts`, numbersCode(tag));
      const id = await suggest();
      await storedEvent("shown", id);
      assert.notDeepEqual(filesWith(id), []);
      await vscode.commands.executeCommand("kept.forgetSuggestion", id);
      assert.ok(!storedEvents().some((event) => event.suggestionId === id));
      assert.ok(diagnostics().forgetWaiting > 0);
      // Only the request itself still names it, for the server.
      assert.ok(
        filesWith(id).every((name) => name.startsWith("forget")),
        filesWith(id).join(),
      );
    });

    it("forgets a file, and everything", async () => {
      const tag = `canaryFile${Date.now()}`;
      await openFile(`src/${tag}.ts`, numbersCode(tag));
      await storedEvent("shown", await suggest());
      assert.notDeepEqual(filesWith(tag), []);
      await vscode.commands.executeCommand("kept.forgetFile");
      assert.ok(
        filesWith(tag).every((name) => name.startsWith("forget")),
        filesWith(tag).join(),
      );
      await openFile("src/again.ts", numbersCode("again"));
      await storedEvent("shown", await suggest());
      await vscode.commands.executeCommand("kept.forgetEverything", true);
      assert.deepEqual(storedEvents(), []);
      assert.equal(keptExtension().isActive, true);
    });

    it("forgets accepted code in every scope: in what follows it in the buffer and in git too", async () => {
      const git = (...args: string[]) =>
        execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], { cwd: root() });
      git("init", "-q", "-b", "main");
      git("commit", "-q", "--allow-empty", "-m", "Start");
      const scopes: Readonly<Record<string, (id: string) => Thenable<unknown>>> = {
        Suggestion: (id) => vscode.commands.executeCommand("kept.forgetSuggestion", id),
        File: () => vscode.commands.executeCommand("kept.forgetFile"),
        Hour: () => vscode.commands.executeCommand("kept.forgetLastHour", true),
        Everything: () => vscode.commands.executeCommand("kept.forgetEverything", true),
      };
      for (const [scope, forget] of Object.entries(scopes)) {
        const tag = `canaryAccepted${scope}`;
        await openFile(`src/${tag}.ts`, numbersCode(tag));
        const id = await suggest();
        await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
        await storedEvent("accepted", id);
        await until("the files that follow it", () =>
          ["survival", "retention"].every((name) => filesWith(id).some((file) => file.startsWith(name))),
        );
        await forget(id);
        assert.deepEqual(
          filesWith(id).filter((name) => !name.startsWith("forget")),
          [],
          scope,
        );
        // The editor may have asked for another suggestion in that file by now: only what follows code is asked.
        assert.deepEqual(
          filesWith(tag).filter((name) => /^(survival|retention|examples)/.test(name)),
          [],
          scope,
        );
      }
    });

    it("asks the server to forget too, once it is there: no byte is left with it", async () => {
      const dataDir = process.env["KEPT_DATA_DIR"]!;
      const tag = `canaryServer${Date.now()}`;
      const server = spawn(process.execPath, [path.join(keptExtension().extensionPath, "dist/server.cjs")], {
        env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" },
        stdio: "ignore",
      });
      try {
        await until("the connection", () => diagnostics().server === "connected");
        await openFile(`src/${tag}.ts`, numbersCode(tag));
        await suggest();
        await until(
          "the event at the server",
          () => diagnostics().waiting === 0 && bytesBelow(dataDir, tag).length > 0,
        );
        await vscode.commands.executeCommand("kept.forgetFile");
        await until("an answer", () => diagnostics().forgetWaiting === 0);
        assert.deepEqual(bytesBelow(dataDir, tag), []);
        assert.deepEqual(filesWith(tag), []);
      } finally {
        const ended = new Promise((resolve) => server.once("exit", resolve));
        server.kill("SIGTERM");
        await ended;
      }
    });
  });
}
