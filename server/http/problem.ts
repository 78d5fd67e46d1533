import type { Problem } from "../../protocol/api.ts";
import { errorEnvelope } from "../integrations/openai/answer.ts";
import { AppError, type ErrorCode } from "../errors.ts";
import { PROBLEM_CODES } from "./problem-codes.ts";
import { randomUUID } from "node:crypto";

/** An answer that says what went wrong: never a path, SQL or a stack, always an id to find it by. */
export function problemFor(code: ErrorCode, detail?: string): Problem {
  const { status, title } = PROBLEM_CODES[code];
  const id = randomUUID();
  return { type: `urn:kept:problem:${code}`, title, status, code, ...(detail === undefined ? {} : { detail }), id };
}

/** The problem of whatever was thrown: only an AppError's own message is shown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof AppError) return problemFor(error.code, error.message);
  const sqlite = String((error as { code?: unknown } | null)?.code ?? "");
  if (/^SQLITE_(FULL|IOERR|READONLY)/.test(sqlite) || sqlite === "ENOSPC") return problemFor("storage-full");
  return problemFor("internal");
}

/** Paths that OpenAI's clients ask, who read a failure from its `error`. */
const isOpenAiPath = (path: string): boolean => path === "/v1/completions" || /^\/v1\/models(\/|$)/.test(path);

/** A problem as it is sent to whoever asked `path`. */
export const problemFrom = (path: string, problem: Problem): Problem & { readonly error?: unknown } =>
  isOpenAiPath(path) ? { ...problem, error: errorEnvelope(problem) } : problem;

const RETRY_SECONDS = 5;

export function problemResponse(problem: Problem, headers: Record<string, string> = {}): Response {
  const retry: Record<string, string> =
    problem.status === 429 || problem.status === 503 ? { "Retry-After": String(RETRY_SECONDS) } : {};
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { "Content-Type": "application/problem+json", ...retry, ...headers },
  });
}
