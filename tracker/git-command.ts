import { simpleGit } from "simple-git";
import { COMMAND_TIMEOUT_MS, GitError, gitEnvironment, MAX_COMPLAINT_CHARS } from "./git.ts";

/**
 * Runs a short read-only git command in `repo` and gives its output, trailing white space removed. For the
 * server and the command line: simple-git checks the arguments, and looks at the folder in a call that waits,
 * which is why the code that an editor hosts uses `gitText` instead.
 *
 * @throws {GitError} when git is missing, fails, hangs, or the signal aborts
 */
export const gitCommand = async (repo: string, args: readonly string[], signal?: AbortSignal): Promise<string> => {
  if (signal?.aborted === true) throw new GitError("git-aborted", "aborted before git started");
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const environment = gitEnvironment();
    const git = simpleGit({
      baseDir: repo,
      // Everything passed on is chosen by name, so simple-git's guard against stray variables may let it through.
      allowEnvironment: Object.keys(environment),
      abort: abort.signal,
      timeout: { block: COMMAND_TIMEOUT_MS },
      maxConcurrentProcesses: 1,
    }).env(environment);
    return (await git.raw([...args])).trimEnd();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = abort.signal.aborted ? "git-aborted" : message.includes("timeout") ? "git-timeout" : "git-failed";
    throw new GitError(code, message.slice(0, MAX_COMPLAINT_CHARS), error);
  } finally {
    signal?.removeEventListener("abort", stop);
  }
};
