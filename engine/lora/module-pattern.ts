import { RE2JS } from "re2js";
import { EngineError } from "../engine-error.ts";

/**
 * Regular expressions over module names, for the patterns of PEFT's `adapter_config.json`. They come
 * from whoever made the adapter, so they never reach a backtracking engine: RE2 runs them as automata,
 * in time that grows with the pattern's size and the name's length alone (Cox 2007).
 */
export type ModulePattern = (name: string) => boolean;

/** Longest pattern, in characters: far beyond what the modules of a model need. */
const MAX_PATTERN_CHARS = 1_000;

/** What all patterns of one adapter may still cost. */
export interface PatternBudget {
  instructions: number;
  visits: number;
}

/** Instructions of their programs, and those times the characters read: below a second whatever the patterns. */
const MAX_INSTRUCTIONS = 2_000;
const MAX_VISITS = 20_000_000;

export const patternBudget = (): PatternBudget => ({ instructions: MAX_INSTRUCTIONS, visits: MAX_VISITS });

/**
 * A pattern in Python's syntax, less look-around, back references, flags and possessive quantifiers.
 * It has to match the whole name. Throws adapter-unsupported naming the field.
 */
export function compilePattern(pattern: string, field: string, budget: PatternBudget): ModulePattern {
  const unsupported = (what: string, cause?: unknown) =>
    new EngineError("adapter-unsupported", `adapter_config.json: ${field} has a pattern with ${what}.`, { cause });
  const spend = (kind: keyof PatternBudget, cost: number): void => {
    if ((budget[kind] -= cost) < 0) throw unsupported("too many repetitions");
  };
  if (pattern.length > MAX_PATTERN_CHARS) throw unsupported(`more than ${MAX_PATTERN_CHARS} characters`);
  const compiled = compileRe2(translated(pattern, unsupported), unsupported);
  const size = compiled.programSize();
  spend("instructions", size);
  return (name) => {
    spend("visits", size * name.length);
    return compiled.testExact(name);
  };
}

/** RE2 itself bounds repetitions (1,000 in all) and nesting before it makes anything of their size. */
function compileRe2(pattern: string, unsupported: (what: string, cause: unknown) => EngineError): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const { message } = error as Error;
    const isTooLarge = /invalid repeat count|nests too deeply|too large/.test(message);
    throw unsupported(isTooLarge ? "too many repetitions" : `what RE2 does not take (${message})`, error);
  }
}

/** An escape, the start of a character set, a group that is more than brackets, or a repetition without a lower bound. */
const SPECIAL = /\\(?<escape>.?)|\[\^?\]?(?<set>(?:\\.|[^\]\\])*)\]|\(\?(?<group>(?::|P<\w+>)?)|\{,(?<most>\d*)\}/gsu;

/** The pattern in RE2's words, which differ from Python's here and there. What is neither's is left to RE2. */
function translated(pattern: string, unsupported: (what: string) => EngineError): string {
  return pattern.replace(SPECIAL, (text, ...rest: unknown[]) => {
    const { escape, set, group, most } = rest.at(-1) as Record<string, string | undefined>;
    if (group === "") throw unsupported("a look-around, a flag or a reference");
    // RE2 has classes in sets, and escapes, that Python has not, or not with that meaning.
    if (set?.includes("[:")) throw unsupported("a class in a character set");
    const escapes = escape === undefined ? [...(set ?? "").matchAll(/\\(.)/gsu)].map((match) => match[1]!) : [escape];
    const foreign = escapes.find((char) => /[a-z0-9]/i.test(char) && !/[dws]/i.test(char));
    if (foreign !== undefined) throw unsupported(`the escape \\${foreign}`);
    return most === undefined ? text : `{0,${most}}`;
  });
}
