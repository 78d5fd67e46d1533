import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { CompletionRequest } from "../../../engine/generate/completion.ts";

/** A place in a file of this repository where someone could be typing. */
export interface TypingPoint {
  readonly path: string;
  readonly text: string;
  readonly offset: number;
}

const root = path.resolve(import.meta.dirname, "../../..");

/** Text that the editor sends before and after the cursor at most, characters. */
const BEFORE_CHARS = 8_000;
const AFTER_CHARS = 2_000;

/** Longest one-line suggestion that is asked for, tokens. */
const MAX_TOKENS = 48;

/** Places spread over the engine's own files, each some characters into a line. */
export function typingPoints(count: number): TypingPoint[] {
  const files = execFileSync("git", ["-C", root, "ls-files", "engine/**/*.ts"], { encoding: "utf8" })
    .trim()
    .split("\n");
  return Array.from({ length: count }, (_, i) => {
    const file = files[Math.floor((i * files.length) / count)]!;
    const text = readFileSync(path.join(root, file), "utf8");
    const from = Math.floor(text.length * (0.3 + (0.6 * ((i * 7) % 10)) / 10));
    const lineStart = text.indexOf("\n", from) + 1;
    const indentation = /^[ \t]*/.exec(text.slice(lineStart))![0].length;
    return { path: file, text, offset: Math.min(text.length, lineStart + indentation + 4) };
  });
}

/** The request of the editor after `nTyped` more characters. */
export function requestAt({ path: file, text, offset }: TypingPoint, nTyped: number): CompletionRequest {
  const cursor = Math.min(text.length, offset + nTyped);
  const lineEnd = text.indexOf("\n", cursor);
  return {
    prefix: text.slice(Math.max(0, cursor - BEFORE_CHARS), cursor),
    suffix: text.slice(lineEnd < 0 ? text.length : lineEnd, cursor + AFTER_CHARS),
    path: file,
    repository: "kept",
    examples: [],
    maxTokens: MAX_TOKENS,
    lines: "single",
  };
}
