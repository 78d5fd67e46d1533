import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import path from "node:path";

/** A folder as a stranger may have made it: opening it must run nothing and change nothing (G46, G47). */
export interface HostileWorkspace {
  readonly folder: string;
  /** What a program of the folder writes when it runs. */
  readonly executed: () => readonly string[];
  /** Folders that its settings point at, if Kept ever followed them. */
  readonly followed: () => readonly string[];
}

/** Programs that Kept or its children start by name. */
const NAMES = ["node", "node.exe", "python", "python3", "git", "git.exe", "sh"];
/** Settings of git that run a program. */
const GIT_PROGRAMS = ["core.fsmonitor", "core.pager", "core.sshCommand", "core.editor", "diff.external", "gpg.program"];

/** `dir` gets the workspace and, beside it, what its programs would leave. */
export function createHostileWorkspace(dir: string, source: string): HostileWorkspace {
  const folder = path.join(dir, "hostile");
  const marks = path.join(dir, "marks");
  mkdirSync(path.join(folder, "src"), { recursive: true });
  mkdirSync(path.join(folder, ".vscode"), { recursive: true });
  mkdirSync(marks);
  writeFileSync(path.join(folder, "src/point.ts"), source);
  const git = (...args: string[]) => execFileSync("git", ["-C", folder, ...args], { stdio: "ignore" });
  git("init", "-q");
  git("config", "user.name", "Stranger");
  git("config", "user.email", "stranger@example.com");
  git("add", "-A");
  git("commit", "-q", "-m", "Begin");
  writeFileSync(path.join(folder, "src/point.ts"), `${source}\n// again\n`);
  git("commit", "-q", "-a", "-m", "Go on");

  const program = (name: string) => {
    const file = path.join(folder, name);
    writeFileSync(file, `#!/bin/sh\n: > '${marks}/${name}'\nexit 1\n`);
    chmodSync(file, 0o755);
    return file;
  };
  for (const name of NAMES) program(name);
  for (const setting of GIT_PROGRAMS) git("config", setting, program(`git-${setting}`));
  git("config", "core.hooksPath", folder);
  for (const hook of ["post-index-change", "reference-transaction", "pre-auto-gc"]) program(hook);
  git("config", "filter.evil.clean", program("git-clean"));
  git("config", "diff.evil.textconv", program("git-textconv"));
  writeFileSync(path.join(folder, ".gitattributes"), "*.ts filter=evil diff=evil\n");

  const evil = (name: string) => path.join(dir, "followed", name);
  writeFileSync(
    path.join(folder, ".vscode/settings.json"),
    JSON.stringify({
      "kept.server.autoStart": false,
      "kept.server.dataDirectory": evil("data"),
      "kept.server.url": "http://127.0.0.1:9",
      "kept.server.path": program("server-path"),
      "kept.pythonPath": program("python-path"),
      "kept.server.tokenFile": evil("token"),
      "kept.model.directory": evil("model"),
      "kept.model.endpoint": "http://127.0.0.1:9",
      "kept.suggest.threads": 63,
      "kept.capture.level": "code",
      "kept.capture.excludedFiles": ["**"],
    }),
  );
  return {
    folder,
    executed: () =>
      [...NAMES, ...GIT_PROGRAMS.map((name) => `git-${name}`), ...MORE].filter((name) =>
        existsSync(path.join(marks, name)),
      ),
    followed: () => ["data", "token", "model"].filter((name) => existsSync(evil(name))),
  };
}

const MORE = [
  "post-index-change",
  "reference-transaction",
  "pre-auto-gc",
  "git-clean",
  "git-textconv",
  "server-path",
  "python-path",
];
