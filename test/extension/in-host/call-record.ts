import child_process from "node:child_process";
import dgram from "node:dgram";
import dns from "node:dns";
import fs from "node:fs";
import net from "node:net";

/** A call that could block the extension host, or that reaches out of it, and who made it. */
export interface RecordedCall {
  readonly name: string;
  readonly stack: string;
}

/** Deep enough to reach the editor's own frames below Kept's. */
const STACK_FRAMES = 200;
/** The editor delivers a change of text, of the cursor, or of the active editor. */
const EDIT_HANDLER = /\$acceptModelChanged|\$acceptEditorPropertiesChanged|\$acceptDirtyStateChanged/;
const KEPT = /dist[/\\]extension\.cjs/;

/**
 * Watches every synchronous file call, every process and every socket of this process until it is
 * disposed. `fromKept` are those with Kept's code on the stack; `inHandler` those of them that were
 * made while the editor delivered an edit, asynchronous file calls included.
 */
export function recordCalls(): { readonly fromKept: RecordedCall[]; readonly inHandler: RecordedCall[] } & Disposable {
  const fromKept: RecordedCall[] = [];
  const inHandler: RecordedCall[] = [];
  const undo: (() => void)[] = [];
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = STACK_FRAMES;
  const note = (name: string, blocks: boolean) => {
    const stack = new Error(name).stack ?? "";
    if (!KEPT.test(stack)) return;
    if (blocks) fromKept.push({ name, stack });
    if (EDIT_HANDLER.test(stack)) inHandler.push({ name, stack });
  };
  const watch = (owner: object, label: string, name: string, blocks: boolean) => {
    const target = owner as Record<string, unknown>;
    const original = target[name];
    if (typeof original !== "function") return;
    target[name] = function (this: unknown, ...args: unknown[]) {
      note(`${label}.${name}`, blocks);
      return (original as (...all: unknown[]) => unknown).apply(this, args);
    };
    undo.push(() => {
      target[name] = original;
    });
  };
  for (const name of Object.keys(fs)) {
    if (name.endsWith("Sync")) watch(fs, "fs", name, true);
    else if (
      /^[a-z]/.test(name) &&
      typeof (fs as unknown as Record<string, unknown>)[name] === "function" &&
      !name.startsWith("_")
    )
      watch(fs, "fs", name, false);
  }
  for (const name of Object.keys(fs.promises)) watch(fs.promises, "fs.promises", name, false);
  for (const name of ["execSync", "execFileSync", "spawnSync"]) watch(child_process, "child_process", name, true);
  for (const name of ["spawn", "exec", "execFile", "fork"]) watch(child_process, "child_process", name, false);
  watch(net.Socket.prototype, "Socket", "connect", false);
  watch(dgram, "dgram", "createSocket", false);
  watch(dns, "dns", "lookup", false);
  return {
    fromKept,
    inHandler,
    [Symbol.dispose]() {
      for (const back of undo.reverse()) back();
      Error.stackTraceLimit = limit;
    },
  };
}
