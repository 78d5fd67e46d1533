import { acceptIn } from "./buttons.ts";
import { keptExtension, storedEventWhere, until } from "./editor.ts";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as vscode from "vscode";

const rowWith = (...parts: string[]) =>
  until(`a row with ${parts.join(", ")}`, async () =>
    (await keptExtension().exports.suggestionRows()).find((row) => parts.every((part) => row.includes(part))),
  );

/** Accepted code on its way from a branch into the default branch, as a forge merges it. */
export function describeSurvival(): void {
  describe("survival in git", () => {
    let folder = "";
    let elsewhere = "";
    const gitIn = (cwd: string, ...args: string[]) =>
      execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], {
        cwd,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      }).trim();
    const git = (...args: string[]) => gitIn(folder, ...args);

    before(() => {
      folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
      elsewhere = mkdtempSync(path.join(tmpdir(), "kept-forge-"));
      git("init", "-q", "-b", "main");
      git("add", "-A");
      git("commit", "-q", "--allow-empty", "-m", "Start");
      gitIn(elsewhere, "clone", "-q", "--bare", folder, "forge.git");
      gitIn(elsewhere, "clone", "-q", "forge.git", "forge");
      git("remote", "add", "origin", path.join(elsewhere, "forge.git"));
      git("fetch", "-q");
      git("remote", "set-head", "origin", "main");
      git("branch", "-q", "--set-upstream-to=origin/main", "main");
    });
    after(async () => {
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
      rmSync(elsewhere, { recursive: true, force: true });
    });

    it("is alive on main after commit, rebase, a squash merge on the server, pull, and the branch's end", async () => {
      const forge = path.join(elsewhere, "forge");
      git("checkout", "-q", "-b", "feature");
      const { id, editor } = await acceptIn("src/view-survives.ts");
      await editor.document.save();
      git("add", "-A");
      git("commit", "-q", "-m", "Subtract points");
      const first = await storedEventWhere("survived", id, ({ place }) => place === "head");
      assert.equal(first.tokens, 1);
      await rowWith("view-survives.ts", "alive on feature");

      writeFileSync(path.join(forge, "notes.txt"), "moved on\n");
      gitIn(forge, "add", "-A");
      gitIn(forge, "commit", "-q", "-m", "Move on");
      gitIn(forge, "push", "-q", "origin", "main");
      git("fetch", "-q");
      git("rebase", "-q", "origin/main");
      git("push", "-q", "origin", "feature");

      gitIn(forge, "fetch", "-q");
      gitIn(forge, "merge", "-q", "--squash", "origin/feature");
      gitIn(forge, "commit", "-q", "-m", "Subtract points (#1)");
      gitIn(forge, "push", "-q", "origin", "main");
      gitIn(forge, "push", "-q", "origin", "--delete", "feature");

      git("checkout", "-q", "main");
      git("pull", "-q", "--prune");
      git("branch", "-q", "-D", "feature");
      const last = await storedEventWhere("survived", id, ({ state }) => state === "alive(default)");
      assert.equal(last.place, "head");
      assert.equal(last.tokens, 1);
      assert.equal(last.retained, 1);
      assert.equal(last.cause, undefined);
      await rowWith("view-survives.ts", "alive on main");
    });
  });
}
