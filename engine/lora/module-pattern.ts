import { EngineError } from "../engine-error.ts";

/**
 * Regular expressions over module names, for the patterns of PEFT's `adapter_config.json`. They come
 * from whoever made the adapter, so they never reach a backtracking engine: a pattern becomes an
 * automaton that costs at most its states times the name's length (Thompson 1968; Cox 2007).
 */
export type ModulePattern = (name: string) => boolean;

/** Longest pattern, in characters: far beyond what the modules of a model need. */
const MAX_PATTERN_CHARS = 2_000;

/** What all patterns of one adapter may still cost. */
export interface PatternBudget {
  states: number;
  visits: number;
}

/** Some 10 MB, and some tenths of a second; an honest adapter takes a hundredth of either. */
const MAX_STATES = 100_000;
const MAX_VISITS = 10_000_000;

export const patternBudget = (): PatternBudget => ({ states: MAX_STATES, visits: MAX_VISITS });

type Accepts = (char: string) => boolean;

type Node =
  | { readonly kind: "char"; readonly accepts: Accepts }
  | { readonly kind: "start" | "end" }
  | { readonly kind: "all"; readonly parts: readonly Node[] }
  | { readonly kind: "any"; readonly branches: readonly Node[] }
  | { readonly kind: "repeat"; readonly part: Node; readonly min: number; readonly max: number };

type State =
  | { readonly kind: "char"; readonly accepts: Accepts; readonly next: number }
  | { readonly kind: "start" | "end"; readonly next: number }
  | { readonly kind: "split"; readonly next: readonly number[] }
  | { readonly kind: "match" };

/**
 * A pattern in Python's syntax, less look-around, back references, flags and possessive quantifiers.
 * It has to match the whole name. Throws adapter-unsupported naming the field.
 */
export function compilePattern(pattern: string, field: string, budget: PatternBudget): ModulePattern {
  const unsupported = (what: string) =>
    new EngineError("adapter-unsupported", `adapter_config.json: ${field} has a pattern with ${what}.`);
  if (pattern.length > MAX_PATTERN_CHARS) throw unsupported(`more than ${MAX_PATTERN_CHARS} characters`);
  const spend = (kind: keyof PatternBudget): void => {
    if (--budget[kind] < 0) throw unsupported("too many repetitions");
  };
  const states: State[] = [{ kind: "match" }];
  const add = (state: State): number => {
    spend("states");
    return states.push(state) - 1;
  };
  const start = build(parse(pattern, unsupported), 0, states, add);
  return (name) => run(states, start, name, () => spend("visits"));
}

/** States of a node that go on at `next`; answers the first of them. */
function build(node: Node, next: number, states: State[], add: (state: State) => number): number {
  switch (node.kind) {
    case "char":
    case "start":
    case "end":
      return add({ ...node, next });
    case "all":
      return node.parts.reduceRight((after, part) => build(part, after, states, add), next);
    case "any":
      return add({ kind: "split", next: node.branches.map((branch) => build(branch, next, states, add)) });
    case "repeat": {
      let at = next;
      if (node.max === Infinity) {
        // The loop's state is placed first, so that its body can go back to it.
        const loop = add({ kind: "split", next: [next] });
        states[loop] = { kind: "split", next: [next, build(node.part, loop, states, add)] };
        at = loop;
      } else {
        for (let i = node.min; i < node.max; i++)
          at = add({ kind: "split", next: [next, build(node.part, at, states, add)] });
      }
      for (let i = 0; i < node.min; i++) at = build(node.part, at, states, add);
      return at;
    }
  }
}

function run(states: readonly State[], start: number, name: string, visit: () => void): boolean {
  const chars = Array.from(name);
  /** Position + 1 at which a state was reached last: each is followed once a position. */
  const reached = new Uint32Array(states.length);
  const follow = (from: readonly number[], position: number): number[] => {
    const found: number[] = [];
    const open = [...from];
    while (open.length > 0) {
      const at = open.pop()!;
      if (reached[at] === position + 1) continue;
      reached[at] = position + 1;
      visit();
      const state = states[at]!;
      if (state.kind === "char") found.push(at);
      else if (state.kind === "split") open.push(...state.next);
      else if (state.kind === "start" && position === 0) open.push(state.next);
      else if (state.kind === "end" && position === chars.length) open.push(state.next);
    }
    return found;
  };

  let current = follow([start], 0);
  for (const [i, char] of chars.entries()) {
    const next: number[] = [];
    for (const at of current) {
      const state = states[at]!;
      if (state.kind === "char" && state.accepts(char)) next.push(state.next);
    }
    if (next.length === 0) return false;
    current = follow(next, i + 1);
  }
  return reached[0] === chars.length + 1;
}

