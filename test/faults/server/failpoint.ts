// Kills its process, or the power of its disk, at a chosen place. Only a test loads it, by `--import`; the
// server has no such switch. KEPT_FAILPOINT names the place and how often it is passed before:
//   before-commit:<n>   in the writer, with the n-th transaction open
//   before-answer:<n>   in the writer, when the n-th group is durable and nobody was told
//   statement:<n>       in a migration, before its n-th statement
//   checkpoint:<n>      the n-th operation on the disk after a checkpoint of the log began
//   shutdown:<n>        the n-th operation on the disk after SIGTERM came
// The last two need the disk of power/power-cut.c.
import Database from "better-sqlite3";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { isMainThread, parentPort } from "node:worker_threads";

const [place = "", count = "1"] = (process.env["KEPT_FAILPOINT"] ?? "").split(":");
const wanted = Number(count);
let passed = 0;
const prototype = Database.prototype as unknown as Record<string, (this: unknown, ...args: unknown[]) => unknown>;
const wrap = (name: string, around: (original: (...args: unknown[]) => unknown, ...args: unknown[]) => unknown) => {
  const original = prototype[name]!;
  prototype[name] = function (...args) {
    return around(original.bind(this), ...args);
  };
};

const hit = (): void => {
  passed += 1;
  if (passed === wanted) process.kill(process.pid, "SIGKILL");
};

/** The power fails `wanted` operations from now. */
function failSoon(): void {
  if ((passed += 1) !== 1) return;
  const fd = openSync(process.env["KEPT_POWER_STATE"]!, "r+");
  const field = Buffer.alloc(8);
  readSync(fd, field, 0, 8, 0);
  field.writeBigUInt64LE(field.readBigUInt64LE() + BigInt(wanted));
  writeSync(fd, field, 0, 8, 8);
  closeSync(fd);
}

switch (place) {
  case "before-commit":
    if (isMainThread) break;
    wrap("transaction", (transaction, work) =>
      transaction((...args: unknown[]) => {
        const result = (work as (...args: unknown[]) => unknown)(...args);
        hit();
        return result;
      }),
    );
    break;
  case "before-answer":
    if (parentPort === null) break;
    {
      const port = parentPort;
      const postMessage = port.postMessage.bind(port);
      port.postMessage = (message: { kind?: string }) => {
        if (message.kind === "stored") hit();
        postMessage(message);
      };
    }
    break;
  case "statement":
    if (!isMainThread) break;
    prototype["exec"] = function (this: unknown, ...args) {
      const db = this as Database.Database;
      for (const statement of statementsOf(db, String(args[0]))) {
        hit();
        statement();
      }
      return db;
    };
    break;
  case "checkpoint": {
    // The first is that of the start, before the server listens.
    let isStarted = false;
    wrap("pragma", (pragma, text, ...rest) => {
      if (String(text).startsWith("wal_checkpoint")) {
        if (isStarted) failSoon();
        isStarted = true;
      }
      return pragma(text, ...rest);
    });
    break;
  }
  case "shutdown":
    if (isMainThread) process.prependListener("SIGTERM", failSoon);
    break;
  default:
    throw new Error(`There is no failpoint ${place}.`);
}

/** The statements of a script one by one: a trigger has semicolons inside, so the parser says where each ends. */
function* statementsOf(db: Database.Database, script: string): Generator<() => void> {
  let text = "";
  for (const part of script.split(/(?<=;)/)) {
    text += part;
    if (text.replaceAll(/--[^\n]*/g, "").trim() === "") continue;
    let prepared;
    try {
      prepared = db.prepare(text);
    } catch (error) {
      if (!/incomplete input/.test((error as Error).message)) throw error;
      continue;
    }
    const statement = prepared;
    yield () => void (statement.reader ? statement.all() : statement.run());
    text = "";
  }
}
