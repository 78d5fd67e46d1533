import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import type { HistoryPoint } from "../../core/history-point.ts";
import type { EngineProcess } from "../../engine/process/host.ts";
import { createExampleSource } from "../../extension/suggest/example-source.ts";
import { openExampleMemory } from "../../extension/suggest/example-memory.ts";
import { readPushChannel } from "../../extension/sync/push-channel.ts";
import { discoverServer, type ServerConnection } from "../../extension/sync/server-discovery.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import { sendEvents } from "../../server/replay/event-batches.ts";
import { startDemoServer, type DemoServer } from "../../server/replay/demo/demo-server.ts";
import { watchRun } from "../../server/replay/demo/watched-run.ts";
import { newSession, readPoints } from "../../server/replay/replay.ts";
import { serveWith, startReplayEngine } from "../../server/replay/replay-engine.ts";
import { replayEvents } from "../../server/replay/replay-events.ts";
import { requestAt, withoutSecrets } from "../../server/replay/walk.ts";
import { median } from "./engine/medians.ts";
import type { Bar, Bench } from "./harness/report.ts";

const root = path.resolve(import.meta.dirname, "../..");

const options = {
  model: { type: "string", default: path.join(root, "models/base") },
  repo: { type: "string", default: root },
  points: { type: "string" },
  examples: { type: "string", default: "1000" },
  rounds: { type: "string", default: "20" },
  "without-run": { type: "boolean", default: false },
} as const;

/** From a good label to a suggestion that was made with it, learning.md 4. */
const MAX_USE_MS = 2_000;
/** From that many examples to an adapter that is tested and can be served, minutes. */
const MAX_ADAPTER_MIN = 10;

/** A port that the system chooses. */
const ANY_PORT = 0;
/** Longest wait for one label to arrive, milliseconds: then the figure is missed in any case. */
const GIVE_UP_MS = 30_000;

/**
 * `npm run bench -- learning [--points <file.jsonl[.xz]>] [--repo <work tree>] [--examples 1000] [--rounds 20]
 * [--without-run]`.
 * Code that was really written stands for accepted suggestions. The server, the engine's process, the push channel
 * and the example source are those that an editor has.
 */
