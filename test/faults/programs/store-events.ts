// Stores events one by one for as long as it runs, and says the id of each that it would acknowledge.
// node store-events.ts <data folder> <FULL | NORMAL> <first number>
import { prepareDataDir } from "../../../server/data-dir.ts";
import { commitGroup } from "../../../server/ingest/group-commit.ts";
import { createIngestQuota } from "../../../server/ingest/quota.ts";
import { systemClock } from "../../../server/clock.ts";
import { openStore } from "../../../server/store/store.ts";
import { sampleSession } from "../../server/sample-events.ts";
import { say } from "./say.ts";

const [dataDir = "", synchronous = "FULL"] = process.argv.slice(2);
const store = openStore(prepareDataDir(dataDir).database);
if (synchronous !== "FULL") store.db.pragma(`synchronous = ${synchronous}`);
const session = sampleSession();
const quota = createIngestQuota(() => performance.now());
for (;;) {
  const [event] = session.story("shown");
  const { answers } = commitGroup([JSON.stringify({ events: [event] })], { store, clock: systemClock, quota });
  if (answers[0]?.ok !== true) process.exit(1);
  say(event!.id);
}
