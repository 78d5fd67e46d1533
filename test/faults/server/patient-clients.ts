import type { KeptEvent } from "../../../protocol/events.ts";
import { sampleSession } from "../../server/sample-events.ts";
import { call, type FaultyServer } from "./faulty-server.ts";
import { setTimeout as delay } from "node:timers/promises";

/** Between two tries of a client whose server is away, milliseconds. */
const RETRY_MS = 20;

/** What clients sent, and what they were told of it. */
export interface ClientLedger {
  /** Ids that left a client at least once. */
  readonly sent: Set<string>;
  /** Ids that were acknowledged, with the first word of the answer. */
  readonly acknowledged: Map<string, "accepted" | "duplicate">;
  /** Answers that were no acknowledgement, by status. */
  readonly refusals: Map<number, number>;
}

export const emptyLedger = (): ClientLedger => ({ sent: new Set(), acknowledged: new Map(), refusals: new Map() });

/** `n` events of sessions of their own. */
export function someEvents(n: number): KeptEvent[] {
  const session = sampleSession();
  const events: KeptEvent[] = [];
  while (events.length < n) events.push(...session.story("shown accepted"));
  return events.slice(0, n);
}

/**
 * Sends events in batches, one request after the other, each until it is acknowledged: to whichever server
 * there is, as an editor's outbox does. Ends when all are acknowledged or the signal fires.
 */
export async function sendPatiently(
  server: () => Pick<FaultyServer, "url" | "token"> | null,
  events: readonly KeptEvent[],
  ledger: ClientLedger,
  { batch = 20, signal = AbortSignal.timeout(300_000) } = {},
): Promise<void> {
  for (let at = 0; at < events.length && !signal.aborted;) {
    const some = events.slice(at, at + batch);
    if (await sendOnce(server(), some, ledger)) at += batch;
    else await delay(RETRY_MS, undefined, { signal }).catch(() => {});
  }
}

/** One request; true when all of it was acknowledged. */
export async function sendOnce(
  server: Pick<FaultyServer, "url" | "token"> | null,
  events: readonly KeptEvent[],
  ledger: ClientLedger,
): Promise<boolean> {
  if (server === null) return false;
  for (const { id } of events) ledger.sent.add(id);
  const answer = await call(server, "POST", "/v1/events", { events }).catch(() => null);
  if (answer === null) return false;
  if (answer.status !== 200) {
    ledger.refusals.set(answer.status, (ledger.refusals.get(answer.status) ?? 0) + 1);
    return false;
  }
  for (const { id, status } of answer.body.results) {
    if (status !== "accepted" && status !== "duplicate") throw new Error(`${id} was ${status}`);
    if (!ledger.acknowledged.has(id)) ledger.acknowledged.set(id, status);
  }
  return true;
}
