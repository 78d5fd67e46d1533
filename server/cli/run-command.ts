import { CommanderError } from "commander";
import { AppError } from "../errors.ts";
import { ProblemAnswer } from "./problem-answer.ts";
import { EXIT } from "./exit-codes.ts";
import { createProgram } from "./program.ts";

/** Runs one command and answers its exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  let exit: number = EXIT.done;
  try {
    const program = await createProgram(args, (code) => (exit = code));
    await program.parseAsync(args, { from: "user" });
    return exit;
  } catch (error) {
    return exitCodeOf(error);
  }
}

function exitCodeOf(error: unknown): number {
  // Commander has already said what was wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof ProblemAnswer) {
    process.stderr.write(`${error.message} (${error.code})\n`);
    return error.status === 404 ? EXIT.notFound : error.status === 422 ? EXIT.usage : EXIT.failed;
  }
  const hint = error instanceof AppError && error.hint !== undefined ? ` ${error.hint}` : "";
  const code = error instanceof AppError ? ` (${error.code})` : "";
  process.stderr.write(`${(error as Error).message}${code}${hint}\n`);
  const isMissing = error instanceof AppError && (error.code === "not-running" || error.code === "not-found");
  return isMissing ? EXIT.notFound : EXIT.failed;
}
