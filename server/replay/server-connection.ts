import {
  ingestResponse,
  MAX_BATCH_BYTES,
  MAX_EVENTS_PER_BATCH,
  problem,
  proofResponse,
  type RuntimeFile,
} from "../../protocol/api.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import { AppError } from "../errors.ts";
import { sameToken, proveToken } from "../http/token.ts";
import { dataPlaces } from "../places.ts";
import { readRuntimeFile } from "../runtime-file.ts";
import { randomBytes } from "node:crypto";
import type { z } from "zod";

/** A running server of this machine, proven to hold the token of its data folder. */
export interface ServerConnection {
  readonly url: string;
  get<T extends z.ZodType>(path: string, shape: T, signal: AbortSignal): Promise<z.infer<T>>;
  post<T extends z.ZodType>(path: string, body: unknown, shape: T, signal: AbortSignal): Promise<z.infer<T>>;
  bytes(path: string, signal: AbortSignal): Promise<Buffer>;
  sendEvents(events: readonly KeptEvent[], signal: AbortSignal): Promise<void>;
}

/** Longest wait for one answer, milliseconds: a batch is stored on a slow disk while a model trains. */
const ANSWER_DEADLINE_MS = 60_000;
const NONCE_BYTES = 24;

/** Finds the server of a data folder. Throws AppError `not-running` or `impostor`. */
export async function connectServer(dataDir: string, signal: AbortSignal): Promise<ServerConnection> {
  const runtime = readRuntimeFile(dataPlaces(dataDir).runtimeFile);
  const hint = "Start one with `kept serve`.";
  if (runtime === null) throw new AppError("not-running", `No server runs for ${dataDir}.`, { hint });
  const url = `http://127.0.0.1:${runtime.port}`;
  await demandProof(url, runtime, signal).catch((cause: unknown) => {
    if (cause instanceof AppError || signal.aborted) throw cause;
    throw new AppError("not-running", `The server of ${dataDir} does not answer on port ${runtime.port}.`, {
      cause,
      hint,
    });
  });
  return connection(url, runtime.token);
}

async function demandProof(url: string, { token, port, pid }: RuntimeFile, signal: AbortSignal): Promise<void> {
  const nonce = randomBytes(NONCE_BYTES).toString("base64url");
  const response = await fetch(`${url}/v1/proof`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ nonce }),
    redirect: "error",
    signal: deadline(signal),
  });
  const answer = proofResponse.safeParse(await response.json().catch(() => null));
  if (answer.success && sameToken(answer.data.proof, proveToken(token, nonce, port, pid))) return;
  throw new AppError("impostor", `What answers on port ${port} does not hold this data folder's token.`);
}

function connection(url: string, token: string): ServerConnection {
  async function ask(path: string, signal: AbortSignal, body?: unknown): Promise<Response> {
    const response = await fetch(url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "error",
      signal: deadline(signal),
    });
    if (response.ok) return response;
    const told = problem.safeParse(await response.json().catch(() => null));
    const what = told.success ? `${told.data.title} ${told.data.detail ?? ""}`.trim() : `status ${response.status}`;
    throw new AppError("internal", `The server refused ${path}: ${what}`);
  }
  const post: ServerConnection["post"] = async (path, body, shape, signal) =>
    shape.parse(await (await ask(path, signal, body)).json());
  return {
    url,
    post,
    get: async (path, shape, signal) => shape.parse(await (await ask(path, signal)).json()),
    bytes: async (path, signal) => Buffer.from(await (await ask(path, signal)).arrayBuffer()),
    async sendEvents(events, signal) {
      for (const batch of batches(events)) {
        const { results } = await post("/v1/events", { events: batch }, ingestResponse, signal);
        const refused = results.find(({ status }) => status === "rejected");
        if (refused) throw new AppError("invalid", `The server refused an event: ${refused.reason ?? "no reason"}`);
      }
    },
  };
}

/** Events in order, in batches within the request's limits. */
export function batches(events: readonly KeptEvent[]): KeptEvent[][] {
  const all: KeptEvent[][] = [];
  let bytes = Infinity;
  for (const event of events) {
    const size = Buffer.byteLength(JSON.stringify(event)) + 1;
    const current = all.at(-1);
    if (!current || current.length >= MAX_EVENTS_PER_BATCH || bytes + size > MAX_BATCH_BYTES - ENVELOPE_BYTES) {
      all.push([event]);
      bytes = size;
    } else {
      current.push(event);
      bytes += size;
    }
  }
  return all;
}

/** Room for what stands around the events in a body. */
const ENVELOPE_BYTES = 1_024;

const deadline = (signal: AbortSignal): AbortSignal =>
  AbortSignal.any([signal, AbortSignal.timeout(ANSWER_DEADLINE_MS)]);
