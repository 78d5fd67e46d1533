import path from "node:path";

/** How a language begins a comment of one line, by the file's extension; `//` where none is known. */
const COMMENTS: readonly (readonly [extensions: string, open: string, close: string])[] = [
  [".py .pyi .rb .sh .bash .zsh .fish .pl .pm .r .jl .ex .exs .nim .cr .tcl", "#", ""],
  [".yaml .yml .toml .tf .cmake .mk .dockerfile .conf .properties .gitignore .env .graphql", "#", ""],
  [".sql .lua .hs .elm .adb .ads .vhd .vhdl", "--", ""],
  [".clj .cljs .lisp .el .scm .rkt .ini .asm", ";", ""],
  [".tex .erl .hrl .m", "%", ""],
  [".html .xml .svg .md .vue .svelte", "<!--", "-->"],
  [".css", "/*", "*/"],
  [".ml .mli .fs .fsi", "(*", "*)"],
];

/** Files without an extension that are commented like a shell script. */
const HASH_NAMES = new Set(["Makefile", "Dockerfile", "Gemfile", "Rakefile", "CMakeLists.txt"]);

/** The path of a file as a comment of its language, for a model that has no special token for it. */
export function pathComment(file: string): string {
  const name = path.posix.basename(file);
  const extension = (path.posix.extname(name) || (name.startsWith(".") ? name : "")).toLowerCase();
  const known = COMMENTS.find(([extensions]) => extension !== "" && extensions.split(" ").includes(extension));
  if (!known) return `${HASH_NAMES.has(name) ? "#" : "//"} ${file}`;
  const [, open, close] = known;
  return close === "" ? `${open} ${file}` : `${open} ${file} ${close}`;
}
