import type { ServerConnection } from "./server-discovery.ts";
import type { z } from "zod";

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly status: number; readonly retryAfterMs: number };

const REQUEST_DEADLINE_MS = 10_000;

/** One request with the token; `status` 0 means that no answer came. Redirects are never followed. */
export async function ask<T>(
  connection: ServerConnection,
  schema: z.ZodType<T>,
  method: "GET" | "POST" | "PUT",
  route: string,
  body: string | null,
  signal: AbortSignal,
): Promise<Answer<T>> {
  try {
    const response = await fetch(connection.baseUrl + route, {
      method,
      headers: {
        authorization: `Bearer ${connection.token}`,
        ...(body === null ? {} : { "content-type": "application/json" }),
      },
      ...(body === null ? {} : { body }),
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_DEADLINE_MS)]),
    });
    if (!response.ok) {
      const retryAfter = Number(response.headers.get("retry-after"));
      return { ok: false, status: response.status, retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1_000 : 0 };
    }
    return { ok: true, value: schema.parse(await response.json()) };
  } catch {
    return { ok: false, status: 0, retryAfterMs: 0 };
  }
}
