import { createRandom } from "../../../core/statistics/random.ts";
import type { KeptEvent } from "../../../protocol/events.ts";
import { sampleSession, shownWith } from "../../server/sample-events.ts";
import { BATCH_EVENTS, type SoakPlan } from "./plan.ts";
import Database from "better-sqlite3";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";

/** What the actors of a soak share. */
export interface Stage {
  readonly plan: SoakPlan;
  readonly url: string;
  readonly token: string;
  readonly database: string;
  /** Fires when the soak is over. */
  readonly signal: AbortSignal;
  /** Ids of the events that were acknowledged. */
  readonly acknowledged: Set<string>;
  /** Suggestions that may be forgotten, oldest first. */
  readonly suggestions: string[];
  /** True while a reader holds its snapshot. */
  isPinned: boolean;
  /** How often each thing was done. */
  readonly counts: Record<string, number>;
}

const ROOT = "/projects/soaked";
const N_FILES = 40;
/** Characters around the cursor: what an editor sends of a file of usual size. */
const LINES_BEFORE = 40;
const LINES_AFTER = 12;
const DEADLINE_MS = 120_000;

/** Answers the status, and the body when it is JSON. */
export async function ask(
  { url, token }: Pick<Stage, "url" | "token">,
  method: string,
  target: string,
  body?: unknown,
  // oxlint-disable-next-line typescript/no-explicit-any -- shapes are checked elsewhere.
): Promise<{ status: number; body: any }> {
  const send = () =>
    fetch(url + target, {
      method,
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  // The server may close a connection that was idle just when it is used again. Every request may be sent twice.
  const response = await send().catch(send);
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, body: isJson ? await response.json() : await response.text() };
}

const count = (stage: Stage, what: string): void => void (stage.counts[what] = (stage.counts[what] ?? 0) + 1);

/** Does something every so many seconds until the soak is over, never twice at once. */
async function every(stage: Stage, seconds: number, work: () => Promise<void>): Promise<void> {
  const began = performance.now();
  for (let n = 1; !stage.signal.aborted; n += 1) {
    await work();
    const due = began + n * seconds * 1_000;
    await delay(Math.max(0, due - performance.now()), undefined, { signal: stage.signal }).catch(() => {});
  }
}

/** Suggestions of one developer, in sessions of an hour. */
export async function typeOn(stage: Stage): Promise<void> {
  const random = createRandom(1);
  let waiting: KeptEvent[] = [];
  let session = sampleSession(Date.now());
  let n = 0;
  await every(stage, BATCH_EVENTS / stage.plan.eventsPerSecond, async () => {
    while (waiting.length < BATCH_EVENTS) {
      n += 1;
      if (n % 300 === 0) session = sampleSession(Date.now());
      const id = uuidv7();
      stage.suggestions.push(id);
      waiting.push(...story(session, id, n, random));
    }
    const events = waiting.slice(0, BATCH_EVENTS);
    waiting = waiting.slice(BATCH_EVENTS);
    for (;;) {
      const { status, body } = await ask(stage, "POST", "/v1/events", { events });
      if (status === 200) {
        for (const result of body.results) if (result.status !== "rejected") stage.acknowledged.add(result.id);
        return count(stage, "batches");
      }
      count(stage, `refused with ${status}`);
      await delay(200, undefined, { signal: stage.signal }).catch(() => {});
      if (stage.signal.aborted) return;
    }
  });
}

function story(session: ReturnType<typeof sampleSession>, id: string, n: number, random: () => number): KeptEvent[] {
  const word = () => Math.floor(random() * 2 ** 32).toString(36);
  const lines = (count: number) =>
    Array.from({ length: count }, () => `  const ${word()} = ${word()}(${n});\n`).join("");
  const shown = shownWith(session, id, {
    root: ROOT,
    path: `src/file-${n % N_FILES}.ts`,
    prefix: `${lines(LINES_BEFORE)}export const ${word()} = `,
    completion: `keep(${n});`,
  });
  const read = session.of("read", id);
  const kept = ["accepted", "retained", "survived"] as const;
  if (n % 4 !== 3)
    return [
      { ...shown, context: { ...shown.context, suffix: lines(LINES_AFTER) } },
      read,
      ...kept.map((kind) => session.of(kind, id)),
    ];
  return [shown, read, session.of("rejected", id), session.of("typed-instead", id, { text: `other(${n});` })];
}

/** A reader that holds its snapshot for most of the time: a backup tool, or somebody's database browser. */
export async function pin(stage: Stage): Promise<void> {
  const { cycleSeconds, pinnedSeconds } = stage.plan;
  await every(stage, cycleSeconds, async () => {
    const db = new Database(stage.database, { readonly: true });
    try {
      db.exec("BEGIN");
      db.prepare("SELECT count(*) FROM events").get();
      stage.isPinned = true;
      count(stage, "pins");
      await delay(pinnedSeconds * 1_000, undefined, { signal: stage.signal }).catch(() => {});
      db.exec("COMMIT");
    } finally {
      stage.isPinned = false;
      db.close();
    }
  });
}

/** A dashboard that is left open: one stream, and looks at what there is. */
export async function watch(stage: Stage): Promise<void> {
  const stream = fetch(`${stage.url}/v1/stream`, {
    headers: { Authorization: `Bearer ${stage.token}` },
    signal: stage.signal,
  }).then(async (response) => {
    for await (const _ of response.body!) count(stage, "pushed");
  });
  const looks = every(stage, stage.plan.lookSeconds, async () => {
    const targets = ["/v1/status", "/v1/suggestions?limit=100", "/v1/labels?limit=100", "/v1/models", "/metrics"];
    for (const target of [...targets, `/v1/examples?root=${encodeURIComponent(ROOT)}`]) {
      const { status } = await ask(stage, "GET", target);
      if (status !== 200) throw new Error(`${target} was answered with ${status}`);
    }
    count(stage, "looks");
  });
  await Promise.all([looks, stream.catch((error: unknown) => void (stage.signal.aborted || Promise.reject(error)))]);
}

/** Datasets, training runs with a toy model, moves of the champion, and forgetting. */
export async function workOn(stage: Stage): Promise<void> {
  const { plan } = stage;
  const dataset = every(stage, plan.datasetSeconds, async () => {
    if (stage.acknowledged.size < 200) return;
    const { status, body } = await ask(stage, "POST", "/v1/datasets", {});
    if (status !== 201) throw new Error(`A dataset was answered with ${status}: ${JSON.stringify(body)}`);
    count(stage, "datasets");
  });
  const train = every(stage, plan.trainSeconds, async () => {
    if (stage.acknowledged.size < 500) return;
    const overrides = { rank: 2, steps: 30, learningRate: 0.02 };
    const { status } = await ask(stage, "POST", "/v1/training/runs", { overrides });
    count(stage, status === 202 ? "runs" : `runs refused with ${status}`);
  });
  const move = every(stage, plan.aliasSeconds, async () => {
    const { models } = (await ask(stage, "GET", "/v1/models")).body as { models: { id: string }[] };
    const { aliases } = (await ask(stage, "GET", "/v1/aliases")).body as {
      aliases: { alias: string; version: string | null }[];
    };
    const expected = aliases.find(({ alias }) => alias === "champion")?.version ?? null;
    const to = models.find(({ id }) => id !== expected)?.id ?? null;
    if (to === expected) return;
    const { status } = await ask(stage, "PUT", "/v1/aliases/champion", { to, expected });
    count(stage, status === 200 ? "moves" : `moves refused with ${status}`);
  });
  const forget = every(stage, plan.forgetSeconds, async () => {
    const id = stage.suggestions.shift();
    if (id === undefined || stage.acknowledged.size < 200) return;
    const scope = { kind: "suggestions", ids: [id] };
    const { status } = await ask(stage, "POST", "/v1/forget", { id: uuidv7(), requestedAtMs: Date.now(), scope });
    if (status !== 200) throw new Error(`Forgetting was answered with ${status}`);
    count(stage, "forgotten");
  });
  await Promise.all([dataset, train, move, forget]);
}
