import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { allow, permitsOf } from "../../../server/egress/allowances.ts";
import { openEgress } from "../../../server/egress/egress.ts";
import { openLabelStudio } from "../../../server/integrations/label-studio/access.ts";
import { prepareProject } from "../../../server/integrations/label-studio/connection.ts";
import { startLabelStudio, type LabelStudio } from "../../../server/integrations/label-studio/integration.ts";
import { INSTRUCTION, LABELING } from "../../../server/integrations/label-studio/labeling.ts";
import { basicHeader, changeLabelStudio } from "../../../server/integrations/label-studio/settings.ts";
import { createLog } from "../../../server/log.ts";
import { openStore, type Store } from "../../../server/store/store.ts";
import type { KeptEvent } from "../../../protocol/events.ts";
import { sampleSession, shownWith } from "../../server/sample-events.ts";
import { storeEvents } from "../../server/store-events.ts";
import type { Scrub } from "./recorder.ts";
import { mkdirSync } from "node:fs";
import path from "node:path";

const START_MS = Date.parse("2026-01-02T03:04:05.000Z");
const TITLE = "Kept scenario";
/** The ids of the suggestions that are asked about. */
export const ASKED = [1, 2].map((n) => `01941f29-0000-7000-8000-00000000000${n}`);

/** Ports, tokens and passwords are of the moment, and say nothing. */
export const scrubLabelStudio: Scrub = (text) =>
  text
    .replace(/127\.0\.0\.1(:|%3A)\d+/g, "127.0.0.1$11")
    .replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, "a.b.c")
    .replace(/Basic [A-Za-z0-9+/=]+/g, "Basic x")
    .replace(/("basic_auth_pass": ?)"[^"]+"/g, '$1"x"')
    .replace(/"Take [^"]*"/g, '""');

