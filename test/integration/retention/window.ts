/**
 * A window without an editor, for the tests of restarts: follows code in a closed file, keeps what is pending, and
 * says `ready` once that is on disk. Arguments: folder of the pending checks, workspace folder, file, suggestion id,
 * and `stay` to wait for its end or `close` to end in order.
 */
import { systemClock } from "../../../extension/observe/clock.ts";
import { RETENTION_SCHEDULE_MS, watchRetention } from "../../../extension/observe/retention-watch.ts";
import { openPendingChecks } from "../../../extension/survive/pending-checks.ts";
import { readDocument } from "../../../extension/survive/text-source.ts";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const [dir = "", root = "", file = "", suggestionId = "", end = ""] = process.argv.slice(2);
const text = readFileSync(file, "utf8");
const document = pathToFileURL(file).href;
const texts = { open: () => null, openFiles: () => [], read: readDocument };
const retention = watchRetention(RETENTION_SCHEDULE_MS, texts, systemClock, {
  onCheck: () => {},
  onFact: () => {},
  onPending: () => pending.save(),
});
const pending = openPendingChecks(
  dir,
  suggestionId,
  async () =>
    retention.pending().map(({ code, nextIdx, document: name }) => ({
      suggestionId: code.suggestionId,
      document: name,
      root,
      path: path.relative(root, file),
      acceptedWallMs: Date.now() - (performance.now() - code.acceptedAt),
      nextIdx,
      text: code.text,
    })),
  (message) => console.error(message),
);
retention.follow({
  suggestionId,
  document,
  region: { start: 0, end: text.length },
  text,
  before: "",
  after: "",
  acceptedAt: performance.now(),
});
const isWritten = () => existsSync(dir) && readdirSync(dir).some((name) => name.endsWith(`${suggestionId}.json`));
while (!isWritten()) await wait(10);
if (end === "close") {
  await pending.close();
  retention[Symbol.dispose]();
}
console.log("ready");
if (end === "stay") setInterval(() => {}, 1_000);
