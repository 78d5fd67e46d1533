// Asks for one lock after the other with other processes that do the same, and says `1` or `0` for each.
// node exclusive-lock-program.ts <wait in ms>, the file of each lock a line on standard input
import { lockExclusively } from "../../server/exclusive-lock.ts";
import { createInterface } from "node:readline";

const waitMs = Number(process.argv[2]);
const held: Disposable[] = [];
process.stdout.write("ready\n");
for await (const file of createInterface({ input: process.stdin })) {
  const lock = lockExclusively(file, waitMs);
  if (lock !== null) held.push(lock);
  process.stdout.write(lock === null ? "0\n" : "1\n");
}
