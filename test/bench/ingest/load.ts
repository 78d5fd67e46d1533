import type { KeptEvent } from "../../../protocol/events.ts";
import { sampleSession } from "../../server/sample-events.ts";
import { quantile } from "../engine/medians.ts";
import { Agent, request } from "node:http";

export interface Target {
  readonly port: number;
  readonly token: string;
}

export interface LoadResult {
  readonly nEvents: number;
  readonly nRequests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What an editor sends, over and over: a suggestion and what became of it. */
const STORY = "shown read accepted retained survived";

/** Bodies of `perBatch` events each, made before the clock runs. */
function bodies(n: number, perBatch: number): string[] {
  const session = sampleSession();
  let waiting: KeptEvent[] = [];
  return Array.from({ length: n }, () => {
    while (waiting.length < perBatch) waiting.push(...session.story(STORY));
    const events = waiting.slice(0, perBatch);
    waiting = waiting.slice(perBatch);
    return JSON.stringify({ events });
  });
}

/** `connections` clients, each of which sends its next batch when its last one was acknowledged. */
export async function closedLoop(
  target: Target,
  { connections, perBatch, requests }: { connections: number; perBatch: number; requests: number },
): Promise<LoadResult> {
  const perClient = Math.ceil(requests / connections);
  const work = Array.from({ length: connections }, () => bodies(perClient, perBatch));
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const latencies: number[] = [];
  const began = performance.now();
  await Promise.all(
    work.map(async (mine) => {
      for (const body of mine) latencies.push(await post(agent, target, body));
    }),
  );
  const seconds = (performance.now() - began) / 1_000;
  agent.destroy();
  return summary(latencies, perBatch, seconds);
}

/** Single events at a fixed rate, whether or not earlier ones were answered: waiting counts as latency. */
export async function openLoop(
  target: Target,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<LoadResult> {
  const work = bodies(perSecond * seconds, 1);
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const began = performance.now();
  const sent: Promise<number>[] = [];
  for (let i = 0; i < work.length;) {
    const due = began + (i / perSecond) * 1_000;
    const now = performance.now();
    if (now < due) {
      await new Promise((resolve) => setTimeout(resolve, due - now));
      continue;
    }
    sent.push(post(agent, target, work[i]!, due));
    i += 1;
  }
  const latencies = await Promise.all(sent);
  agent.destroy();
  return summary(latencies, 1, (performance.now() - began) / 1_000);
}

function summary(latencies: readonly number[], perBatch: number, seconds: number): LoadResult {
  return {
    nEvents: latencies.length * perBatch,
    nRequests: latencies.length,
    seconds,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
  };
}

/** Milliseconds until the batch was acknowledged. @throws when it was not */
function post(agent: Agent, { port, token }: Target, body: string, began = performance.now()): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        agent,
        host: "127.0.0.1",
        port,
        path: "/v1/events",
        method: "POST",
        headers: {
          Authorization: `Bearer ${token}`,
          "Content-Type": "application/json",
          "Content-Length": Buffer.byteLength(body),
        },
      },
      (response) => {
        let answer = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (answer += chunk));
        response.on("end", () => {
          const elapsed = performance.now() - began;
          if (response.statusCode !== 200 || answer.includes('"rejected"')) reject(new Error(answer.slice(0, 300)));
          else resolve(elapsed);
        });
      },
    );
    call.on("error", reject);
    call.end(body);
  });
}
