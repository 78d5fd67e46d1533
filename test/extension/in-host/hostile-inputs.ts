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
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as vscode from "vscode";

const root = () => vscode.workspace.workspaceFolders![0]!.uri.fsPath;
/** Longer than the model takes, milliseconds. */
const PLACE_MS = 6_000;

/** The file's name is part of the prompt, and a small model may be silent: then the code there becomes another. */
async function suggestSomehow(editor: vscode.TextEditor): Promise<string> {
  const names = ["subtractNumbers", "multiplyNumbers", "beside", "sum"];
  const before = diagnostics().lastShown;
  let beganAt = performance.now();
  return until("a suggestion", async () => {
    const next = performance.now() - beganAt > PLACE_MS ? names.shift() : undefined;
    if (next !== undefined) {
      const whole = new vscode.Range(0, 0, editor.document.lineCount, 0);
      await editor.edit((edit) => edit.replace(whole, numbersCode(next).replace("|", "")));
      editor.selection = new vscode.Selection(5, 2, 5, 2);
      beganAt = performance.now();
    }
    await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
    const { visible, lastShown } = diagnostics();
    return visible !== null && lastShown === visible && visible !== before ? visible : null;
  });
}

/** Letters and digits that no issuer gave out; made here, so that no file of ours holds what looks like a key. */
const filler = (length: number, alphabet = "aB3dE5gH7jK9mN2pQ4rS6tU8vW1xYz0C") =>
  Array.from({ length }, (_, i) => alphabet[(i * 7 + (i >> 3)) % alphabet.length]).join("");

/** Secret, the code it stands in, and what is stored in its place. */
const SECRETS: Readonly<Record<string, { secret: string; placeholder: string; code?: (secret: string) => string }>> = {
  AWS: { secret: `AKIA${filler(16, "ABCDEFGH234567")}`, placeholder: "<aws-key>" },
  GitHub: { secret: `ghp_${filler(36)}`, placeholder: "<github-token>" },
  OpenAI: { secret: `sk-proj-${filler(40)}`, placeholder: "<openai-key>" },
  Slack: { secret: `xoxb-${filler(24)}`, placeholder: "<slack-token>" },
  Stripe: { secret: `sk_live_${filler(24)}`, placeholder: "<stripe-key>" },
  JWT: { secret: `eyJ${filler(20)}.eyJ${filler(30)}.${filler(40)}`, placeholder: "<jwt>" },
  "private key": {
    secret: `-----BEGIN RSA PRIVATE KEY-----\n${filler(64)}\n${filler(64)}\n-----END RSA PRIVATE KEY-----`,
    placeholder: "<private-key>",
    code: (secret) => `  return \`${secret}\`;`,
  },
  "connection string": {
    secret: "hunter2hunter2",
    placeholder: "<database-connection-string-secret>",
    code: (secret) => `  return "postgres://app:${secret}@db:5432/app";`,
  },
};

const report = (argument: unknown) =>
  vscode.commands.executeCommand<{ ok: boolean; reason?: string; suggestionIds?: string[] }>(
    "kept.reportGeneration",
    argument,
  );
const choose = (level: string, unsent?: string) =>
  vscode.commands.executeCommand("kept.chooseCaptureLevel", level, root(), unsent);

