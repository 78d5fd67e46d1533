import { AppError } from "../errors.ts";
import { EgressFailure, type Egress, type EgressLimits } from "./egress.ts";
import type { EgressPurpose } from "./permit.ts";

export interface JsonRequest {
  readonly egress: Egress;
  readonly purpose: EgressPurpose;
  readonly url: URL;
  readonly method: "GET" | "POST";
  readonly body?: unknown;
  /** Sent as the bearer token. */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly limits?: EgressLimits;
}

/** A server that answers within half a minute, brings 1 KB/s, and at most 4 MiB. */
export const JSON_LIMITS: EgressLimits = {
  answerMs: 30_000,
  windowMs: 30_000,
  bytesPerWindow: 30_000,
  maxBytes: 4 * 2 ** 20,
};

/**
 * One request to another system, answered in JSON; a text that is none, such as a plain "Success", is answered as text,
 * and 204, which brings nothing, as undefined.
 * @throws AppError `remote-unreachable`, `remote-unauthorized`, `remote-invalid`, `not-found`, `egress-refused`
 */
export async function askJson(request: JsonRequest): Promise<unknown> {
  const { egress, purpose, url, method, body, key, signal, limits = JSON_LIMITS } = request;
  const text = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  try {
    const answer = await egress.request({
      purpose,
      url,
      method,
      headers: {
        Accept: "application/json",
        ...request.headers,
        ...(key ? { Authorization: `Bearer ${key}` } : {}),
        ...(text === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(text === undefined ? {} : { body: text }),
      limits,
      signal,
    });
    const { status } = answer;
    if (status >= 300 && status < 400) {
      answer.cancel();
      throw new AppError("remote-invalid", `${url.host} redirects (${status}); nothing was sent there.`);
    }
    if (status === NO_CONTENT) {
      answer.cancel();
      return undefined;
    }
    const pieces: Uint8Array[] = [];
    for await (const piece of answer.body) pieces.push(piece);
    const whole = Buffer.concat(pieces).toString("utf8");
    if (status < 200 || status > 299) throw refusal(status, url);
    const type = answer.headers.find(([name]) => name === "content-type")?.[1] ?? "";
    if (/^text\/html/i.test(type)) throw noJson(url);
    try {
      return JSON.parse(whole) as unknown;
    } catch {
      if (whole.length > MAX_PLAIN_CHARS || whole.trimStart().startsWith("<")) throw noJson(url);
      return whole;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError) throw error;
    const isTooLong = error instanceof EgressFailure && error.kind === "too-long";
    // A connection that breaks in the middle of an answer arrives as the socket's own error.
    const what = error instanceof EgressFailure ? error.message : ((error as NodeJS.ErrnoException).code ?? "failed");
    throw new AppError(isTooLong ? "remote-invalid" : "remote-unreachable", `${url.host}: ${what}.`, {
      cause: error,
      hint: "Check the address, and that the server runs.",
    });
  }
}

const NO_CONTENT = 204;
/** Longer than any word of success. */
const MAX_PLAIN_CHARS = 500;

const noJson = (url: URL): AppError =>
  new AppError("remote-invalid", `${url.host} answers no JSON.`, {
    hint: "Check the address; a proxy or a login page may be answering instead.",
  });

function refusal(status: number, url: URL): AppError {
  const what = `${url.host} answered ${status} for ${url.pathname}.`;
  if (status === 401 || status === 403)
    return new AppError("remote-unauthorized", what, { hint: "Set the key that the server wants in the environment." });
  if (status === 404) return new AppError("not-found", what, { hint: "The server may have that call switched off." });
  return new AppError(status >= 500 ? "remote-unreachable" : "remote-invalid", what);
}
