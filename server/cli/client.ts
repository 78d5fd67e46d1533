import { problem, proofResponse, type RuntimeFile } from "../../protocol/api.ts";
import { fetchOwnServer } from "../egress/own-server.ts";
import { AppError } from "../errors.ts";
import { proveToken } from "../http/token.ts";
import { dataPlaces } from "../places.ts";
import { readRuntimeFile } from "../runtime-file.ts";
import { ProblemAnswer } from "./problem-answer.ts";
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { z } from "zod";

/** One request; the server is on this machine, milliseconds. */
const REQUEST_MS = 30_000;
const PROOF_MS = 2_000;
const NONCE_BYTES = 24;

/** Talks to the server of a data folder, once it has proved that it is that server. */
export interface ServerClient {
  readonly runtime: RuntimeFile;
  readonly url: string;
  get<S extends z.ZodType>(path: string, answer: S): Promise<z.infer<S>>;
  send<S extends z.ZodType>(method: "POST" | "PUT", path: string, body: unknown, answer: S): Promise<z.infer<S>>;
}

/** Finds the server and lets it prove itself. @throws AppError `not-running`, `impostor` */
export async function connectToServer(dataDir: string): Promise<ServerClient> {
  const runtime = readRuntimeFile(dataPlaces(dataDir).runtimeFile);
  const url = `http://127.0.0.1:${runtime?.port ?? 0}`;
  if (runtime === null || !(await proves(runtime))) {
    throw new AppError("not-running", `No Kept server is running on ${dataDir}.`, {
      hint: "Start it with `kept serve`, or open the editor, which starts it.",
    });
  }
  const request = async <S extends z.ZodType>(method: string, path: string, body: unknown, answer: S) => {
    const response = await fetchOwnServer(runtime.port, path, {
      method,
      headers: {
        Authorization: `Bearer ${runtime.token}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    const value: unknown = await response.json();
    if (response.ok) return answer.parse(value);
    const { code, title, detail } = problem.parse(value);
    throw new ProblemAnswer(response.status, code, detail ?? title);
  };
  return {
    runtime,
    url,
    get: (path, answer) => request("GET", path, undefined, answer),
    send: (method, path, body, answer) => request(method, path, body, answer),
  };
}

/** False when nobody answers. @throws AppError `impostor` when somebody else does */
async function proves({ token, port, pid }: RuntimeFile): Promise<boolean> {
  const nonce = randomBytes(NONCE_BYTES).toString("base64url");
  let response: Response;
  try {
    response = await fetchOwnServer(port, "/v1/proof", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ nonce }),
      signal: AbortSignal.timeout(PROOF_MS),
    });
  } catch {
    return false;
  }
  const parsed = proofResponse.safeParse(await response.json().catch(() => null));
  const expected = Buffer.from(proveToken(token, nonce, port, pid));
  const presented = Buffer.from(parsed.success ? parsed.data.proof : "");
  if (presented.length === expected.length && timingSafeEqual(presented, expected)) return true;
  throw new AppError("impostor", `Another program answers on port ${port}; nothing was sent to it.`, {
    hint: "Stop it or restart Kept's server.",
  });
}