/** G45, G48 and G61 to G63 of the list of inputs, in a folder that the person lets Kept record. */
export function describeHostileInputs(): void {
  describe("hostile inputs", () => {
    afterEach(async () => {
      await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    });

    it("G45: there is no webview to post to, and commands take no strange arguments", async () => {
      const { contributes } = keptExtension().packageJSON as { contributes: Record<string, unknown> };
      assert.ok(!JSON.stringify(contributes["views"]).includes('"webview"'));
      assert.equal(contributes["customEditors"], undefined);
      const bundle = readFileSync(path.join(keptExtension().extensionPath, "dist/extension.cjs"), "utf8");
      assert.doesNotMatch(bundle, /createWebviewPanel|registerWebviewViewProvider|registerCustomEditorProvider/);

      const { document } = await openFile("src/strange-calls.ts", numbersCode("strangeCalls"));
      const { recorded } = diagnostics();
      const uri = document.uri;
      const large = "x".repeat(10 * 1024 * 1024);
      for (const argument of [
        undefined,
        null,
        7,
        "text",
        [],
        {},
        { uri: 5, tool: "x", lines: [1, 2] },
        { uri, tool: {} },
      ])
        assert.deepEqual(await report(argument), { ok: false, reason: "invalid" }, JSON.stringify(argument));
      for (const argument of [
        { uri, tool: "x", lines: [-1, 9] },
        { uri, tool: "x", lines: ["1", "2"] },
        { uri, tool: large, lines: [1, 2] },
        { uri, tool: "x", text: large },
      ])
        assert.equal((await report(argument)).ok, false);
      for (const command of ["kept.rateUp", "kept.withdrawRating", "kept.copySuggestionId", "kept.revealSuggestion"])
        await vscode.commands.executeCommand(command, large);
      assert.equal(diagnostics().recorded, recorded);
    });

    const deep = `${"deep/".repeat(12)}${`${"n".repeat(240)}/`.repeat(14)}file.ts`;
    for (const name of ["new\nline.ts", `qu'o"te.ts`, "$(touch pwned).ts", `${"long".repeat(60)}.ts`, deep]) {
      it(`G48: takes the file name ${JSON.stringify(name.slice(0, 20))} of ${name.length} characters as it is`, async () => {
        const id = await suggestSomehow(await openFile(`src/${name}`, numbersCode("strange")));
        assert.equal((await storedEvent("shown", id)).context.path, `src/${name}`);
        assert.ok(!readdirSync(root()).includes("pwned"));
      });
    }

    it("G48: goes on beside a file whose name is no UTF-8, which is left alone", async () => {
      const folder = path.join(root(), "src/bytes");
      mkdirSync(folder, { recursive: true });
      const name = Buffer.concat([Buffer.from(`${folder}/na`), Buffer.from([0xff, 0xfe]), Buffer.from("me.ts")]);
      writeFileSync(name, numbersCode("canaryBytes").replace("|", ""));
      const shownName = readdirSync(folder).find((one) => one.startsWith("na"))!;
      assert.ok(shownName.includes("\uFFFD"));
      // As the editor lists it, it names no file: nothing can be opened, or recorded, under it.
      await assert.rejects(
        Promise.resolve(vscode.workspace.openTextDocument(vscode.Uri.file(path.join(folder, shownName)))),
      );
      const id = await suggestSomehow(await openFile("src/bytes/beside.ts", numbersCode("besideBytes")));
      assert.equal((await storedEvent("shown", id)).context.path, "src/bytes/beside.ts");
      assert.deepEqual(filesWith("canaryBytes"), []);
    });

    const LEFT_ALONE = {
      ".gitignore": "build/canary-out.ts",
      ".aiignore": "canary-ai.ts",
      ".cursorignore": "canary-cursor.ts",
      ".env": ".env",
      "*.pem": "canary.pem",
      id_rsa: "id_rsa",
    };
    for (const [rule, name] of Object.entries(LEFT_ALONE)) {
      it(`G61: leaves no trace of ${name}, which ${rule} names, not even as an open file`, async () => {
        writeFileSync(path.join(root(), ".aiignore"), "canary-ai.ts\n");
        writeFileSync(path.join(root(), ".cursorignore"), "canary-cursor.ts\n");
        const before = diagnostics().leftAlone;
        const canary = `canary${name.replaceAll(/\W/g, "")}`;
        const { document } = await openFile(name, numbersCode(canary));
        await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
        if (document.languageId === "typescript") await until("a refusal", () => diagnostics().leftAlone > before);
        // Plain text has no suggestions at all: then nothing asked, and nothing may have been seen either.
        assert.equal(diagnostics().visible, null);
        await openFile("src/beside.ts", numbersCode("subtractNumbers"));
        await storedEvent("shown", await suggest());
        assert.deepEqual(filesWith(canary), []);
        assert.deepEqual(filesWith(path.basename(name)), []);
      });
    }

    it("G62: a secret around a suggestion is redacted before it is written", async () => {
      const { secret, placeholder } = SECRETS["GitHub"]!;
      await openFile("src/leaky.ts", `const key = "${secret}";\n${numbersCode("leaky")}`);
      const shown = await storedEvent("shown", await suggest());
      assert.ok(shown.context.prefix.includes(`"${placeholder}"`));
      assert.deepEqual(filesWith(secret), []);
    });

    for (const [kind, { secret, placeholder, code }] of Object.entries(SECRETS)) {
      it(`G62: a ${kind} secret in accepted code is never written, a placeholder is`, async () => {
        const body = code?.(secret) ?? `  return "${secret}";`;
        const text = `export function secretOf(): string {\n${body}\n}\n`;
        const { document } = await openFile(`src/secret-${kind.replaceAll(/\W/g, "")}.ts`, text);
        const answer = await report({ uri: document.uri, tool: "another", lines: [1, document.lineCount - 1] });
        assert.equal(answer.ok, true, JSON.stringify(answer));
        const id = answer.suggestionIds![0]!;
        const shown = await storedEvent("shown", id);
        await storedEvent("accepted", id);
        // Looked at in the buffer, and followed: what is kept for that is written by then.
        await storedEvent("retained", id);
        const stored = storedEvents().filter(({ suggestionId }) => answer.suggestionIds!.includes(suggestionId));
        assert.ok(JSON.stringify(stored).includes(placeholder), shown.completion);
        for (const part of secret.split("\n").filter((line) => !line.startsWith("-----")))
          assert.deepEqual(filesWith(part), []);
      });
    }

    it("G63: stops within a second when consent goes, and deletes what was not sent", async () => {
      await choose("code");
      await openFile("src/withdrawn.ts", numbersCode("canaryWithdrawn"));
      await storedEvent("shown", await suggest());
      assert.notDeepEqual(filesWith("canaryWithdrawn"), []);
      const began = performance.now();
      await choose("off", "delete");
      assert.deepEqual(storedEvents(), []);
      const { recorded } = diagnostics();
      const tookMs = performance.now() - began;
      await openFile("src/after.ts", numbersCode("canaryAfter"));
      await suggest();
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      await until("the status", () => diagnostics().statusText.includes("circle-outline"));
      assert.equal(diagnostics().recorded, recorded, `${tookMs} ms after the answer`);
      assert.deepEqual(storedEvents(), []);
      assert.deepEqual(filesWith("canaryAfter"), []);
      await choose("code");
    });

    it("G63: keeps what was not sent when the person says so", async () => {
      await openFile("src/kept.ts", numbersCode("canaryHeld"));
      await storedEvent("shown", await suggest());
      const before = storedEvents().map(({ id }) => id);
      assert.ok(before.length > 0);
      await choose("off", "keep");
      const after = new Set(storedEvents().map(({ id }) => id));
      assert.ok(before.every((id) => after.has(id)));
      await choose("code");
    });

    it("G48, in git: a commit with a name that is no UTF-8 is gone through", async () => {
      const git = (...args: string[]) =>
        execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], { cwd: root() });
      git("init", "-q", "-b", "main");
      git("commit", "-q", "--allow-empty", "-m", "Start");
      const editor = await openFile("src/committed.ts", numbersCode("committedBeside"));
      const id = await suggestSomehow(editor);
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      await storedEvent("accepted", id);
      await until("its place in the log of git", () =>
        bytesBelow(diagnostics().storage, id).some((name) => name.startsWith("survival")),
      );
      await editor.document.save();
      git("add", "src");
      git("commit", "-q", "-m", "Add code beside a strange name");
      assert.equal((await storedEvent("survived", id)).place, "head");
    });
  });
}
