import http from "node:http";
import https from "node:https";
import { Readable } from "node:stream";
import { AppError } from "../errors.ts";
import { addressOf, internalAddress, isInternalAddress, publicLookup } from "./hub-address.ts";

export interface HubLimits {
  /** From the request to the first bytes of the answer, milliseconds. */
  readonly answerMs: number;
  /** A body has to bring at least `bytesPerWindow` in each window of this length, milliseconds. */
  readonly windowMs: number;
  readonly bytesPerWindow: number;
}

/** A hub that answers within half a minute, and brings 1 KB/s: slower, a gigabyte takes ten days. */
export const HUB_LIMITS: HubLimits = { answerMs: 30_000, windowMs: 30_000, bytesPerWindow: 30_000 };

export interface HubConnection {
  readonly hubUrl: URL;
  /** Sent to the hub's own origin and to nobody else. */
  readonly token: string | null;
  readonly signal: AbortSignal;
  readonly limits: HubLimits;
}

/** The one function through which a pull reaches the network, and what it last threw: the library keeps only its text. */
export interface HubFetch {
  readonly fetch: typeof fetch;
  readonly failure: () => AppError | null;
}

const MAX_REDIRECTS = 5;

/** Longest answer that is no file, bytes: a list of 10,000 files has a tenth of it. */
const MAX_ANSWER_BYTES = 16 * 2 ** 20;

/**
 * `fetch` for the hub's library. It follows redirects itself: over https alone (or http when the hub
 * has no other), never to an internal address other than the hub's own host, and without the token once
 * the origin changes. Throws AppError `hub-unreachable`, `hub-unauthorized`, `hub-invalid`, `not-found`.
 */
export function createHubFetch(connection: HubConnection): HubFetch {
  let failure: AppError | null = null;
  return {
    failure: () => failure,
    async fetch(input, init) {
      try {
        return await answered(connection, new URL(input instanceof Request ? input.url : input), init?.headers);
      } catch (error) {
        connection.signal.throwIfAborted();
        failure = asAppError(error, connection.hubUrl);
        throw failure;
      }
    },
  };
}

async function answered(connection: HubConnection, first: URL, init: RequestInit["headers"]): Promise<Response> {
  const headers = new Headers(init);
  // Sizes and hashes are those of the bytes as stored.
  headers.set("Accept-Encoding", "identity");
  let url = first;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const message = await request(connection, url, headers);
    const { statusCode = 0 } = message;
    const target = message.headers.location;
    if (statusCode >= 300 && statusCode < 400 && target !== undefined) {
      message.destroy();
      url = allowedTarget(connection, new URL(target, url));
      continue;
    }
    if (statusCode < 200 || statusCode > 299) {
      message.destroy();
      throw refusal(statusCode, url, connection);
    }
    const range = headers.get("Range");
    if (range !== null && !range.startsWith("bytes=0-") && statusCode !== 206) {
      message.destroy();
      throw new AppError("hub-invalid", `${url.host} cannot continue a download: it ignores the range that was asked.`);
    }
    return toResponse(message, connection, range === "bytes=0-0" || url.pathname.startsWith("/api/"));
  }
  throw new AppError("hub-invalid", `${first.host} redirects more than ${MAX_REDIRECTS} times.`);
}

function allowedTarget({ hubUrl }: HubConnection, target: URL): URL {
  const isSameHost = target.hostname === hubUrl.hostname;
  const isSecure =
    target.protocol === "https:" || (target.protocol === "http:" && hubUrl.protocol === "http:" && isSameHost);
  if (!isSecure || target.username !== "" || target.password !== "")
    throw new AppError(
      "hub-invalid",
      `The hub redirects to ${target.protocol}//${target.host}, which is not safe to follow.`,
    );
  const address = addressOf(target);
  if (!isSameHost && address !== null && isInternalAddress(address)) throw internalAddress(target.host);
  return target;
}

