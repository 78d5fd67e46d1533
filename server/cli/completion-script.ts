export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** A command as a shell completes it. */
export interface CompletedCommand {
  /** Its name behind those of its parents, without `kept`. */
  readonly path: readonly string[];
  readonly commands: readonly { readonly name: string; readonly about: string }[];
  readonly options: readonly {
    readonly name: string;
    readonly about: string;
    readonly takesValue: boolean;
    readonly choices: readonly string[];
  }[];
  /** Words that its first argument may be. */
  readonly choices: readonly string[];
}

/** A script that the shell reads once: it asks `kept` nothing while somebody types. */
export function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  if (shell === "fish") return fishScript(commands);
  return shell === "bash" ? bashScript(commands) : zshScript(commands);
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const wordsOf = ({ commands, options, choices }: CompletedCommand): string[] => [
  ...commands.map(({ name }) => name),
  ...choices,
  ...options.map(({ name }) => name),
];
const keyOf = ({ path }: CompletedCommand): string => path.join(" ");

/** Options with a value, each once: what follows one is no command. */
const valued = (commands: readonly CompletedCommand[]): string[] => [
  ...new Set(commands.flatMap(({ options }) => options.filter(({ takesValue }) => takesValue).map(({ name }) => name))),
];
const withChoices = (commands: readonly CompletedCommand[]): [string, readonly string[]][] =>
  commands.flatMap(({ options }) =>
    options
      .filter(({ choices }) => choices.length > 0)
      .map(({ name, choices }): [string, readonly string[]] => [name, choices]),
  );

/** Walks the words before the cursor to the command that they name: bash and zsh do it alike. */
const walk = (commands: readonly CompletedCommand[]): string => `    case "$word" in
      ${valued(commands).join("|")}) skip=1 ;;
      -*) ;;
      *) case "$at $word" in
${commands
  .filter(({ path }) => path.length > 0)
  .map((one) => `        ${quoted(` ${keyOf(one)}`)}) at="$at $word" ;;`)
  .join("\n")}
        esac ;;
    esac`;

function bashScript(commands: readonly CompletedCommand[]): string {
  return `# Completion of kept for bash. Read it with: source <(kept completion bash)
_kept() {
  local word at='' skip='' i
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [ -n "$skip" ]; then skip=''; continue; fi
${walk(commands)}
  done
  if [ -n "$skip" ]; then
    case "$previous" in
${withChoices(commands)
  .map(([name, choices]) => `      ${name}) COMPREPLY=($(compgen -W ${quoted(choices.join(" "))} -- "$current")) ;;`)
  .join("\n")}
      *) COMPREPLY=($(compgen -f -- "$current")) ;;
    esac
    return
  fi
  case "$at" in
${commands
  .map((one) => {
    const key = one.path.length === 0 ? "" : ` ${keyOf(one)}`;
    return `    ${quoted(key)}) COMPREPLY=($(compgen -W ${quoted(wordsOf(one).join(" "))} -- "$current")) ;;`;
  })
  .join("\n")}
  esac
}
complete -o default -F _kept kept
`;
}

function zshScript(commands: readonly CompletedCommand[]): string {
  const described = (one: { name: string; about: string }): string =>
    quoted(`${one.name.replaceAll(":", "\\:")}:${one.about}`);
  return `#compdef kept
# Completion of kept for zsh. Read it with: source <(kept completion zsh)
_kept() {
  local word at='' skip='' i
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    if [ -n "$skip" ]; then skip=''; continue; fi
${walk(commands)}
  done
  if [ -n "$skip" ]; then
    case "\${words[CURRENT-1]}" in
${withChoices(commands)
  .map(([name, choices]) => `      ${name}) compadd -- ${choices.map(quoted).join(" ")} ;;`)
  .join("\n")}
      *) _files ;;
    esac
    return
  fi
  case "$at" in
${commands
  .map((one) => {
    const key = one.path.length === 0 ? "" : ` ${keyOf(one)}`;
    const words = [...one.commands, ...one.choices.map((name) => ({ name, about: "" }))];
    return `    ${quoted(key)})
      commands=(${words.map(described).join(" ")})
      options=(${one.options.map(described).join(" ")}) ;;`;
  })
  .join("\n")}
  esac
  if [ "\${#commands}" -gt 0 ]; then _describe command commands; else _files; fi
  _describe option options
}
compdef _kept kept
`;
}

function fishScript(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap((one) => {
    const condition = quoted(`__kept_at ${one.path.map((name) => `"${name}"`).join(" ")}`.trim());
    return [
      ...one.commands.map(
        ({ name, about }) => `complete -c kept -f -n ${condition} -a ${quoted(name)} -d ${quoted(about)}`,
      ),
      ...one.choices.map((name) => `complete -c kept -f -n ${condition} -a ${quoted(name)}`),
      ...one.options.map(({ name, about, takesValue, choices }) =>
        [
          `complete -c kept -n ${condition} -l ${name.slice(2)} -d ${quoted(about)}`,
          ...(takesValue ? ["-r"] : []),
          ...(choices.length > 0 ? [`-f -a ${quoted(choices.join(" "))}`] : []),
        ].join(" "),
      ),
    ];
  });
  const names = commands.filter(({ path }) => path.length > 0).map(keyOf);
  return `# Completion of kept for fish. Keep it with: kept completion fish > ~/.config/fish/completions/kept.fish
function __kept_at --description 'the command that the words before the cursor name is this one'
  set -l at
  set -l skip 0
  for word in (commandline -opc)[2..-1]
    if test $skip -eq 1
      set skip 0
      continue
    end
    switch $word
      case ${valued(commands).join(" ")}
        set skip 1
      case '-*'
      case '*'
        if contains -- (string join ' ' $at $word) ${names.map(quoted).join(" ")}
          set -a at $word
        end
    end
  end
  test "$at" = "$argv"
end
${lines.join("\n")}
`;
}
