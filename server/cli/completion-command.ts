import { Argument, type Command } from "commander";
import type { CommandParts } from "./command-parts.ts";
import { completionScript, SHELLS, type CompletedCommand, type Shell } from "./completion-script.ts";

const USE: Readonly<Record<Shell, string>> = {
  bash: "source <(kept completion bash)      # in ~/.bashrc",
  zsh: "source <(kept completion zsh)       # in ~/.zshrc, after compinit",
  fish: "kept completion fish > ~/.config/fish/completions/kept.fish",
};

/** Adds `kept completion`. */
export function addCompletionCommand(program: Command, { setExit }: CommandParts): void {
  program
    .command("completion")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .description("print a script that completes kept's commands in a shell")
    .addHelpText("after", `\nUse:\n${SHELLS.map((shell) => `  ${USE[shell]}\n`).join("")}`)
    .action(async (shell: Shell) => {
      const { createWholeProgram } = await import("./program.ts");
      process.stdout.write(completionScript(shell, completedCommands(await createWholeProgram(setExit))));
    });
}

/** Every command, with what can stand behind it; the program itself comes first. */
export function completedCommands(command: Command, path: readonly string[] = []): CompletedCommand[] {
  const own: CompletedCommand = {
    path,
    commands: command.commands.map((one) => ({ name: one.name(), about: one.description() })),
    options: [...command.options, ...helpOption(command)].flatMap(
      ({ long, description, required, optional, argChoices }) =>
        long === undefined || long === null
          ? []
          : [{ name: long, about: description, takesValue: required || optional, choices: argChoices ?? [] }],
    ),
    choices: command.registeredArguments[0]?.argChoices ?? [],
  };
  return [own, ...command.commands.flatMap((one) => completedCommands(one, [...path, one.name()]))];
}

/** Commander makes it when it is asked for help, and lists it nowhere. */
const helpOption = (command: Command) => {
  const made = command.createOption("-h, --help", "show what can be said");
  return command.options.some(({ long }) => long === "--help") ? [] : [made];
};
