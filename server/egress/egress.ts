import { AppError } from "../errors.ts";
import { addressOf, forbiddenHost, guardedLookup, isRefusedAddress, type Resolve } from "./address.ts";
import type { ConnectionLog, ConnectionRecord } from "./connection-log.ts";
import type { EgressPermit, EgressPurpose } from "./permit.ts";
import http from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";

export interface EgressLimits {
  /** From the request to the first bytes of the answer, milliseconds. */
  readonly answerMs: number;
  /** A body has to bring at least `bytesPerWindow` in each window of this length, milliseconds. */
  readonly windowMs: number;
  readonly bytesPerWindow: number;
  /** Longest body of an answer, bytes. */
  readonly maxBytes: number;
}

export interface EgressRequest {
  readonly purpose: EgressPurpose;
  readonly url: URL;
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly limits: EgressLimits;
  readonly signal: AbortSignal;
}

/** An answer. Its body has to be read or cancelled: that ends the connection. */
export interface EgressAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  /** @throws EgressFailure when it is too slow or too long */
  readonly body: AsyncGenerator<Uint8Array>;
  cancel(): void;
}

/** The one way out: every connection that Kept makes to another machine goes through `request`. */
export interface Egress {
  /**
   * One request and its answer; a redirect is an answer like others, and following it is another request.
   * @throws AppError `egress-refused` for what the user has not allowed, EgressFailure for what did not work
   */
  request(request: EgressRequest): Promise<EgressAnswer>;
}

/** The network or the other side failed. */
export class EgressFailure extends Error {
  readonly kind: "unreachable" | "too-slow" | "too-long";
  constructor(kind: EgressFailure["kind"], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "EgressFailure";
    this.kind = kind;
  }
}

/**
 * Opens the way out for what `permits` names when it is asked. The address is checked where the connection
 * is made, every connection is one of its own, and each is written down with how it ended.
 */
export function openEgress(parts: {
  readonly permits: () => readonly EgressPermit[];
  readonly log: ConnectionLog;
  readonly now?: () => Date;
  /** The system's name service unless given. */
  readonly resolve?: Resolve;
}): Egress {
  const now = parts.now ?? (() => new Date());
  return {
    async request(request) {
      const entry = openEntry(request, parts.log, now());
      try {
        const mayBePrivate = allowed(request, parts.permits());
        const message = await connect(request, guardedLookup(mayBePrivate, entry.at, parts.resolve), entry);
        return toAnswer(message, request, entry);
      } catch (error) {
        entry.end(error instanceof AppError ? "refused" : "failed");
        request.signal.throwIfAborted();
        if (error instanceof AppError || error instanceof EgressFailure) throw error;
        // A look-up that is refused arrives as the error of the socket.
        const code = (error as NodeJS.ErrnoException).code;
        throw new EgressFailure("unreachable", code ?? (error as Error).message, error);
      }
    },
  };
}

/** Whether the request may go to a private address. @throws AppError `egress-refused` when it may not go at all */
function allowed({ purpose, url }: EgressRequest, permits: readonly EgressPermit[]): boolean {
  const isWeb = url.protocol === "https:" || url.protocol === "http:";
  const mine = permits.filter((permit) => permit.purpose === purpose);
  const named = mine.find(({ origin }) => origin === url.origin);
  const isSent = url.protocol === "https:" && mine.some(({ redirects }) => redirects === "public");
  if (!isWeb || url.username !== "" || url.password !== "" || (named === undefined && !isSent)) {
    throw new AppError(
      "egress-refused",
      `Nothing allows Kept to connect to ${url.host || url.protocol} for ${purpose}.`,
      {
        hint: "`kept egress allowed` shows what may connect to where.",
      },
    );
  }
  const mayBePrivate = named?.mayBePrivate ?? false;
  const address = addressOf(url);
  if (address !== null && isRefusedAddress(address, mayBePrivate)) throw forbiddenHost(url.host);
  return mayBePrivate;
}

interface Entry {
  at(address: string): void;
  answered(status: number): void;
  received(bytes: number): void;
  end(outcome: ConnectionRecord["outcome"]): void;
}

/** What is written down of a connection: once, when it is over. */
function openEntry({ purpose, url, method, body }: EgressRequest, log: ConnectionLog, started: Date): Entry {
  const startedMs = performance.now();
  let address: string | null = null;
  let status: number | null = null;
  let receivedBytes = 0;
  let isOver = false;
  return {
    at: (connected) => void (address = connected),
    answered: (code) => void (status = code),
    received: (bytes) => void (receivedBytes += bytes),
    end(outcome) {
      if (isOver) return;
      isOver = true;
      const ms = Math.round(performance.now() - startedMs);
      const sentBytes = outcome === "refused" ? 0 : (body?.length ?? 0);
      const to = url.host === "" ? url.protocol : `${url.protocol}//${url.host}`;
      log.add({
        at: started.toISOString(),
        purpose,
        method,
        to,
        address,
        outcome,
        status,
        sentBytes,
        receivedBytes,
        ms,
      });
    },
  };
}

function connect(request: EgressRequest, lookup: LookupFunction, entry: Entry): Promise<http.IncomingMessage> {
  const { url, method, headers, body, limits, signal } = request;
  const literal = addressOf(url);
  if (literal !== null) entry.at(literal);
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const outgoing = (url.protocol === "http:" ? http : https).request(url, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-length": String(body.length) }) },
    signal,
    // No connection is kept for another request: each is checked and written down by itself.
    agent: false,
    lookup,
  });
  const timer = setTimeout(
    () => outgoing.destroy(new EgressFailure("too-slow", `did not answer within ${limits.answerMs / 1_000} s`)),
    limits.answerMs,
  );
  outgoing.on("error", reject);
  outgoing.on("response", resolve);
  outgoing.end(body);
  return promise.finally(() => clearTimeout(timer));
}

function toAnswer(message: http.IncomingMessage, { limits }: EgressRequest, entry: Entry): EgressAnswer {
  const status = message.statusCode ?? 0;
  entry.answered(status);
  return {
    status,
    headers: Object.entries(message.headersDistinct).flatMap(([name, values]) =>
      (values ?? []).map((value) => [name, value] as const),
    ),
    body: watched(message, limits, entry),
    cancel() {
      message.destroy();
      entry.end("answered");
    },
  };
}

/** The body, ended by an error when it comes slower than the limit, or is longer. */
async function* watched(message: http.IncomingMessage, limits: EgressLimits, entry: Entry): AsyncGenerator<Uint8Array> {
  let inWindow = 0;
  let all = 0;
  let isWaiting = true;
  const timer = setInterval(() => {
    // A window in which the reader was busy says nothing about the other side.
    if (inWindow < limits.bytesPerWindow && isWaiting)
      message.destroy(new EgressFailure("too-slow", `sent ${inWindow} bytes in ${limits.windowMs / 1_000} s`));
    inWindow = 0;
  }, limits.windowMs);
  let outcome: ConnectionRecord["outcome"] = "failed";
  try {
    for await (const piece of message as AsyncIterable<Uint8Array>) {
      inWindow += piece.length;
      all += piece.length;
      entry.received(piece.length);
      if (all > limits.maxBytes) throw new EgressFailure("too-long", "answers without end");
      isWaiting = false;
      yield piece;
      isWaiting = true;
    }
    outcome = "answered";
  } finally {
    clearInterval(timer);
    message.destroy();
    entry.end(outcome);
  }
}
