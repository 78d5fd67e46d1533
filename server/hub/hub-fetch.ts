import { Readable } from "node:stream";
import { EgressFailure, type Egress, type EgressAnswer, type EgressLimits } from "../egress/egress.ts";
import type { EgressPermit } from "../egress/permit.ts";
import { AppError } from "../errors.ts";

export type HubLimits = Omit<EgressLimits, "maxBytes">;

/** A hub that answers within half a minute, and brings 1 KB/s: slower, a gigabyte takes ten days. */
export const HUB_LIMITS: HubLimits = { answerMs: 30_000, windowMs: 30_000, bytesPerWindow: 30_000 };

/** The user named the hub with the command, or in the environment; the public one may lead to public hosts alone. */
export const hubPermit = (hubUrl: URL, isNamed: boolean): EgressPermit => ({
  purpose: "hub",
  origin: hubUrl.origin,
  mayBePrivate: isNamed,
  redirects: "public",
});

export interface HubConnection {
  readonly egress: Egress;
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
        const url = new URL(input instanceof Request ? input.url : input);
        if (init?.method === "POST" || init?.method === "PUT") return await sent(connection, url, init.method, init);
        return await answered(connection, url, init?.headers);
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
    const range = headers.get("Range");
    const isShort = range === "bytes=0-0" || url.pathname.startsWith("/api/");
    const answer = await request(connection, url, headers, isShort ? MAX_ANSWER_BYTES : Number.POSITIVE_INFINITY);
    const { status } = answer;
    const target = answer.headers.find(([name]) => name === "location")?.[1];
    if (status >= 300 && status < 400 && target !== undefined) {
      answer.cancel();
      url = allowedTarget(connection, new URL(target, url));
      continue;
    }
    if (status < 200 || status > 299) {
      answer.cancel();
      throw refusal(status, url, connection);
    }
    if (range !== null && !range.startsWith("bytes=0-") && status !== 206) {
      answer.cancel();
      throw new AppError("hub-invalid", `${url.host} cannot continue a download: it ignores the range that was asked.`);
    }
    return toResponse(answer, connection, isShort);
  }
  throw new AppError("hub-invalid", `${first.host} redirects more than ${MAX_REDIRECTS} times.`);
}

/**
 * What a push sends, to the hub itself or to the storage that it named: one request, and no redirect. That a
 * repository is there already (409) is the caller's to judge.
 */
async function sent(
  connection: HubConnection,
  url: URL,
  method: "POST" | "PUT",
  { headers, body }: RequestInit,
): Promise<Response> {
  const { egress, hubUrl, token, signal, limits } = connection;
  allowedTarget(connection, url);
  const lines: Record<string, string> = Object.fromEntries(new Headers(headers));
  if (url.origin === hubUrl.origin && token !== null) lines["authorization"] = `Bearer ${token}`;
  const bytes = new Uint8Array(await new Response(body ?? null).arrayBuffer());
  const answer = await egress.request({
    purpose: "hub",
    url,
    method,
    headers: lines,
    body: bytes,
    limits: { ...limits, maxBytes: MAX_ANSWER_BYTES },
    signal,
  });
  if ((answer.status >= 200 && answer.status < 300) || answer.status === 409)
    return toResponse(answer, connection, true);
  answer.cancel();
  if (answer.status >= 300 && answer.status < 400)
    throw new AppError("hub-invalid", `${url.host} redirects what was sent to it (${answer.status}).`);
  throw refusal(answer.status, url, connection);
}

/** What a hub may send a download to; where that is on the network the way out looks at. */
function allowedTarget({ hubUrl }: HubConnection, target: URL): URL {
  const isSecure =
    target.protocol === "https:" ||
    (target.protocol === "http:" && hubUrl.protocol === "http:" && target.hostname === hubUrl.hostname);
  if (!isSecure || target.username !== "" || target.password !== "")
    throw new AppError(
      "hub-invalid",
      `The hub redirects to ${target.protocol}//${target.host}, which is not safe to follow.`,
    );
  return target;
}

function request(connection: HubConnection, url: URL, headers: Headers, maxBytes: number): Promise<EgressAnswer> {
  const { egress, hubUrl, token, signal, limits } = connection;
  const sent: Record<string, string> = Object.fromEntries(headers);
  if (url.origin === hubUrl.origin && token !== null) sent["authorization"] = `Bearer ${token}`;
  return egress.request({ purpose: "hub", url, method: "GET", headers: sent, limits: { ...limits, maxBytes }, signal });
}

async function toResponse(answer: EgressAnswer, { hubUrl }: HubConnection, isShort: boolean): Promise<Response> {
  const body = failingAs(answer.body, hubUrl);
  const init = {
    status: answer.status,
    headers: answer.headers.map(([name, value]): [string, string] => [name, value]),
  };
  if (!isShort) return new Response(Readable.toWeb(Readable.from(body)) as ReadableStream<Uint8Array>, init);
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return new Response(Buffer.concat(pieces), init);
}

async function* failingAs(body: AsyncGenerator<Uint8Array>, hubUrl: URL): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw error instanceof EgressFailure ? asAppError(error, hubUrl) : error;
  }
}

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
  if (error instanceof AppError && error.code === "egress-refused")
    return new AppError("hub-invalid", `The hub cannot be used, or sends the download elsewhere: ${error.message}`, {
      cause: error,
      hint: "Pull from the hub that has the files.",
    });
  if (error instanceof AppError) return error;
  if (error instanceof EgressFailure && error.kind !== "unreachable")
    return new AppError(
      error.kind === "too-long" ? "hub-invalid" : "hub-unreachable",
      `${hubUrl.host} ${error.message}.`,
      {
        cause: error,
        hint: "Run the command again: it goes on where it stopped.",
      },
    );
  const cause = error instanceof Error && error.cause instanceof AppError ? error.cause : null;
  if (cause) return cause;
  if (error instanceof SyntaxError || error instanceof TypeError)
    return new AppError("hub-invalid", `${hubUrl.host} does not answer as a model hub does.`, {
      cause: error,
      hint: "Check --hub-url; a proxy or a login page may be answering instead.",
    });
  const code = error instanceof EgressFailure ? error.message : (error as NodeJS.ErrnoException | null)?.code;
  return new AppError("hub-unreachable", `${hubUrl.host} cannot be reached${code === undefined ? "" : ` (${code})`}.`, {
    cause: error,
    hint: "Check the network, then run the command again: it goes on where it stopped.",
  });
}