export interface LabelStudioScenario extends AsyncDisposable {
  readonly store: Store;
  readonly studio: LabelStudio;
  /** As a person's browser does, with the same key. */
  person(method: string, target: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  /** Makes or finds the project and opens the outbox, as `kept label-studio setup` does. */
  setup(): Promise<{ id: number; isNew: boolean }>;
  /** What is written down of a suggestion since it was shown. */
  said(id: string): string[];
}

export async function openLabelStudioScenario(dir: string, address: string, key: string): Promise<LabelStudioScenario> {
  mkdirSync(dir, { recursive: true });
  const store = openStore(path.join(dir, "kept.db"));
  const backend = await startBackendDoor(() => studio);
  const clock = { wallMs: () => START_MS, monotonicMs: () => performance.now() };
  const egress = openEgress({ permits: () => permitsOf(store.settings), log: { add: () => {} } });
  const log = createLog({ level: "silent", destination: path.join(dir, "log") });
  const env = { LABEL_STUDIO_API_KEY: key };
  allow(store.settings, { purpose: "label-studio", url: address, mayBePrivate: true }, START_MS);
  storeEvents(store, ASKED.flatMap(disputed));
  const studio = startLabelStudio({
    store,
    egress,
    clock,
    log,
    env,
    record: (events) => Promise.resolve({ results: [...storeEvents(store, events).results] }),
    complete: () => Promise.resolve({ text: "return sum(a, b);", meanLogProbability: Math.log(0.5) }),
    modelVersion: () => "0123456789abcdef",
    port: () => backend.port,
    train: () => {},
    everyMs: 3_600_000,
  });
  const client = openLabelStudio({ base: new URL(address), egress, env, now: () => START_MS })(
    AbortSignal.timeout(60_000),
  );
  let access: string | null = null;
  const send = async (method: string, target: string, authorization: string | null, body?: unknown) => {
    const answer = await fetch(address + target, {
      method,
      headers: {
        "Content-Type": "application/json",
        ...(authorization === null ? {} : { Authorization: authorization }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === "" ? null : (JSON.parse(text) as unknown) };
  };
  return {
    store,
    studio,
    async person(method, target, body) {
      access ??= ((await send("POST", "/api/token/refresh/", null, { refresh: key })).body as { access: string })
        .access;
      return send(method, target, `Bearer ${access}`, body);
    },
    async setup() {
      const project = await prepareProject(client, { title: TITLE, labeling: LABELING, instruction: INSTRUCTION });
      changeLabelStudio(store.settings, { projectId: project.id }, START_MS);
      store.outbox.open("label-studio", START_MS);
      return project;
    },
    said: (id) =>
      store.events
        .ofSuggestion(id)
        .slice(2)
        .map((event) => {
          if (event.kind === "rated") return `${event.verdict} ${event.reason ?? ""}`.trim();
          return event.kind === "typed-instead" ? `instead: ${event.text}` : event.kind;
        }),
    async [Symbol.asyncDispose]() {
      await studio[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
      store[Symbol.dispose]();
    },
  };
}

/** Accepted and then undone: signals that speak against each other. */
function disputed(id: string, n: number): KeptEvent[] {
  const session = sampleSession(START_MS + n);
  return [
    shownWith(session, id, { root: "/home/someone/demo", path: `src/sum-${n}.ts`, completion: `return a + b + ${n};` }),
    session.of("accepted", id),
    session.of("undone", id),
  ];
}

/** What Label Studio asks an ML backend before it takes it: whether it is there, and which model it has. */
async function startBackendDoor(studio: () => LabelStudio) {
  const server = createServer((request, response) => {
    const isMine = studio().admits(request.headers.authorization);
    const body = request.url!.endsWith("/setup") ? { model_version: studio().modelVersion() } : { status: "UP" };
    request.resume().on("end", () => {
      response.writeHead(isMine ? 200 : 401, { "Content-Type": "application/json" }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const choices = (name: string, value: string) => ({
  from_name: name,
  to_name: "completion",
  type: "choices",
  value: { choices: [value] },
});
/** What a person sends who finds a suggestion bad, says why, and corrects it. */
export const badAnswer = (text: string) => ({
  result: [
    choices("verdict", "bad"),
    choices("reason", "insecure"),
    { from_name: "corrected", to_name: "completion", type: "textarea", value: { text: [text] } },
  ],
  lead_time: 2.5,
});
export const goodAnswer = { result: [choices("verdict", "good")], lead_time: 1 };

/** Two tasks, answers with and without a webhook, a changed mind, a deleted answer, and a suggestion that is forgotten. */
export async function playLabelStudioScenario(scenario: LabelStudioScenario): Promise<void> {
  const { store, studio } = scenario;
  const [first, second] = ASKED as [string, string];
  const project = await scenario.setup();
  assert.equal(project.isNew, true);
  assert.deepEqual(await scenario.setup(), { id: project.id, isNew: false });
  await studio.look();
  assert.deepEqual(store.outbox.waiting("label-studio", 10), []);
  const taskOf = (id: string): number => Number(store.outbox.remote("label-studio", "task", id)!.id);
  const secret = `token = "ghp_${"a1B2c3D4e5F6".repeat(3)}"`;

  const answered = await scenario.person("POST", `/api/tasks/${taskOf(first)}/annotations/`, badAnswer(secret));
  assert.equal(answered.status, 201);
  const annotation = answered.body as { id: number };
  assert.equal(studio.notice({ action: "ANNOTATION_CREATED", annotation, task: { id: taskOf(first) } }), true);
  await studio.look();
  const [instead, ...rest] = scenario.said(first).slice(1);
  assert.match(instead!, /^instead: token = "<.*>"$/, "a secret in a corrected text is not stored");
  assert.deepEqual(rest, ["down insecure"]);

  // No webhook tells of this one.
  const quiet = await scenario.person("POST", `/api/tasks/${taskOf(second)}/annotations/`, goodAnswer);
  await studio.look();
  assert.deepEqual(scenario.said(second).slice(1), ["up"]);
  await studio.look();
  assert.deepEqual(scenario.said(second).slice(1), ["up"], "once");

  await scenario.person("PATCH", `/api/annotations/${annotation.id}/`, goodAnswer);
  studio.notice({ action: "ANNOTATION_UPDATED", annotation, task: { id: taskOf(first) } });
  await studio.look();
  assert.equal(scenario.said(first).at(-1), "up");

  const gone = quiet.body as { id: number };
  await scenario.person("DELETE", `/api/annotations/${gone.id}/`);
  studio.notice({ action: "ANNOTATIONS_DELETED", annotations: [gone] });
  await studio.look();
  assert.equal(scenario.said(second).at(-1), "withdrawn");

  const forgotten = taskOf(second);
  store.transaction(() => store.erasure.deleteSuggestions([second]));
  await studio.look();
  assert.equal((await scenario.person("GET", `/api/tasks/${forgotten}/`)).status, 404);
  assert.equal(store.outbox.remote("label-studio", "task", second), null);
  assert.equal(studio.notice({ action: "PROJECT_UPDATED" }), false);
  assert.equal(studio.admits(basicHeader("guess")), false);
}
