import path from "node:path";
import type { CompletionRequest } from "../../engine/generate/completion.ts";

/** The program of an engine process, for one that a test starts. */
export const ENGINE_ENTRY = path.resolve(import.meta.dirname, "../../engine/process/main.ts");

/** The beginning of a statement, without anything around it. */
export const STATEMENT_REQUEST = {
  prefix: "let x = ",
  suffix: "",
  path: "a.ts",
  repository: "demo",
  examples: [],
  maxTokens: 16,
  lines: "block",
} as const satisfies CompletionRequest;
