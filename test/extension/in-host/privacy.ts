import { diagnostics, keptExtension, openFile, storedEvent, storedEvents, suggest, until } from "./editor.ts";
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as vscode from "vscode";

const root = () => vscode.workspace.workspaceFolders![0]!.uri.fsPath;
const code = (name: string) => `export function ${name}(a: number, b: number): number {\n  |\n}\n`;
/** Longer than the model takes, milliseconds. */
const PLACE_MS = 6_000;

/** The file's name is part of the prompt, and a small model may be silent: then the code there becomes another. */
async function suggestSomehow(editor: vscode.TextEditor): Promise<string> {
  const names = ["beside", "leaky", "addNumbers", "sum"];
  const before = diagnostics().lastShown;
  let beganAt = performance.now();
  return until("a suggestion", async () => {
    const next = performance.now() - beganAt > PLACE_MS ? names.shift() : undefined;
    if (next !== undefined) {
      const whole = new vscode.Range(0, 0, editor.document.lineCount, 0);
      await editor.edit((edit) => edit.replace(whole, code(next).replace("|", "")));
      editor.selection = new vscode.Selection(1, 2, 1, 2);
      beganAt = performance.now();
    }
    await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
    const { visible, lastShown } = diagnostics();
    return visible !== null && lastShown === visible && visible !== before ? visible : null;
  });
}

/** As a stolen key would look, made of letters and digits that no issuer gave out. */
const GITHUB = `ghp_${"aB3dE5gH7jK9mN2pQ4rS6tU8vW1xYz0CaB3d"}`;

/** Files of Kept's storage in this editor that hold a text, in their bytes or their names. */
const filesWith = (text: string): string[] => bytesBelow(diagnostics().storage, text);

function bytesBelow(dir: string, text: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((name) => {
    const file = path.join(dir, name);
    // A file may go while it is looked at.
    const found = statSync(file, { throwIfNoEntry: false });
    return name.includes(text) || (found?.isFile() === true && readFileSync(file).includes(text));
  });
}

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
      await openFile("src/canaryUnasked.ts", code("canaryUnasked"));
      await suggest();
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      await until("the accept", () => diagnostics().lastAccepted !== null);
      assert.equal(diagnostics().recorded, 0);
      assert.deepEqual(filesWith("canaryUnasked"), []);
      await choose("code");
    });

    for (const name of ["build/canary-out.ts", ".env", "canary.pem", "id_rsa", "canary-ai.ts", "canary-cursor.ts"]) {
      it(`leaves no trace of ${name}, not even as an open file`, async () => {
        writeFileSync(path.join(root(), ".aiignore"), "canary-ai.ts\n");
        writeFileSync(path.join(root(), ".cursorignore"), "canary-cursor.ts\n");
        const before = diagnostics().leftAlone;
        const canary = `canary${name.replaceAll(/\W/g, "")}`;
        await openFile(name, code(canary));
        await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
        if (diagnostics().leftAlone === before) {
          // Plain text has no suggestions at all: then nothing asked, and nothing may have been seen either.
          assert.equal(diagnostics().visible, null);
        }
        await openFile("src/beside.ts", code("beside"));
        await storedEvent("shown", await suggest());
        assert.deepEqual(filesWith(canary), []);
        assert.deepEqual(filesWith(path.basename(name)), []);
      });
    }

    for (const name of ["new\nline.ts", `qu'o"te.ts`, "$(touch pwned).ts", `${"long".repeat(60)}.ts`]) {
      it(`takes the file name ${JSON.stringify(name.slice(0, 20))} as it is`, async () => {
        const id = await suggestSomehow(await openFile(`src/${name}`, code("strange")));
        assert.equal((await storedEvent("shown", id)).context.path, `src/${name}`);
        assert.ok(!readdirSync(root()).includes("pwned"));
      });
    }

    it("redacts secrets around a suggestion before they are written", async () => {
      await openFile("src/leaky.ts", `const key = "${GITHUB}";\n${code("leaky")}`);
      const id = await suggest();
      const shown = await storedEvent("shown", id);
      assert.ok(shown.context.prefix.includes('"<github-token>"'));
      assert.deepEqual(filesWith(GITHUB), []);
    });

    it("records no code, name or path at the level of outcomes", async () => {
      await choose("outcomes", "keep");
      await openFile("src/canaryOutcomes.ts", code("canaryOutcomes"));
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
    });

    it("stops within a second when consent goes, and deletes what was not sent", async () => {
      await choose("code");
      await openFile("src/withdrawn.ts", code("canaryWithdrawn"));
      await storedEvent("shown", await suggest());
      assert.notDeepEqual(filesWith("canaryWithdrawn"), []);
      await choose("off", "delete");
      assert.deepEqual(storedEvents(), []);
      const { recorded } = diagnostics();
      await openFile("src/after.ts", code("canaryAfter"));
      await suggest();
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      await until("the status", () => diagnostics().statusText.includes("circle-outline"));
      assert.equal(diagnostics().recorded, recorded);
      assert.deepEqual(storedEvents(), []);
      await choose("code");
    });

    it("keeps what was not sent when the person says so", async () => {
      await openFile("src/kept.ts", code("canaryHeld"));
      await storedEvent("shown", await suggest());
      const before = storedEvents().length;
      assert.ok(before > 0);
      await choose("off", "keep");
      assert.equal(storedEvents().length, before);
      await choose("code");
    });

    it("pauses, and resumes", async () => {
      await vscode.commands.executeCommand("kept.pauseCaptureHour");
      const { recorded } = diagnostics();
      await openFile("src/paused.ts", code("paused"));
      await suggest();
      await until("the status", () => diagnostics().statusText.includes("debug-pause"));
      assert.equal(diagnostics().recorded, recorded);
      await vscode.commands.executeCommand("kept.resumeCapture");
      await until("the status", () => !diagnostics().statusText.includes("debug-pause"));
    });

    it("shows the last events exactly as they are stored", async () => {
      await openFile("src/shown.ts", code("canaryPage"));
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
      await openFile(`src/${tag}.ts`, code(tag));
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
      await openFile(`src/${tag}.ts`, code(tag));
      await storedEvent("shown", await suggest());
      assert.notDeepEqual(filesWith(tag), []);
      await vscode.commands.executeCommand("kept.forgetFile");
      assert.ok(
        filesWith(tag).every((name) => name.startsWith("forget")),
        filesWith(tag).join(),
      );
      await openFile("src/again.ts", code("again"));
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
        await openFile(`src/${tag}.ts`, code(tag));
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
        await openFile(`src/${tag}.ts`, code(tag));
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
