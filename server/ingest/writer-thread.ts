import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import { commitGroup, type GroupParts } from "./group-commit.ts";
import type { FromWriter, ToWriter } from "./writer-messages.ts";

export interface WriterThreadParts extends GroupParts {
  /** Computes what waits for it, at most `limit` suggestions, and takes them off the outbox, in one transaction. */
  readonly derivePending: (limit: number) => Omit<Extract<FromWriter, { kind: "derived" }>, "kind">;
  readonly close: () => void;
}

/** Bytes of requests in one commit: more would make the others wait, and a reader's snapshot with them. */
const MAX_GROUP_BYTES = 512 * 1_024;
/**
 * When the last commit joined several requests, the next waits this long for as many again, milliseconds:
 * clients that were answered together also send their next together, a little apart.
 */
const GATHER_MS = 2;
/** Suggestions derived between two commits, at most. */
const DERIVED_AT_ONCE = 32;
/** Time of one round of deriving: a request that comes meanwhile waits for its end, milliseconds. */
const DERIVE_MS = 3;
/** Under a steady stream of events one round of deriving follows this many commits. */
const COMMITS_BETWEEN_DERIVATIONS = 4;

type Batch = Extract<ToWriter, { kind: "batch" }>;

/**
 * The loop of the writer thread: gathers the requests that wait, stores them with one commit, answers
 * them, and derives in the time between. It ends with `close`, when all that came before is stored.
 */
export function runWriter(port: MessagePort, parts: WriterThreadParts): void {
  let waiting: Batch[] = [];
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let closing = false;
  let broken = false;
  let scheduled = false;
  let lastGroup = 1;
  let nCommits = 0;
  /** Of the last rounds; a guess before the first. */
  let derivedPerMs = 2;
  // An earlier server may have ended between an event and what follows from it.
  let hasPending = true;

  const send = (message: FromWriter): void => port.postMessage(message);
  const take = (message: ToWriter): void => {
    if (message.kind === "close") closing = true;
    else if (message.kind === "derive") hasPending = true;
    else waiting.push(message);
  };
  const drain = (): void => {
    for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) take(got.message);
  };
  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(turn);
  };

  const gather = (): void => {
    drain();
    const deadline = performance.now() + GATHER_MS;
    while (!closing && lastGroup > 1 && waiting.length < lastGroup && performance.now() < deadline) {
      Atomics.wait(pause, 0, 0, GATHER_MS / 8);
      drain();
    }
  };

  /** The oldest, and the smallest of the others: who sends little does not wait until who sends much is through. */
  const nextGroup = (): Batch[] => {
    const group = new Set(waiting.slice(0, 1));
    let nBytes = 0;
    for (const batch of waiting.slice(1).toSorted((a, b) => a.json.length - b.json.length)) {
      nBytes += batch.json.length;
      if (nBytes > MAX_GROUP_BYTES) break;
      group.add(batch);
    }
    const inOrder = waiting.filter((batch) => group.has(batch));
    waiting = waiting.filter((batch) => !group.has(batch));
    return inOrder;
  };

  const store = (): void => {
    const group = nextGroup();
    lastGroup = group.length;
    nCommits += 1;
    const { answers, broken: reason } = commitGroup(
      group.map(({ json }) => json),
      parts,
    );
    hasPending ||= answers.some((answer) => answer.ok);
    send({
      kind: "stored",
      answers: group.map(({ id }, i) => ({ id, answer: answers[i]! })),
      pending: hasPending,
    });
    if (reason === null) return;
    broken = true;
    send({ kind: "broken", reason });
  };

  const derive = (): void => {
    try {
      const limit = Math.max(1, Math.min(DERIVED_AT_ONCE, Math.floor(derivedPerMs * DERIVE_MS)));
      const began = performance.now();
      const derived = parts.derivePending(limit);
      const perMs = derived.suggestions.length / (performance.now() - began);
      if (derived.suggestions.length > 0) derivedPerMs += (perMs - derivedPerMs) / 4;
      hasPending = derived.pending;
      send({ kind: "derived", ...derived });
    } catch (error) {
      // The events are safe and the outbox still names them: the next event, or the next start, tries again.
      hasPending = false;
      const failed = [(error as Error).message];
      send({ kind: "derived", suggestions: [], examplesRevision: null, failed, pending: false });
    }
  };

  const turn = (): void => {
    scheduled = false;
    if (broken) return;
    gather();
    if (waiting.length > 0) store();
    if (broken) return;
    if (hasPending && (waiting.length === 0 || nCommits % COMMITS_BETWEEN_DERIVATIONS === 0)) derive();
    if (waiting.length > 0 || (hasPending && !closing)) return schedule();
    if (!closing) return;
    parts.close();
    send({ kind: "closed" });
    port.close();
  };

  port.on("message", (message: ToWriter) => {
    take(message);
    schedule();
  });
  schedule();
}
