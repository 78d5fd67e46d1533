/** Lines that bring names into a file: ES modules, CommonJS, Python, Go, Rust, Java, C. */
const IMPORT =
  /^(?:import\b|from\s+\S+\s+import\b|export\s.*\sfrom\b|(?:const|let|var)\s.*=\s*require\(|use\s|using\s|#include\b|package\s)/;
const IMPORT_END = /["')\];]\s*$/;
/** A statement that goes on for longer is taken as its first lines. */
const MAX_STATEMENT_LINES = 12;

/**
 * The import statements of a text, in order, of those that bring in a name that `near` uses. They say what
 * the names at the cursor are when the beginning of a long file is cut from the prompt.
 */
export function importsUsedIn(text: string, near: string): string[] {
  const used = new Set(near.match(NAME));
  const lines = text.split("\n");
  const statements: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    if (!IMPORT.test(lines[at]!)) continue;
    let end = at;
    const opens = lines[at]!.includes("{") && !lines[at]!.includes("}");
    while (opens && end < lines.length - 1 && end - at < MAX_STATEMENT_LINES && !IMPORT_END.test(lines[end]!)) end++;
    const statement = lines.slice(at, end + 1).join("\n");
    if (statement.match(NAME)?.some((name) => !WORDS.has(name) && used.has(name))) statements.push(statement);
    at = end;
  }
  return statements;
}

const NAME = /[\p{L}_$][\p{L}\p{N}_$]*/gu;

/** Words of the statements themselves. */
const WORDS: ReadonlySet<string> = new Set(
  "import export from as type typeof const let var require use using include package static crate self super".split(
    " ",
  ),
);