export const bench: Bench = {
  about: "from a good label to its use in the next suggestion, and from 1,000 examples to a tested adapter",
  async run({ args, signal, say }) {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: true });
    const nExamples = Number(values.examples);
    const nRounds = Number(values.rounds);
    const source =
      values.points === undefined
        ? ({ kind: "repository", root: path.resolve(values.repo) } as const)
        : ({ kind: "points", file: path.resolve(values.points) } as const);
    const all = (await readPoints(source, nExamples + nRounds, signal)).map(withoutSecrets);
    const points = all.filter(({ target }) => target.trim() !== "");
    if (points.length <= nRounds) throw new Error(`The history has ${points.length} points only.`);

    const folder = mkdtempSync(path.join(tmpdir(), "kept-bench-learning-"));
    try {
      await using server = await startDemoServer({ demosDir: folder, modelDir: values.model, port: ANY_PORT, signal });
      using engine = await startReplayEngine(values.model);
      const session = newSession();
      const eventsOf = (point: HistoryPoint, id: string): KeptEvent[] =>
        replayEvents(
          {
            suggestionId: id,
            root,
            point,
            completion: point.target,
            outcome: "accepted",
            examples: [],
            model: { base: engine.model.sha256, adapter: null },
            latencyMs: 1,
          },
          session,
        );
      const [earlier, later] = [points.slice(0, -nRounds), points.slice(-nRounds)];
      say(`sending ${earlier.length} accepted suggestions`);
      await sendEvents(
        server.client,
        earlier.flatMap((point) => eventsOf(point, session.newId(point.writtenAt))),
      );
      const uses = await timeUses(server, engine, later, eventsOf, (at) => session.newId(at), folder, signal);
      if (uses.length === 0) throw new Error("No label was used.");
      say(`label to use: ${uses.map((ms) => Math.round(ms)).join(" ")} ms`);

      const used = { examples: earlier.length, ...usesOf(uses) };
      const bars: Bar[] = [
        { name: "good label to its use, longest, ms", value: used["use.maxMs"], target: MAX_USE_MS, want: "at-most" },
      ];
      if (values["without-run"]) return { metrics: used, bars };
      const run = await timeRun(server, engine, later[0]!, say, signal);
      const minutes = run["run.toServedMinutes"]!;
      const name = `${earlier.length} examples to a served adapter, minutes`;
      bars.push({ name, value: minutes, target: MAX_ADAPTER_MIN, want: "at-most" });
      return { metrics: { ...used, ...run }, bars };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

const usesOf = (uses: readonly number[]) => ({
  "use.rounds": uses.length,
  "use.medianMs": median(uses),
  "use.maxMs": Math.max(...uses),
});

/** A training run of the server, and the first suggestion with what it gave. */
async function timeRun(
  server: DemoServer,
  engine: EngineProcess,
  point: HistoryPoint,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const startedAt = performance.now();
  let stage = "";
  const { run, stageMs } = await watchRun(
    server.client,
    { workspaces: [], overrides: {} },
    (seen, progress) => {
      if (seen.stage !== stage) say(`training run: ${(stage = seen.stage)}`);
      if (progress && progress.step % 100 === 0) say(`step ${progress.step} of ${progress.totalSteps}`);
    },
    signal,
  );
  if (run.versionId === null || run.evaluation === null) throw new Error(`The run ${run.state}.`);
  const testedAt = performance.now();
  await serveWith(engine, server.client, run.versionId);
  await engine.complete(requestAt(point, "kept", []), signal);
  const servedAt = performance.now();
  return {
    ...Object.fromEntries([...stageMs].map(([name, ms]) => [`run.${name}.seconds`, ms / 1_000])),
    "run.minutes": (testedAt - startedAt) / 60_000,
    "run.promoted": Number(run.evaluation.verdict === "promote"),
    "serve.ms": servedAt - testedAt,
    "run.toServedMinutes": (servedAt - startedAt) / 60_000,
  };
}

/**
 * Milliseconds from sending each point's events to the end of a suggestion that was made with its code. Points
 * where the look-up finds better examples are left out.
 */
async function timeUses(
  server: DemoServer,
  engine: EngineProcess,
  points: readonly HistoryPoint[],
  eventsOf: (point: HistoryPoint, id: string) => KeptEvent[],
  newId: (wallMs: number) => string,
  folder: string,
  signal: AbortSignal,
): Promise<number[]> {
  const found = await discoverServer(server.dataDir, signal);
  if (!found.ok) throw new Error(`The server is not to be found: ${found.reason}.`);
  const source = createExampleSource(
    (rows) => engine.setExamples(rows),
    openExampleMemory(path.join(folder, "examples.json"), () => true),
  );
  const channel = new AbortController();
  const seen = followExamples(found.connection, source, AbortSignal.any([signal, channel.signal]));
  try {
    await seen.open;
    await source.refresh(found.connection, [root], signal);
    const times: number[] = [];
    for (const point of points) {
      const id = newId(point.writtenAt);
      const startedAt = performance.now();
      await sendEvents(server.client, eventsOf(point, id));
      // What stands above the code is what the next suggestion near it is asked with.
      const request = { ...requestAt(point, "kept", []), path: point.path };
      const retrieve = { language: point.language, root, limit: 4 };
      for (;;) {
        const isHeld = source.named([`s-${id}`]).length > 0;
        const { exampleIds } = await engine.complete(request, signal, retrieve);
        if (source.named(exampleIds).some(({ suggestionId }) => suggestionId === id)) {
          times.push(performance.now() - startedAt);
          break;
        }
        // The engine has it, and others say more at this place: that is no wait.
        if (isHeld) break;
        if (performance.now() - startedAt > GIVE_UP_MS) throw new Error(`${id} did not arrive within 30 s.`);
        await seen.changed();
      }
    }
    return times;
  } finally {
    channel.abort();
    await seen.ended;
  }
}

/** Keeps the source at the server's revision, as the editor's link does. */
function followExamples(
  connection: ServerConnection,
  source: ReturnType<typeof createExampleSource>,
  signal: AbortSignal,
) {
  let wake = Promise.withResolvers<void>();
  const open = Promise.withResolvers<void>();
  const refresh = async () => {
    await source.refresh(connection, [root], signal);
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const ended = readPushChannel(
    connection,
    { examples: () => void refresh().catch(() => undefined) },
    open.resolve,
    signal,
  ).catch(() => undefined);
  return {
    open: open.promise,
    ended,
    /** The next change; a second at most, so that one between two looks is not waited for in vain. */
    changed: () => Promise.race([wake.promise, new Promise<void>((resolve) => setTimeout(resolve, 1_000).unref())]),
  };
}
