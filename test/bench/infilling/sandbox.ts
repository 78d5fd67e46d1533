// Runs in the child process that `run-programs.ts` starts, as a module read from stdin. The parent appends the
// call of `judge`, so that the child needs to read no file.
import assert from "node:assert/strict";
import { writeSync } from "node:fs";
import { registerHooks } from "node:module";
import { runInNewContext } from "node:vm";

/** A module that exports `runAssertions(assert)`, and what the child writes when that returns. */
export interface SandboxProgram {
  readonly javascript: string;
  readonly nonce: string;
}

/**
 * Judges programs one after another, a line each on stdout: `start`, and then `passed <nonce>`, `failed` or
 * `syntax`. A nonce is written only for a pass, so a program that watches the output never learns one. Ends
 * the process.
 */
export async function judge(programs: readonly SandboxProgram[]): Promise<void> {
  const exit = process.exit.bind(process);
  const toUrl = (text: string) => `data:text/javascript;base64,${Buffer.from(text).toString("base64")}`;
  const urls = programs.map(({ javascript }) => toUrl(javascript));
  lockDown(new Set(urls));
  for (const [i, url] of urls.entries()) {
    writeSync(1, "\nstart\n");
    writeSync(1, `\n${await verdictOf(url, programs[i]!.nonce)}\n`);
  }
  exit(0);
}

async function verdictOf(url: string, nonce: string): Promise<string> {
  let program: { runAssertions: (check: typeof assert) => Promise<void> };
  try {
    program = (await import(url)) as typeof program;
  } catch (error) {
    return error instanceof SyntaxError ? "syntax" : "failed";
  }
  try {
    await program.runAssertions(assert);
    return `passed ${nonce}`;
  } catch {
    return "failed";
  }
}

/** What a program may use besides the language itself. None of it leads to a file, a socket or `process`. */
const ALLOWED_GLOBALS = [
  "AbortController",
  "AbortSignal",
  "DOMException",
  "Event",
  "EventTarget",
  "TextDecoder",
  "TextEncoder",
  "URL",
  "URLSearchParams",
  "atob",
  "btoa",
  "clearImmediate",
  "clearInterval",
  "clearTimeout",
  "performance",
  "queueMicrotask",
  "setImmediate",
  "setInterval",
  "setTimeout",
  "structuredClone",
];

/**
 * Node 24's permission model forbids files, processes, workers and addons but not the network, so sockets are
 * put out of reach instead: no module can be imported, and `process`, `fetch`, `WebSocket` and every other global
 * outside the language and ALLOWED_GLOBALS is gone. Code from strings, the way back through a constructor,
 * is off by a flag of the process.
 */
function lockDown(urls: ReadonlySet<string>): void {
  registerHooks({
    resolve(specifier, context, next) {
      if (!urls.has(specifier)) throw new Error(`${specifier} may not be imported here`);
      return next(specifier, context);
    },
  });
  const language = runInNewContext("Object.getOwnPropertyNames(globalThis)") as string[];
  const kept = new Set([...language, ...ALLOWED_GLOBALS]);
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!kept.has(name) && !Reflect.deleteProperty(globalThis, name)) throw new Error(`${name} cannot be removed`);
  }
  // The real console leads to process.stdout and from there to the socket class.
  const silent = Object.fromEntries(Object.keys(console).map((method) => [method, () => {}]));
  Object.defineProperty(globalThis, "console", { value: Object.freeze(silent) });
  // A program must not pass by changing what judges it.
  for (const method of Object.values(assert)) Object.freeze(method);
  Object.freeze(assert);
}
