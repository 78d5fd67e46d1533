import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** What a request was, as the hub saw it. */
export interface SeenRequest {
  readonly path: string;
  readonly range: string | undefined;
  readonly token: string | undefined;
}

/** Answers instead of the hub; false lets the hub answer. */
type Trick = (request: IncomingMessage, response: ServerResponse, path: string) => boolean;

export interface TestHub extends AsyncDisposable {
  readonly url: URL;
  readonly seen: SeenRequest[];
  readonly files: Map<string, Buffer>;
  trick: Trick | null;
}

/**
 * A hub on loopback that speaks the paths a pull needs: the commit of a revision, the list of files, and
 * their bytes with ranges. Files over 4 KB, and all weights, are in large file storage behind a redirect.
 */
export async function startTestHub(modelDir: string, names: readonly string[]): Promise<TestHub> {
  const files = new Map(names.map((name) => [name, readFileSync(`${modelDir}/${name}`)]));
  const seen: SeenRequest[] = [];
  const isLarge = (name: string, bytes: Buffer) => name.endsWith(".safetensors") || bytes.length > 4_096;
  const server = createServer((request, response) => {
    const path = request.url!.split("?")[0]!;
    seen.push({ path, range: request.headers.range, token: request.headers.authorization });
    if (hub.trick?.(request, response, path)) return;
    const json = (value: unknown) =>
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(value));
    if (path.startsWith("/api/models/owner/name/revision/"))
      return json({ _id: "1", id: "owner/name", sha: COMMIT, lastModified: "2026-01-01T00:00:00.000Z" });
    if (path === `/api/models/owner/name/tree/${COMMIT}`)
      return json([...files].map(([name, bytes]) => entry(name, bytes, isLarge(name, bytes))));
    const name = decodeURIComponent(path.split("/").at(-1)!);
    const bytes = files.get(name);
    if (!bytes) return response.writeHead(404, { "X-Error-Code": "EntryNotFound" }).end();
    if (path.startsWith("/owner/name/resolve/") && isLarge(name, bytes))
      return response.writeHead(302, { Location: `/storage/${name}` }).end();
    return sendBytes(request, response, bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const hub: TestHub = {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    seen,
    files,
    trick: null,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return hub;
}

export function sendBytes(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const headers = { ETag: `"${sha256(bytes)}"`, "Content-Type": "application/octet-stream" };
  if (start === undefined)
    return void response.writeHead(200, { ...headers, "Content-Length": bytes.length }).end(bytes);
  const last = end === "" ? bytes.length - 1 : Number(end);
  const part = bytes.subarray(Number(start), last + 1);
  response
    .writeHead(206, {
      ...headers,
      "Content-Length": part.length,
      "Content-Range": `bytes ${start}-${last}/${bytes.length}`,
    })
    .end(part);
}

function entry(path: string, bytes: Buffer, isLarge: boolean): object {
  const blob = createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
  const lfs = { oid: sha256(bytes), size: bytes.length, pointerSize: 130 };
  return { type: "file", path, size: bytes.length, oid: blob, ...(isLarge ? { lfs } : {}) };
}

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
