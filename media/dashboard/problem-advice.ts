import type { Failure } from "./api-client.ts";

/** What a person can do about a failure. Falls back to the class of the status. */
export function adviceFor(failure: Pick<Failure, "status" | "code">): string {
  const known = ADVICE[failure.code];
  if (known !== undefined) return known;
  if (failure.status === 401) return "Open the dashboard again from VS Code, or with “npm run kept -- dashboard”.";
  if (failure.status === 409) return "Something changed meanwhile. Look at the new state, then try again.";
  if (failure.status === 422 || failure.status === 400) return "Correct the values and try again.";
  if (failure.status === 429) return "Wait a moment, then try again.";
  if (failure.status === 507 || failure.status === 503)
    return "Make room on the disk, or wait until the server has recovered.";
  if (failure.status >= 500) return "Try again; the server's log has the details under the id below.";
  return "Try again.";
}

const ADVICE: Readonly<Record<string, string>> = {
  unreachable:
    "VS Code starts it by itself; without VS Code, run “npm run kept -- serve”. This page reconnects by itself.",
  "unexpected-answer": "Reload the page. If it stays, update the extension and the server to the same version.",
  unauthorized: "Open the dashboard again from VS Code, or with “npm run kept -- dashboard”.",
  "not-found": "Reload the page: what it showed is not there any more.",
  "alias-moved": "Look at where the alias stands now, then decide again.",
  "run-not-active": "The run has gone on by itself. Look at its state, then decide again.",
  invalid: "Correct the named value and try again.",
  "too-many": "Close other dashboards, or wait a minute, then try again.",
  busy: "Wait a moment: the server is stopping, and this page reconnects by itself.",
  internal: "Try again; the server's log has the cause under the id below.",
  "storage-full": "Free some disk space, then try again.",
  "no-model": "Put the base model in its place, or start the server with “--model-dir”, then start a new run.",
  "nothing-to-learn": "Keep some suggestions, or name a folder whose history is mined, then train again.",
  "training-unavailable": "Install the trainer that the message names, then start a new run.",
  "worker-failed": "Start a new run. If it fails again, the server's log has the worker's last words.",
};
