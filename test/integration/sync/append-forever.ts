// A window that types until it is killed: appends an event every few milliseconds and says so.
import { openOutbox } from "../../../extension/sync/outbox.ts";
import type { KeptEvent } from "../../../protocol/events.ts";
import { v7 as uuidv7 } from "uuid";

const PERIOD_MS = 5;
const [dir = "", name = ""] = process.argv.slice(2);
const outbox = openOutbox(dir, name);
await outbox.recovered;
let sequence = 0;
setInterval(() => {
  const id = uuidv7();
  const event: KeptEvent = {
    id,
    v: 1,
    suggestionId: id,
    sessionId: id,
    sequence: sequence++,
    wallMs: Date.now(),
    monotonicMs: performance.now(),
    kind: "superseded",
  };
  if (outbox.append(event)) process.stdout.write(`${id} ${event.wallMs}\n`);
}, PERIOD_MS);
