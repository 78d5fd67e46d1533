import { type ChildProcess, spawn } from "node:child_process";
import { access } from "node:fs/promises";
import { delimiter, isAbsolute } from "node:path";

/** Why git gave no answer. `git-aborted` follows the caller's signal. */
export type GitErrorCode = "git-missing" | "git-failed" | "git-aborted" | "git-timeout";

export class GitError extends Error {
  readonly code: GitErrorCode;
  constructor(code: GitErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "GitError";
    this.code = code;
  }
}

/** A short command that has not answered by then hangs on a dead network drive or a prompt. */
export const COMMAND_TIMEOUT_MS = 15_000;
/** Enough of git's complaint for a message. */
export const MAX_COMPLAINT_CHARS = 2_000;

/**
 * Runs a short read-only git command in `repo` and gives its output, trailing white space removed.
 *
 * @throws {GitError} when git is missing, fails, hangs, or the signal aborts
 */
export const gitText = async (repo: string, args: readonly string[], signal?: AbortSignal): Promise<string> => {
  if (signal?.aborted === true) throw new GitError("git-aborted", "aborted before git started");
  const deadline = AbortSignal.timeout(COMMAND_TIMEOUT_MS);
  const git = gitStream(repo, args, signal === undefined ? deadline : AbortSignal.any([signal, deadline]));
  git.end();
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of git.chunks) chunks.push(chunk);
  } catch (error) {
    if (deadline.aborted && !(signal?.aborted ?? false)) throw new GitError("git-timeout", "git did not answer", error);
    throw error;
  }
  return Buffer.concat(chunks).toString("utf8").trimEnd();
};

export interface GitStream {
  /** What git prints. Ends when git does; throws {@link GitError} when git fails. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Writes to git's standard input, waiting while its buffer is full. */
  write(text: string): Promise<void>;
  /** Tells git that no more input comes. */
  end(): void;
  /** Ends git when it still runs. */
  kill(): void;
  /** Whether this program stays for git's sake: it does until it is told otherwise. */
  hold(isHeld: boolean): void;
}

export interface GitStreamOptions {
  /** Exit codes that are answers; `git grep` exits with 1 when it finds nothing. */
  readonly okCodes?: readonly number[];
}

/**
 * Starts a git command whose output is too long to hold. The process ends with the signal, with
 * {@link GitStream.kill}, or when the reader leaves its loop.
 */
export const gitStream = (
  repo: string,
  args: readonly string[],
  signal: AbortSignal,
  options: GitStreamOptions = {},
): GitStream => {
  const child = spawn("git", [...CONFIG_PROOF, ...args], {
    cwd: repo,
    env: gitEnvironment(),
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (complaint.length < MAX_COMPLAINT_CHARS) complaint += text;
  });
  // A broken pipe shows in the exit code; without a listener it would end the program.
  child.stdin.on("error", () => undefined);
  const kill = (): void => void child.kill("SIGTERM");
  if (signal.aborted) kill();
  signal.addEventListener("abort", kill, { once: true });
  const ended = new Promise<{ code: number | null; error?: Error }>((resolve) => {
    child.once("error", (error) => resolve({ code: null, error }));
    child.once("close", (code) => resolve({ code }));
  }).finally(() => signal.removeEventListener("abort", kill));

  const read = async function* (): AsyncGenerator<Buffer> {
    let finished = false;
    try {
      for await (const chunk of child.stdout) yield chunk as Buffer;
      const { code, error } = await ended;
      finished = true;
      if (signal.aborted) throw new GitError("git-aborted", "git was stopped");
      if (error !== undefined) throw await notStarted(repo, error);
      if (!(options.okCodes ?? [0]).includes(code ?? -1)) {
        throw new GitError("git-failed", complaint.trim().slice(0, MAX_COMPLAINT_CHARS) || `git exited with ${code}`);
      }
    } finally {
      if (!finished) kill();
    }
  };
  return {
    chunks: read(),
    write: (text) =>
      new Promise((resolve) => {
        // A closed pipe takes nothing and says nothing more; the reader learns from git's end.
        if (child.stdin.write(text) || child.stdin.destroyed) resolve();
        else {
          const go = (): void => {
            child.stdin.off("drain", go);
            child.stdin.off("close", go);
            resolve();
          };
          child.stdin.once("drain", go).once("close", go);
        }
      }),
    end: () => child.stdin.end(),
    kill,
    hold(isHeld) {
      for (const one of [child, child.stdin, child.stdout, child.stderr] as Holdable[])
        if (isHeld) one.ref();
        else one.unref();
    },
  };
};

/** A process, or a pipe: Node declares its sockets as streams. */
type Holdable = Pick<ChildProcess, "ref" | "unref">;

/** A folder that is gone and a missing git fail alike. */
const notStarted = async (repo: string, error: Error): Promise<GitError> => {
  const isThere = await access(repo).then(
    () => true,
    () => false,
  );
  return isThere
    ? new GitError("git-missing", `git cannot be started: ${error.message}`, error)
    : new GitError("git-failed", `there is no folder ${repo}`, error);
};

/** Settings of the user or the repository that would change what git prints, or run a program. */
const CONFIG_PROOF: readonly string[] = [
  "--no-optional-locks",
  "--no-pager",
  ...[
    "color.ui=false",
    "core.quotepath=off",
    "core.bigFileThreshold=3m",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "diff.noprefix=false",
    "diff.mnemonicPrefix=false",
    "diff.interHunkContext=0",
    "diff.suppressBlankEmpty=false",
    "log.showRoot=true",
    "log.showSignature=false",
    "grep.lineNumber=false",
    "grep.column=false",
    "grep.fullName=false",
    "grep.patternType=default",
  ].flatMap((setting) => ["-c", setting]),
];

/** What git needs to find itself and the user's configuration; GIT_DIR and its kin stay behind. */
const PASSED_ON = ["PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TMPDIR", "TEMP", "XDG_CONFIG_HOME"];

/** What git is started with: nothing of the environment that could change what it prints or runs. */
export const gitEnvironment = (): Record<string, string> => {
  const environment: Record<string, string> = {
    LC_ALL: "C",
    // Never refreshes the index on disk, never asks, never downloads missing objects.
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    GIT_NO_LAZY_FETCH: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
  };
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = name === "PATH" ? absoluteOnly(value) : value;
  }
  return environment;
};

/** A folder of the search path that is relative would be one of the repository's own, with a `git` of its own. */
const absoluteOnly = (searchPath: string): string =>
  searchPath
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .join(delimiter);
