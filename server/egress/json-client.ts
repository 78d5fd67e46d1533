import { AppError } from "../errors.ts";
import { EgressFailure, type Egress, type EgressAnswer, type EgressLimits, type EgressRequest } from "./egress.ts";
import type { EgressPurpose } from "./permit.ts";
import type { z } from "zod";

export interface JsonCall {
  readonly method: EgressRequest["method"];
  /** Below the address of the system, without a slash at its beginning. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

/** The answer, or the status and the JSON of a refusal that the caller may expect (a 4xx). */
export type JsonAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly status: number; readonly problem: unknown };

/** Calls of one system that answers in JSON, through the one way out. */
export interface JsonClient {
  /** @throws AppError `integration-unreachable`, `integration-unauthorized`, `integration-invalid`, `egress-refused` */
  call<S extends z.ZodType>(call: JsonCall, answer: S): Promise<JsonAnswer<z.infer<S>>>;
  /** Sends bytes as they are. Throws as `call`, and `integration-invalid` for any refusal. */
  upload(call: Omit<JsonCall, "body">, bytes: Uint8Array): Promise<void>;
  /** Reads bytes as they are, at most `maxBytes`. Throws as `upload`. */
  download(call: Omit<JsonCall, "body">, maxBytes: number): Promise<Buffer>;
}

/** Longest JSON that a connected system may answer, bytes: a page of a hundred tasks has a hundredth of it. */
export const MAX_ANSWER_BYTES = 16 * 2 ** 20;
/** A system in the same house or a data centre answers within half a minute; 1 KB in 10 s is the least. */
const LIMITS: EgressLimits = { answerMs: 30_000, windowMs: 10_000, bytesPerWindow: 1_000, maxBytes: MAX_ANSWER_BYTES };
/** An adapter of some megabytes over a slow line, milliseconds. */
const UPLOAD_ANSWER_MS = 300_000;
/** Statuses that say "not now". */
const LATER = new Set([408, 425, 429]);
/** Enough of a reason. */
const DETAIL_CHARS = 200;

export function createJsonClient(parts: {
  readonly egress: Egress;
  readonly purpose: EgressPurpose;
  /** What people call it: `MLflow`. */
  readonly name: string;
  readonly base: URL;
  /** Asked before each call: a token may have to be fetched. */
  readonly headers: (
    signal: AbortSignal,
  ) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  readonly limits?: Partial<EgressLimits>;
}): JsonClient {
  const { egress, name, base } = parts;
  const limits = { ...LIMITS, ...parts.limits };

  /** The answer to a request, with its body of at most `maxBytes` read; only what is worth reading is returned. */
  const exchange = async (
    { method, path, query, signal }: Omit<JsonCall, "body">,
    sent: { body?: Uint8Array; type?: string },
    maxBytes: number,
    answerMs: number,
  ): Promise<{ status: number; bytes: Buffer }> => {
    const url = below(base, path, query);
    const own = await parts.headers(signal);
    try {
      const answer = await egress.request({
        purpose: parts.purpose,
        url,
        method,
        headers: {
          accept: "application/json",
          // What is counted is what was sent: nothing unpacks to more.
          "accept-encoding": "identity",
          ...(sent.type === undefined ? {} : { "content-type": sent.type }),
          ...own,
        },
        ...(sent.body === undefined ? {} : { body: sent.body }),
        limits: { ...limits, maxBytes, answerMs },
        signal,
      });
      refuseUseless(answer, name, url);
      return { status: answer.status, bytes: await readAll(answer) };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof AppError) throw error;
      if (error instanceof EgressFailure && error.kind === "too-long")
        throw invalid(name, `answered more than ${maxBytes} bytes`, error);
      throw new AppError("integration-unreachable", `${name} at ${url.host} ${reasonOf(error)}.`, { cause: error });
    }
  };

  const mustSucceed = ({ status, bytes }: { status: number; bytes: Buffer }): Buffer => {
    if (status >= 200 && status < 300) return bytes;
    throw invalid(name, `refused with ${status}`);
  };

  return {
    async call({ body, ...call }, schema) {
      const sent = body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)), type: "application/json" };
      const { status, bytes } = await exchange(call, sent, limits.maxBytes, limits.answerMs);
      const isFine = status >= 200 && status < 300;
      if (status === 403)
        throw new AppError("integration-unauthorized", `${name} forbids ${call.path}: ${detailOf(bytes)}`);
      // 204: there is nothing to say.
      const value = isFine && bytes.length === 0 ? null : parseJson(bytes, name, status);
      if (!isFine) return { ok: false, status, problem: value };
      const parsed = schema.safeParse(value);
      if (parsed.success) return { ok: true, value: parsed.data };
      const issue = parsed.error.issues[0];
      throw invalid(name, `answered ${call.path} without ${issue?.path.map(String).join(".") || "the right shape"}`);
    },
    async upload(call, bytes) {
      const type = "application/octet-stream";
      mustSucceed(await exchange(call, { body: bytes, type }, limits.maxBytes, UPLOAD_ANSWER_MS));
    },
    async download(call, maxBytes) {
      return mustSucceed(await exchange(call, {}, maxBytes, limits.answerMs));
    },
  };
}

const invalid = (name: string, what: string, cause?: unknown): AppError =>
  new AppError("integration-invalid", `${name} ${what}.`, { cause });

/** A path below the address: each part is a name, so that none of them leads elsewhere. */
function below(base: URL, path: string, query: JsonCall["query"]): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/$/, "")}/${path}`;
  url.search = new URLSearchParams(Object.entries(query ?? {}).map(([key, value]) => [key, String(value)])).toString();
  return url;
}

/** Statuses after which nothing that follows in the body counts. */
function refuseUseless(answer: EgressAnswer, name: string, url: URL): void {
  const { status } = answer;
  const refuse = (
    code: "integration-unauthorized" | "integration-unreachable" | "integration-invalid",
    what: string,
  ) => {
    answer.cancel();
    throw new AppError(code, `${name} at ${url.host} ${what}.`);
  };
  if (status === 401) refuse("integration-unauthorized", `refuses access (${status})`);
  if (status >= 500 || LATER.has(status)) refuse("integration-unreachable", `answers ${status}`);
  if (status < 200 || (status >= 300 && status < 400))
    refuse("integration-invalid", `answers with a redirect (${status})`);
}

async function readAll(answer: EgressAnswer): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of answer.body) pieces.push(piece);
  return Buffer.concat(pieces);
}

function parseJson(bytes: Buffer, name: string, status: number): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid(name, `answered ${status} with ${bytes.includes("<") ? "a page" : "text"} instead of JSON`, cause);
  }
}

/** The reason that a refusal names. Nothing else of an answer goes into a message: it may repeat what was sent. */
function detailOf(bytes: Buffer): string {
  try {
    const { detail, message } = JSON.parse(bytes.toString("utf8")) as { detail?: unknown; message?: unknown };
    const text = typeof detail === "string" ? detail : typeof message === "string" ? message : "";
    return text.slice(0, DETAIL_CHARS).replace(/[^\x20-\x7e]+/g, " ");
  } catch {
    return "";
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof EgressFailure && error.kind === "too-slow"
    ? error.message
    : `cannot be reached (${(error as Error).message})`;
