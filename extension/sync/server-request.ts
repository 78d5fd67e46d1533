import { readText, sendProven } from "./proven-http.ts";
import type { ServerConnection } from "./server-discovery.ts";
import type { z } from "zod";

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly status: number; readonly retryAfterMs: number };

const REQUEST_DEADLINE_MS = 20_000;
/** Longest answer that is read: a page of examples is the largest. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const LONGEST_RETRY_AFTER_MS = 60_000;

/** One request with the token; `status` 0 means that no answer came, or one that makes no sense. */
export async function ask<T>(
  connection: ServerConnection,
  schema: z.ZodType<T>,
  method: "GET" | "POST" | "PUT",
  route: string,
  body: string | null,
  signal: AbortSignal,
): Promise<Answer<T>> {
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_DEADLINE_MS)]);
    const response = await sendProven(connection, { method, route, body }, limited);
    const text = await readText(response, MAX_ANSWER_BYTES);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return { ok: true, value: schema.parse(JSON.parse(text)) };
    return { ok: false, status, retryAfterMs: retryAfterMs(response.headers["retry-after"]) };
  } catch {
    return { ok: false, status: 0, retryAfterMs: 0 };
  }
}

function retryAfterMs(header: string | undefined): number {
  const seconds = Number(header ?? 0);
  return Number.isFinite(seconds) ? Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, seconds * 1_000)) : 0;
}
