import type { ErrorCode } from "../errors.ts";

interface ProblemCode {
  /** HTTP status; 500 for codes that only a terminal shows. */
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 500 | 503 | 507;
  readonly title: string;
  /** What it means and what to do: the documentation of the code. */
  readonly meaning: string;
}

/** Every code that Kept answers or prints, what it means and what to do. */
export const PROBLEM_CODES: Readonly<Record<ErrorCode, ProblemCode>> = {
  malformed: {
    status: 400,
    title: "The request cannot be read",
    meaning: "The body is not JSON, nests too deeply, or the request line names another host. Fix the client.",
  },
  unauthorized: {
    status: 401,
    title: "A valid token is needed",
    meaning: "Send `Authorization: Bearer` with the token of the runtime file; a browser asks for a code first.",
  },
  "forbidden-host": {
    status: 403,
    title: "This host name is not served",
    meaning: "There must be one Host header: 127.0.0.1, localhost or [::1] with the server's own port.",
  },
  "forbidden-origin": {
    status: 403,
    title: "Other origins are not served",
    meaning: "A web page of another origin made the request. Open Kept's own dashboard instead.",
  },
  "not-found": {
    status: 404,
    title: "There is no such thing",
    meaning: "The path or the id is unknown. List the resource to see what there is.",
  },
  "method-not-allowed": {
    status: 405,
    title: "The path does not take this method",
    meaning: "The Allow header names the methods that it takes.",
  },
  "alias-moved": {
    status: 409,
    title: "The alias stands elsewhere",
    meaning: "Someone moved the alias since it was read. Read it again and decide again.",
  },
  "not-an-adapter": {
    status: 409,
    title: "The version is a whole model",
    meaning: "Only adapters are pushed to editors. Export it and name its folder in kept.model.directory.",
  },
  "run-not-active": {
    status: 409,
    title: "The run has ended",
    meaning: "Only a run that waits or runs can be cancelled.",
  },
  "no-canary": {
    status: 409,
    title: "No candidate is on trial",
    meaning: "There is nothing to end. `kept canary` shows the trials so far.",
  },
  "dataset-gone": {
    status: 409,
    title: "The rows of this dataset are gone",
    meaning: "Something in them was forgotten, or their time was over. Build a new dataset.",
  },
  "too-few-verdicts": {
    status: 409,
    title: "There are too few human verdicts",
    meaning: "Label weights are refitted from 200 verdicts on. Rate more suggestions, in the editor or the dashboard.",
  },
  "too-large": {
    status: 413,
    title: "The body is too large",
    meaning: "Send less at a time: at most 1 MiB and 500 events a batch.",
  },
  "unsupported-type": {
    status: 415,
    title: "The body has to be JSON",
    meaning: "Send `Content-Type: application/json` and no content encoding.",
  },
  invalid: {
    status: 422,
    title: "The request does not have the right shape",
    meaning: "The detail names the first field that is wrong.",
  },
  "too-many": {
    status: 429,
    title: "Too many at once",
    meaning:
      "Wait for the seconds in Retry-After. There are limits on streams, on wrong login codes and on the events of a session.",
  },
  busy: {
    status: 503,
    title: "The server cannot take this now",
    meaning:
      "It is stopping, or too much waits to be stored. Try again in a moment; events stay in the client's outbox.",
  },
  internal: {
    status: 500,
    title: "Something in Kept went wrong",
    meaning: "The server's log has the cause under the id of this answer.",
  },
  "storage-full": {
    status: 507,
    title: "Nothing can be stored",
    meaning: "The disk is full or the data folder cannot be written. Free some space; nothing was acknowledged.",
  },
  "storage-failed": {
    status: 503,
    title: "The store could not be written",
    meaning:
      "The disk or the data folder failed. Nothing was acknowledged and the server ends with exit code 74; events stay in the client's outbox. Check the disk, then start it again.",
  },
  "backup-damaged": {
    status: 500,
    title: "The backup is damaged",
    meaning: "A file of it is missing or has other bytes than its manifest says. Nothing was changed; use another.",
  },
  "egress-refused": {
    status: 422,
    title: "Nothing allows this connection",
    meaning:
      "The address was not allowed for this purpose, or is on this machine or a private network. Nothing was sent.",
  },
  "archive-invalid": {
    status: 422,
    title: "The archive cannot be imported",
    meaning: "It is damaged or holds what no archive of Kept has. Nothing was changed; export it again.",
  },
  "archive-newer": {
    status: 422,
    title: "The archive was written by a newer Kept",
    meaning: "Update Kept and import it again. Nothing was changed.",
  },
  "no-model": {
    status: 503,
    title: "There is no base model",
    meaning: "The model folder has no configuration and weights. Set --model-dir or KEPT_MODEL_DIR.",
  },
  "config-invalid": {
    status: 500,
    title: "The run configuration is wrong",
    meaning: "Each line names the file, the line and the key. Fix them; unknown keys are refused.",
  },
  "python-missing": {
    status: 500,
    title: "There is no usable Python",
    meaning: "The torch backend needs Python 3.10 or newer on the path or in KEPT_PYTHON. Nothing else of Kept does.",
  },
  "python-setup": {
    status: 500,
    title: "The torch backend could not be installed",
    meaning: "The virtual environment or pip failed, perhaps without a network. Its last words follow.",
  },
  parity: {
    status: 500,
    title: "The exported model is not the one that was trained",
    meaning: "The engine's logits differ from PyTorch's by more than 1e-3. Do not ship the folder; report it.",
  },
  "engine-failed": {
    status: 503,
    title: "The engine cannot complete",
    meaning:
      "The engine process ended or refused the model. The server's log says why; the next request starts it anew.",
  },
  "training-unavailable": {
    status: 503,
    title: "Training cannot run here",
    meaning: "The trainer could not be loaded. The run's message says why.",
  },
  "nothing-to-learn": {
    status: 409,
    title: "There is nothing to learn",
    meaning: "No kept suggestion and no history, or nothing new since the last run. Train again when there is.",
  },
  "worker-failed": {
    status: 500,
    title: "The training worker failed",
    meaning: "The run's message has the worker's last words. Start a new run.",
  },
  "worker-memory": {
    status: 500,
    title: "The training process took too much memory",
    meaning: "It was ended, and the editor was not disturbed. Train less at once, or set KEPT_WORKER_MEMORY_MIB.",
  },
  "port-in-use": {
    status: 500,
    title: "Another program listens on the port",
    meaning: "Choose another with --port, or leave it out: any free one is taken.",
  },
  "already-running": {
    status: 500,
    title: "Another server holds the data folder",
    meaning: "One server serves one data folder. Use the running one or choose another folder.",
  },
  "data-dir": {
    status: 500,
    title: "The data folder cannot be used",
    meaning: "It must be a folder of your own that can be written. Choose another with --data-dir.",
  },
  "newer-schema": {
    status: 500,
    title: "A newer Kept wrote the store",
    meaning: "Update Kept. Stores are never migrated down.",
  },
  "corrupt-store": {
    status: 500,
    title: "The store is damaged",
    meaning:
      "There is no backup that could take its place, so it was left as it is. Move it away or start with another folder.",
  },
  "not-running": {
    status: 500,
    title: "No server is running",
    meaning: "Start it with `kept serve`, or open the editor, which starts it.",
  },
  impostor: {
    status: 500,
    title: "Another program answers on the server's port",
    meaning: "It could not prove that it holds the token, so nothing was sent to it. Restart Kept's server.",
  },
  "hub-unreachable": {
    status: 500,
    title: "The model hub cannot be reached",
    meaning:
      "There is no connection, the hub fails, or it is too slow. Run the pull again: it goes on where it stopped.",
  },
  "hub-unauthorized": {
    status: 500,
    title: "The model hub refuses access",
    meaning: "The model is private, gated, or not there. Check its name, and set HF_TOKEN to a token that may read it.",
  },
  "hub-invalid": {
    status: 500,
    title: "The model hub answered something that cannot be trusted",
    meaning:
      "A file has the wrong hash, a redirect leads to an internal address, or no hub answers there. Nothing was added.",
  },
  "integration-unreachable": {
    status: 503,
    title: "A connected system does not answer",
    meaning:
      "MLflow or Label Studio is away, fails, or is too slow. What it was to hear waits in the outbox and is sent when it is back.",
  },
  "integration-unauthorized": {
    status: 503,
    title: "A connected system refuses access",
    meaning:
      "Set the credentials in the server's environment (MLFLOW_TRACKING_TOKEN, or _USERNAME and _PASSWORD; LABEL_STUDIO_API_KEY) and start it again. Nothing was lost.",
  },
  "integration-invalid": {
    status: 503,
    title: "A connected system answered something that cannot be used",
    meaning:
      "A redirect, a page instead of JSON, an answer of the wrong shape or without end, or a file with the wrong hash. Nothing of it was taken; what was to be sent is tried again, rarely.",
  },
  "remote-unreachable": {
    status: 500,
    title: "The other system cannot be reached",
    meaning: "There is no connection, it fails, or it is too slow. Run the command again: it goes on where it stopped.",
  },
  "remote-unauthorized": {
    status: 500,
    title: "The other system refuses access",
    meaning: "The key in the environment is wrong, or may not do that. Nothing was changed here.",
  },
  "remote-invalid": {
    status: 500,
    title: "The other system answered something that cannot be trusted",
    meaning:
      "A file has the wrong hash, the answer has another shape, redirects, or never ends. Nothing was changed here.",
  },
  "git-unavailable": {
    status: 500,
    title: "Git cannot be asked",
    meaning: "Git is missing, or the folder is no work tree of a repository. Name one with --repo.",
  },
  "note-invalid": {
    status: 500,
    title: "A note is no authorship log",
    meaning: "It does not follow the Git AI Standard, version 3. It was left out; the reason names the line.",
  },
  "note-too-large": {
    status: 500,
    title: "A note is too large or missing",
    meaning: "Notes of more than 1 MiB are not read, nor those whose object is not there. It was left out.",
  },
  "report-invalid": {
    status: 500,
    title: "A report cannot be read",
    meaning: "It is no JUnit report, lcov tracefile, error event, measurement or review. The reason says where.",
  },
  "trace-invalid": {
    status: 500,
    title: "A record is no Agent Trace",
    meaning: "It does not follow the Agent Trace specification, versions 0.1 to 1.x. The reason names the field.",
  },
  "commit-missing": {
    status: 422,
    title: "A commit is not in this repository",
    meaning: "What a note, a record or a report tells of cannot be read. Fetch the commit and try again.",
  },
  "file-missing": {
    status: 500,
    title: "A file is not in the commit",
    meaning: "The note or record names a file that the commit does not hold, or that is too large to read.",
  },
  "lines-missing": {
    status: 500,
    title: "Lines are not in the file",
    meaning: "The note or record names lines behind the end of the file, blank ones, or too many. They were left out.",
  },
  "export-refused": {
    status: 500,
    title: "Notes are not written",
    meaning:
      "Writing into a repository needs the explicit command with --write, and never goes over another tool's note.",
  },
};

/** Whether Kept knows the code: one from another process may be any text. */
export const isProblemCode = (code: string): code is ErrorCode => Object.hasOwn(PROBLEM_CODES, code);