const CLASSES: Readonly<Record<string, RegExp>> = { d: /\p{Nd}/u, w: /[\p{L}\p{N}_]/u, s: /\s/u };

function parse(pattern: string, unsupported: (what: string) => EngineError): Node {
  const chars = Array.from(pattern);
  let at = 0;
  let depth = 0;

  const any = (): Node => {
    const branches = [all()];
    while (chars[at] === "|") {
      at += 1;
      branches.push(all());
    }
    return branches.length === 1 ? branches[0]! : { kind: "any", branches };
  };
  const all = (): Node => {
    const parts: Node[] = [];
    while (at < chars.length && chars[at] !== "|" && chars[at] !== ")") parts.push(repeated(single()));
    return { kind: "all", parts };
  };
  const repeated = (part: Node): Node => {
    const rest = chars.slice(at, at + MAX_QUANTIFIER_CHARS).join("");
    const [text, sign, least, comma, most] = /^(?:([*+?])|\{(?=\d|,)(\d*)(,?)(\d*)\})/.exec(rest) ?? [];
    if (text === undefined) return part;
    at += text.length;
    if (chars[at] === "?") at += 1;
    if (/^[*+]/.test(chars[at] ?? "")) throw unsupported("a possessive or double quantifier");
    if (sign !== undefined)
      return { kind: "repeat", part, min: sign === "+" ? 1 : 0, max: sign === "?" ? 1 : Infinity };
    const min = Number(least);
    const max = comma === "" ? min : most === "" ? Infinity : Number(most);
    if (max < min) throw unsupported("a repetition whose bounds are the wrong way round");
    return { kind: "repeat", part, min, max };
  };
  const single = (): Node => {
    const char = chars[at]!;
    at += 1;
    if (char === "(") return group();
    if (char === "[") return { kind: "char", accepts: characterSet() };
    if (char === ".") return { kind: "char", accepts: (c) => c !== "\n" };
    if (char === "^") return { kind: "start" };
    if (char === "$") return { kind: "end" };
    if (char === "\\") return { kind: "char", accepts: escaped() };
    if ("*+?".includes(char)) throw unsupported("a quantifier after nothing");
    return { kind: "char", accepts: (c) => c === char };
  };
  const group = (): Node => {
    if (++depth > MAX_DEPTH) throw unsupported("brackets nested too deep");
    if (chars[at] === "?") {
      const [opening] = /^\?(?::|P<\w+>)/.exec(chars.slice(at, at + MAX_OPENING_CHARS).join("")) ?? [];
      if (opening === undefined) throw unsupported("a look-around, a flag or a reference");
      at += opening.length;
    }
    const node = any();
    if (chars[at] !== ")") throw unsupported("an open bracket");
    at += 1;
    depth -= 1;
    return node;
  };
  const escaped = (): Accepts => {
    const char = chars[at] ?? "";
    at += 1;
    const known = CLASSES[char.toLowerCase()];
    if (known) return (c) => known.test(c) === (char === char.toLowerCase());
    if (char === "" || /[a-z0-9]/i.test(char)) throw unsupported(`the escape \\${char}`);
    return (c) => c === char;
  };
  const characterSet = (): Accepts => {
    const isNegated = chars[at] === "^";
    if (isNegated) at += 1;
    const members: Accepts[] = [];
    for (let isFirst = true; chars[at] !== "]" || isFirst; isFirst = false) {
      const low = chars[at];
      if (low === undefined) throw unsupported("an open character set");
      at += 1;
      const high = chars[at + 1];
      if (low === "\\") members.push(escaped());
      else if (chars[at] === "-" && high !== undefined && high !== "]" && high !== "\\") {
        at += 2;
        if (low > high) throw unsupported("a range that is the wrong way round");
        members.push((c) => low <= c && c <= high);
      } else members.push((c) => c === low);
      if (members.length > MAX_SET_MEMBERS) throw unsupported("too large a character set");
    }
    at += 1;
    return (c) => members.some((member) => member(c)) !== isNegated;
  };

  const node = any();
  if (at < chars.length) throw unsupported("a closing bracket that nothing opened");
  return node;
}

/** Longest text of a quantifier, such as `{10,20}`. */
const MAX_QUANTIFIER_CHARS = 16;

/** Longest opening of a group, such as `(?P<layer>`. */
const MAX_OPENING_CHARS = 64;

/** Brackets within brackets, and members of one character set: more than a module's name has parts. */
const MAX_DEPTH = 32;
const MAX_SET_MEMBERS = 32;
