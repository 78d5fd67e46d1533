import { readRuntime } from "./server-database.ts";
import assert from "node:assert/strict";

const ANSWER_MS = 10_000;

/** One request to the server that runs on a data folder, with its token; anything but success throws. */
export async function askServer(dataDir: string, method: string, route: string, body?: unknown): Promise<unknown> {
  const runtime = readRuntime(dataDir);
  assert.ok(runtime, "no server runs");
  const response = await fetch(`http://127.0.0.1:${runtime.port}${route}`, {
    method,
    headers: { authorization: `Bearer ${runtime.token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${route}: ${response.status} ${text}`);
  return JSON.parse(text);
}
