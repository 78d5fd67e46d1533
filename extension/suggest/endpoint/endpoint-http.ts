import { readText } from "../../sync/proven-http.ts";
import { request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";

/** A door to the network: the model server that the person named in `kept.model.endpoint`, and nobody else. */
export type EndpointAnswer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: EndpointFailure; readonly why: string };

export type EndpointFailure =
  /** Nobody answers, or not in time. */
  | "endpoint-unreachable"
  /** 401 or 403. */
  | "endpoint-unauthorized"
  /** It redirects, answers no JSON, or too much of it. */
  | "endpoint-invalid"
  /** Another status: it does not take the request, or fails. */
  | "endpoint-refused";

/** A suggestion has a few kilobytes. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** One request. No redirect is followed, no proxy asked, nothing kept for another request. */
export async function askEndpoint(
  url: URL,
  options: { readonly body?: unknown; readonly key: string | null; readonly signal: AbortSignal },
): Promise<EndpointAnswer> {
  const { body, key, signal } = options;
  const text = body === undefined ? null : JSON.stringify(body);
  let response: IncomingMessage;
  try {
    response = await send(url, text, key, signal);
  } catch (error) {
    return { ok: false, reason: "endpoint-unreachable", why: reasonOf(error) };
  }
  const status = response.statusCode ?? 0;
  try {
    if (status === 401 || status === 403) return end(response, "endpoint-unauthorized", `${status}`);
    if (status >= 300 && status < 400) return end(response, "endpoint-invalid", `it redirects (${status})`);
    const answer = await readText(response, MAX_ANSWER_BYTES);
    if (status < 200 || status > 299)
      return { ok: false, reason: "endpoint-refused", why: `${status} ${messageIn(answer)}`.trim() };
    return parsed(answer);
  } catch (error) {
    response.destroy();
    const isLate = signal.aborted || (error as NodeJS.ErrnoException).code === "ECONNRESET";
    return { ok: false, reason: isLate ? "endpoint-unreachable" : "endpoint-invalid", why: reasonOf(error) };
  }
}

function parsed(text: string): EndpointAnswer {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false, reason: "endpoint-invalid", why: "it answers no JSON" };
  }
}

function send(url: URL, text: string | null, key: string | null, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const open = url.protocol === "https:" ? requestHttps : requestHttp;
  const request = open(url, {
    method: text === null ? "GET" : "POST",
    agent: false,
    signal,
    headers: {
      Accept: "application/json",
      ...(key === null ? {} : { Authorization: `Bearer ${key}` }),
      ...(text === null ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) }),
    },
  });
  request.once("response", (response) => {
    response.on("error", () => {});
    resolve(response);
  });
  request.on("error", reject);
  request.end(text ?? undefined);
  return promise;
}

function end(response: IncomingMessage, reason: EndpointFailure, why: string): EndpointAnswer {
  response.destroy();
  return { ok: false, reason, why };
}

/** What a server says of its refusal, in OpenAI's form or another; at most a line of it. */
function messageIn(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } | string };
    const message = typeof error === "string" ? error : error?.message;
    return typeof message === "string" ? message.replaceAll(/\s+/g, " ").slice(0, 200) : "";
  } catch {
    return "";
  }
}

const reasonOf = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error));
