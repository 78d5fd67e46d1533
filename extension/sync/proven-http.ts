import { proofMessage, proofResponse } from "../../protocol/api.ts";
import type { ServerConnection } from "./server-discovery.ts";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { Agent, ClientRequest, type IncomingMessage } from "node:http";
import { addAbortSignal, type Duplex } from "node:stream";

/**
 * HTTP to the companion server that never shows the token to anybody else: every socket has to prove
 * itself before a request with the token is written to it. A server that ended, and another program
 * that got its port, learn nothing but a random nonce.
 */
export interface ProvenRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly route: string;
  readonly accept?: string;
  /** JSON text, or null. */
  readonly body: string | null;
}

export type ProofFailure = "unreachable" | "unproved";

export class ProofError extends Error {
  readonly reason: ProofFailure;
  constructor(reason: ProofFailure, cause?: unknown) {
    super(`The server is ${reason}.`, { cause });
    this.name = "ProofError";
    this.reason = reason;
  }
}

/** A busy server may take seconds; one that hangs is given up. Nobody waits on it meanwhile. */
export const PROOF_DEADLINE_MS = 8_000;
const NONCE_BYTES = 32;
/** A proof is a hundred bytes. */
const MAX_PROOF_BYTES = 4_096;

/** A socket at a time: of one channel, requests follow each other. */
interface Channel {
  readonly agent: Agent;
  proven: Duplex | null;
  /** Had a request before: its socket may have been closed while it rested. */
  isUsed: boolean;
}

/** Channels that rest, by connection: the server closes them after a few seconds of rest. */
const resting = new WeakMap<ServerConnection, Channel[]>();

/**
 * Sends one request over a proven socket and resolves with the answer's head; its body is read by the
 * caller, and `signal` ends it at any time.
 *
 * @throws {ProofError} when the server does not prove itself
 */
export async function sendProven(
  connection: ServerConnection,
  request: ProvenRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const channel = resting.get(connection)?.pop() ?? newChannel();
  try {
    const response = await sendOn(channel, connection, request, signal);
    response.once("end", () => rest(connection, channel));
    return response;
  } catch (error) {
    channel.agent.destroy();
    throw error;
  }
}

/** @throws {ProofError} */
export async function proveConnection(connection: ServerConnection, signal: AbortSignal): Promise<void> {
  const channel = newChannel();
  try {
    await prove(channel, connection, signal);
    rest(connection, channel);
  } catch (error) {
    channel.agent.destroy();
    throw error;
  }
}

/** Closes the sockets that rest. */
export function closeConnection(connection: ServerConnection): void {
  for (const { agent } of resting.get(connection) ?? []) agent.destroy();
  resting.delete(connection);
}

function newChannel(): Channel {
  return { agent: new Agent({ keepAlive: true, maxSockets: 1 }), proven: null, isUsed: false };
}

function rest(connection: ServerConnection, channel: Channel): void {
  const channels = resting.get(connection) ?? [];
  channels.push(channel);
  resting.set(connection, channels);
}

async function sendOn(
  channel: Channel,
  connection: ServerConnection,
  request: ProvenRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  if (!isAlive(channel.proven)) await prove(channel, connection, signal);
  const isUsed = channel.isUsed;
  const sent = await write(channel, connection, request, signal).catch((error: unknown) => {
    // The server closed a resting socket just now. Asking again changes nothing.
    if (isUsed && request.method === "GET" && !signal.aborted) return "another-socket" as const;
    throw error;
  });
  channel.isUsed = true;
  if (sent !== "another-socket") return sent;
  // Once more, on a new socket.
  await prove(channel, connection, signal);
  const again = await write(channel, connection, request, signal);
  if (again === "another-socket") throw new ProofError("unreachable");
  return again;
}

const isAlive = (socket: Duplex | null): boolean => socket !== null && !socket.destroyed && socket.writable;

/** Writes the request, token and all, unless the agent comes with another socket than the proven one. */
function write(
  channel: Channel,
  connection: ServerConnection,
  { method, route, accept, body }: ProvenRequest,
  signal: AbortSignal,
): Promise<IncomingMessage | "another-socket"> {
  return new Promise((resolve, reject) => {
    const request = requestOn(channel, connection, method, route, signal);
    request.once("socket", (socket) => {
      if (socket !== channel.proven) {
        resolve("another-socket");
        request.destroy();
        return;
      }
      // Nothing was written yet: the head is made from what is set here.
      request.setHeader("authorization", `Bearer ${connection.token}`);
      if (accept !== undefined) request.setHeader("accept", accept);
      if (body !== null) request.setHeader("content-type", "application/json");
      request.end(body ?? undefined);
    });
    request.once("response", (response) => {
      // Whoever reads the body hears of it; one that nobody reads any more must not end the process.
      response.on("error", () => {});
      resolve(addAbortSignal(signal, response));
    });
    request.on("error", reject);
  });
}

/** Lets the other end of a new socket sign a nonce, and remembers the socket when it could. */
function prove(channel: Channel, connection: ServerConnection, signal: AbortSignal): Promise<void> {
  channel.proven = null;
  const { port, pid, token } = { port: portOf(connection), ...connection };
  const nonce = randomBytes(NONCE_BYTES).toString("base64url");
  const limited = AbortSignal.any([signal, AbortSignal.timeout(PROOF_DEADLINE_MS)]);
  return new Promise((resolve, reject) => {
    let socket: Duplex | null = null;
    const request = requestOn(channel, connection, "POST", "/v1/proof", limited);
    request.setHeader("content-type", "application/json");
    request.once("socket", (given) => {
      socket = given;
    });
    request.on("error", (cause) => reject(new ProofError("unreachable", cause)));
    request.once("response", (response) => {
      readText(response, MAX_PROOF_BYTES).then(
        (text) => {
          if (response.statusCode !== 200 || !isProof(text, nonce, port, pid, token)) {
            reject(new ProofError("unproved"));
            return;
          }
          channel.proven = socket;
          resolve();
        },
        (cause: unknown) => reject(new ProofError("unreachable", cause)),
      );
    });
    request.end(JSON.stringify({ nonce }));
  });
}

/**
 * The class and not `http.request`: inside an editor the function is replaced by one that asks the
 * editor's proxy settings and may bring an agent of its own.
 */
function requestOn(
  { agent }: Channel,
  connection: ServerConnection,
  method: string,
  path: string,
  signal: AbortSignal,
): ClientRequest {
  return new ClientRequest({ agent, host: "127.0.0.1", port: portOf(connection), method, path, signal });
}

const portOf = (connection: ServerConnection): number => Number(new URL(connection.baseUrl).port);

/** The whole body as text. @throws when it is longer than `maxBytes`, or ends early */
export async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      response.destroy();
      throw new Error(`The answer is longer than ${maxBytes} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function isProof(text: string, nonce: string, port: number, pid: number, token: string): boolean {
  try {
    const answer = proofResponse.parse(JSON.parse(text));
    const expected = createHmac("sha256", token)
      .update(proofMessage(nonce, port, pid))
      .digest("hex");
    return answer.pid === pid && answer.port === port && sameText(answer.proof, expected);
  } catch {
    return false;
  }
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a, "utf8");
  const right = Buffer.from(b, "utf8");
  return left.length === right.length && timingSafeEqual(left, right);
}
