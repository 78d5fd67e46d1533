import { COMMANDS } from "../../server/cli/command-table.ts";
import { completedCommands } from "../../server/cli/completion-command.ts";
import { completionScript, type Shell } from "../../server/cli/completion-script.ts";
import { createProgram, createWholeProgram } from "../../server/cli/program.ts";
import { runCli } from "./server-process.ts";
import { tempFolder } from "./temp-folder.ts";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";

describe("the commands of kept", function () {
  this.timeout(60_000);

  it("are named in the table as they name themselves", async () => {
    const whole = await createWholeProgram(() => {});
    assert.deepEqual(
      whole.commands.map((command) => [command.name(), command.description()]),
      COMMANDS.map(({ name, about }) => [name, about]),
    );
  });

  for (const [args, wanted] of [
    [["status"], "status"],
    [["--data-dir", "watch", "train", "start"], "train"],
    [["--device=cpu", "train", "start"], "train"],
    [["help", "models"], "models"],
    [["models", "--help"], "models"],
    [["--help"], null],
    [["none"], null],
    [[], null],
  ] as const) {
    it(`are loaded where they are wanted: ${args.join(" ") || "nothing"}`, async () => {
      const program = await createProgram(args, () => {});
      // A command that is not loaded has a name and no more.
      const loaded = program.commands.filter((one) => one.options.length > 0 || one.commands.length > 0);
      assert.deepEqual(
        loaded.map((one) => one.name()),
        wanted === null ? [] : [wanted],
      );
    });
  }

  it("are all in the help, and an unknown one is wrong usage", async () => {
    const help = await runCli(["--help"]);
    assert.equal(help.code, 0);
    for (const { name, about } of COMMANDS)
      assert.ok(help.stdout.includes(name) && help.stdout.includes(about.slice(0, 20)));
    const unknown = await runCli(["statsu"]);
    assert.deepEqual([unknown.code, /did you mean status/i.test(unknown.stderr)], [2, true], unknown.stderr);
    const behind = await runCli(["help", "train"]);
    assert.match(behind.stdout, /start/);
  });
});

describe("completion", function () {
  this.timeout(60_000);
  const script = async (shell: Shell) => completionScript(shell, completedCommands(await createWholeProgram(() => {})));

  for (const [line, expected] of [
    ["st", ["status", "stop"]],
    ["--dev", ["--device"]],
    ["train st", ["start"]],
    ["models pro", ["promote"]],
    ["train start --wo", ["--workspace"]],
    ["train start --steps 4 --se", ["--seed"]],
    ["--data-dir train models pu", ["pull"]],
    ["completion z", ["zsh"]],
    ["models export --format gguf-", ["gguf-lora"]],
    ["egress allow ", ["ci", "hub", "label-studio", "metrics", "mlflow", "s3"]],
    ["export archive none-such-file", []],
  ] as const) {
    it(`of bash: kept ${line}`, async () => {
      await using folder = await tempFolder();
      const file = path.join(folder.dir, "kept.bash");
      writeFileSync(file, await script("bash"));
      const words = ["kept", ...line.split(" ")];
      const program = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kept; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const found = execFileSync("bash", ["--norc", "-uc", program, "bash", file, ...words], { encoding: "utf8" });
      const offered = found
        .split("\n")
        .filter((word) => word !== "" && !(words.at(-1) === "" && word.startsWith("--")));
      assert.deepEqual(offered.toSorted(), [...expected]);
    });
  }

  it("of zsh and fish names every command and option with what it does", async () => {
    const whole = await createWholeProgram(() => {});
    const commands = completedCommands(whole);
    assert.ok(commands.length > 50);
    const [zsh, fish] = [await script("zsh"), await script("fish")];
    assert.match(zsh, /^#compdef kept\n/);
    for (const { path: at, options } of commands) {
      const key = at.join(" ");
      assert.ok(zsh.includes(at.length === 0 ? "    '')" : `    ' ${key}')`), key);
      const condition = `'__kept_at${at.map((name) => ` "${name}"`).join("")}'`;
      for (const { name, about } of options) {
        assert.ok(
          fish.includes(`-n ${condition} -l ${name.slice(2)} -d '${about.replaceAll("'", "'\\''")}'`),
          `${key} ${name}`,
        );
      }
    }
  });

  it("is printed by the command, and another shell is wrong usage", async () => {
    const printed = await runCli(["completion", "bash"]);
    assert.deepEqual([printed.code, printed.stdout], [0, await script("bash")]);
    assert.equal((await runCli(["completion", "tcsh"])).code, 2);
  });
});