function request(connection: HubConnection, url: URL, headers: Headers): Promise<http.IncomingMessage> {
  const { hubUrl, token, signal, limits } = connection;
  const isHub = url.origin === hubUrl.origin;
  const sent: Record<string, string> = Object.fromEntries(headers);
  if (isHub && token !== null) sent["authorization"] = `Bearer ${token}`;
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const outgoing = (url.protocol === "http:" ? http : https).request(url, {
    headers: sent,
    signal,
    agent: false,
    ...(url.hostname === hubUrl.hostname ? {} : { lookup: publicLookup }),
  });
  const timer = setTimeout(
    () => outgoing.destroy(tooSlow(url, `did not answer within ${limits.answerMs / 1_000} s`)),
    limits.answerMs,
  );
  outgoing.on("error", reject);
  outgoing.on("response", resolve);
  outgoing.end();
  return promise.finally(() => clearTimeout(timer));
}

async function toResponse(
  message: http.IncomingMessage,
  connection: HubConnection,
  isShort: boolean,
): Promise<Response> {
  const body = watched(message, connection);
  const headers = Object.entries(message.headersDistinct).flatMap(([name, values]) =>
    (values ?? []).map((value): [string, string] => [name, value]),
  );
  const init = { status: message.statusCode ?? 0, headers };
  if (!isShort) return new Response(Readable.toWeb(Readable.from(body)) as ReadableStream<Uint8Array>, init);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > MAX_ANSWER_BYTES) throw new AppError("hub-invalid", `${connection.hubUrl.host} answers without end.`);
    pieces.push(piece);
  }
  return new Response(Buffer.concat(pieces), init);
}

/** The body, ended by an error when it comes slower than the limit. */
async function* watched(message: http.IncomingMessage, { limits, hubUrl }: HubConnection): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  let isWaiting = true;
  const timer = setInterval(() => {
    // A window in which the reader was busy says nothing about the hub.
    if (bytes < limits.bytesPerWindow && isWaiting)
      message.destroy(tooSlow(hubUrl, `sent ${bytes} bytes in ${limits.windowMs / 1_000} s`));
    bytes = 0;
  }, limits.windowMs);
  try {
    for await (const piece of message as AsyncIterable<Uint8Array>) {
      bytes += piece.length;
      isWaiting = false;
      yield piece;
      isWaiting = true;
    }
  } finally {
    clearInterval(timer);
    message.destroy();
  }
}

const tooSlow = (url: URL, what: string) =>
  new AppError("hub-unreachable", `${url.host} ${what}.`, {
    hint: "Run the command again: it goes on where it stopped.",
  });

function refusal(status: number, url: URL, { token }: HubConnection): AppError {
  const where = `${url.host}${url.pathname}`;
  if (status === 401 || status === 403)
    return new AppError("hub-unauthorized", `The hub refuses ${where} (${status}).`, {
      hint:
        token === null
          ? "Check the name. For a private or gated model, set HF_TOKEN to a token that may read it."
          : "Check the name, and that the token in the environment may read it.",
    });
  if (status === 404)
    return new AppError("not-found", `The hub has no ${where}.`, { hint: "Check the name and the revision." });
  return new AppError("hub-unreachable", `The hub answered ${status} for ${where}.`, { hint: "Try again later." });
}

/** Any failure on the way to the hub, under a code. */
export function asAppError(error: unknown, hubUrl: URL): AppError {
  if (error instanceof AppError) return error;
  const cause = error instanceof Error && error.cause instanceof AppError ? error.cause : null;
  if (cause) return cause;
  if (error instanceof SyntaxError || error instanceof TypeError)
    return new AppError("hub-invalid", `${hubUrl.host} does not answer as a model hub does.`, {
      cause: error,
      hint: "Check --hub-url; a proxy or a login page may be answering instead.",
    });
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return new AppError("hub-unreachable", `${hubUrl.host} cannot be reached${code === undefined ? "" : ` (${code})`}.`, {
    cause: error,
    hint: "Check the network, then run the command again: it goes on where it stopped.",
  });
}
