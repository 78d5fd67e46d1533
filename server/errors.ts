/** Every code that a person or a client can see. Each is documented in `http/problem-codes.ts`. */
export type ErrorCode =
  | "malformed"
  | "unauthorized"
  | "forbidden-host"
  | "forbidden-origin"
  | "not-found"
  | "method-not-allowed"
  | "alias-moved"
  | "not-an-adapter"
  | "run-not-active"
  | "no-canary"
  | "dataset-gone"
  | "too-few-verdicts"
  | "too-large"
  | "unsupported-type"
  | "invalid"
  | "too-many"
  | "busy"
  | "internal"
  | "storage-full"
  | "storage-failed"
  | "backup-damaged"
  | "archive-invalid"
  | "archive-newer"
  | "no-model"
  | "engine-failed"
  | "training-unavailable"
  | "nothing-to-learn"
  | "worker-failed"
  | "worker-memory"
  | "port-in-use"
  | "already-running"
  | "data-dir"
  | "newer-schema"
  | "corrupt-store"
  | "not-running"
  | "impostor"
  | "egress-refused"
  | "hub-unreachable"
  | "hub-unauthorized"
  | "hub-invalid"
  | "integration-unreachable"
  | "integration-unauthorized"
  | "integration-invalid"
  | "remote-unreachable"
  | "remote-unauthorized"
  | "remote-invalid"
  | "config-invalid"
  | "python-missing"
  | "python-setup"
  | "parity"
  | "git-unavailable"
  | "note-invalid"
  | "note-too-large"
  | "report-invalid"
  | "trace-invalid"
  | "commit-missing"
  | "file-missing"
  | "lines-missing"
  | "export-refused";

/** A failure of the environment or of a request: what happened, to what, and what to do. */
export class AppError extends Error {
  readonly code: ErrorCode;
  /** What the reader can do about it. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.hint = options.hint;
  }
}
